#include "axs/cli/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "axs/report/text.h"

namespace axs::cli {
namespace {

/// Over which time the speed is taken that says how long is left.
constexpr Duration speed_window = seconds(20);
constexpr std::size_t bar_width = 24;

/// In seconds; what takes longer is not known.
constexpr double left_most = 1e8;

constexpr const char* training = "training";

/// Nothing that a terminal would take for an order.
std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

/// Cut at the end of a character.
std::string clipped(std::string text, std::size_t width) {
  text = printable(std::move(text));
  if (columns(text) <= width) return text;
  std::size_t end = 0, seen = 0;
  for (; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && ++seen > width) break;
  text.resize(end);
  return text;
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t has = columns(text);
  return has >= width ? text : text + std::string(width - has, ' ');
}

std::string short_count(double count) {
  if (count < 1e4) return fmt::format("{:.0f}", count);
  if (count < 1e6) return fmt::format("{:.1f} k", count * 1e-3);
  return fmt::format("{:.2f} M", count * 1e-6);
}

/// "sfo-fra leo" is by "leo"; what has two links goes through a third site.
std::string kind_of(const std::string& path) {
  if (path.find(", ") != std::string::npos) return "relay";
  return path.substr(path.rfind(' ') + 1);
}

}  // namespace

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void View::feed(Duration now, const catalog::Noted& noted) {
  now_ = now;
  std::visit([&](const auto& fact) { see(noted.origin.site, fact); }, noted.fact);
}

std::vector<ViewLine> View::take_news() {
  return std::exchange(news_, {});
}

void View::say(Colour colour, const std::string& text) {
  news_.push_back({fmt::format("{:>7.1f} s  {}", now_.seconds(), printable(text)), colour});
}

void View::enter(const std::string& phase, Duration expected) {
  if (!phases_.empty() && phases_.back().name == phase) return;
  if (!phases_.empty()) phases_.back().end = now_;
  phases_.push_back({phase, now_, std::nullopt, expected});
}

void View::see(const std::string&, const catalog::RunStarted& fact) {
  order_ = fact.sites;
  for (const auto& name : order_) sites_[name].state = "starting";
  budget_ = fact.tokens;
  enter("starting", {});
}

void View::see(const std::string&, const catalog::Predicted& fact) {
  finishing_ = fact.finishing;
}

void View::see(const std::string&, const catalog::FaultBegan& fact) {
  std::string text = fact.kind == "cut" ? "cut of " + fact.target
                     : fact.kind == "slow"
                         ? fmt::format("{} computes {:g} times slower", fact.target, fact.factor)
                         : fact.kind + " of the " + fact.target;
  faults_[fact.fault] = text;
  if (fact.lasts > Duration{}) text += fmt::format(" for {:g} s", fact.lasts.seconds());
  say(Colour::red, "fault: " + text);
}

void View::see(const std::string&, const catalog::FaultEnded& fact) {
  const auto found = faults_.find(fact.fault);
  if (found != faults_.end()) say(Colour::green, "over: " + found->second);
}

void View::see(const std::string&, const catalog::RouteMeasured& fact) {
  sites_[fact.from].via[fact.to] = kind_of(fact.path);
}

void View::see(const std::string&, const catalog::LinkTraffic& fact) {
  std::uint64_t& counted = counted_[{fact.link, fact.from}];
  // The count begins anew when its writer does.
  sites_[fact.from].bytes += fact.bytes >= counted ? fact.bytes - counted : fact.bytes;
  counted = fact.bytes;
}

void View::see(const std::string& site, const catalog::SiteStarted& fact) {
  sites_[site].state = "starting";
  if (fact.incarnation > 1) say(Colour::green, "agent of " + site + " is back");
}

void View::see(const std::string& site, const catalog::SiteFinished&) {
  sites_[site].state = "finished";
  enter("finishing", finishing_);
}

void View::see(const std::string& site, const catalog::WorkerStarted&) {
  if (sites_[site].state != "finished") sites_[site].state = "worker starting";
}

void View::see(const std::string& site, const catalog::WorkerReady& fact) {
  Site& held = sites_[site];
  if (held.steps > 0)
    say(Colour::green,
        fmt::format("worker of {} is back, goes on from sync {}", site, fact.applied));
  if (held.state != "finished") held.state.clear();
}

void View::see(const std::string& site, const catalog::WorkerLost& fact) {
  sites_[site].state = "worker lost";
  say(Colour::red, "worker of " + site + " lost: " + fact.reason);
}

void View::see(const std::string& site, const catalog::Progress& fact) {
  Site& held = sites_[site];
  if (phases_.empty() || phases_.back().name == "starting") enter(training, {});
  if (held.state != "finished") held.state.clear();
  held.steps = fact.steps;
  held.tokens = fact.tokens;
  if (std::isfinite(fact.loss)) held.loss = fact.loss;
  if (fact.step_time > Duration{} && fact.steps > 0)
    held.tokens_per_second = static_cast<double>(fact.tokens) / static_cast<double>(fact.steps) /
                             fact.step_time.seconds();
  shares_.emplace_back(now_, share());
  while (shares_.size() > 2 && now_ - shares_.front().first > speed_window) shares_.pop_front();
}

void View::see(const std::string& site, const catalog::Evaluated& fact) {
  say(Colour::plain, fmt::format("{}: validation loss {:.4f}", site, fact.loss));
}

void View::see(const std::string& site, const catalog::Exported& fact) {
  say(Colour::plain, site + ": model written to " + fact.folder);
}

void View::see(const std::string&, const catalog::SyncApplied& fact) {
  syncs_ = std::max(syncs_, fact.sync + 1);
}

void View::see(const std::string& site, const catalog::Diverged& fact) {
  say(Colour::red,
      fmt::format("sync {}: parameters of {} and {} differ", fact.sync, site, fact.other));
}

void View::see(const std::string& site, const catalog::HandshakeFailed& fact) {
  say(Colour::yellow, site + ": no session with " + fact.peer + ": " + fact.reason);
}

void View::see(const std::string& site, const catalog::RouteChanged& fact) {
  if (fact.traffic != "gradient") return;
  sites_[site].via[fact.peer] = kind_of(fact.path);
  const char* arrow = glyphs_ == Glyphs::unicode ? "→" : "->";
  const std::string& why = fact.grounds.sentence;
  say(fact.reason == "cut" ? Colour::yellow : Colour::dim,
      fmt::format("{} {} {}: gradients now over {} ({}){}{}", site, arrow, fact.peer, fact.path,
                  fact.reason, why.empty() ? "" : ": ", why));
}

void View::see(const std::string& site, const catalog::PeerMisbehaved& fact) {
  say(Colour::red, site + ": " + fact.peer + ": " + fact.what);
}

template <class TransferFact>
std::string View::transfer_text(const TransferFact& fact) const {
  return fact.name + " " + fact.from + (glyphs_ == Glyphs::unicode ? " → " : " -> ") + fact.to;
}

void View::see(const std::string&, const catalog::TransferBegan& fact) {
  std::string text = "transfer: " + transfer_text(fact) + ": " +
                     report::bytes_text(static_cast<double>(fact.bytes - fact.kept)) + " to send";
  if (fact.kept > 0)
    text += ", " + report::bytes_text(static_cast<double>(fact.kept)) + " are there already";
  say(Colour::plain, text);
}

void View::see(const std::string&, const catalog::TransferDone& fact) {
  say(Colour::green, "transfer: " + transfer_text(fact) + ": all of it is there, after " +
                         report::time_text(fact.took.seconds()));
}

void View::see(const std::string&, const catalog::TransferFailed& fact) {
  say(Colour::red, "transfer: " + transfer_text(fact) + " failed: " + fact.reason);
}

double View::share() const {
  std::uint64_t tokens = 0;
  for (const auto& [name, site] : sites_) tokens += site.tokens;
  return budget_ == 0 ? 0
                      : std::min(1.0, static_cast<double>(tokens) / static_cast<double>(budget_));
}

std::optional<Duration> View::time_left(Duration now) const {
  if (shares_.size() < 2 || shares_.back().second <= shares_.front().second) return std::nullopt;
  const double speed = (shares_.back().second - shares_.front().second) /
                       (shares_.back().first - shares_.front().first).seconds();
  const double left_s = (1 - shares_.back().second) / speed;
  if (!(left_s < left_most)) return std::nullopt;
  const Duration left = from_seconds(left_s);
  return std::max(Duration{}, left - (now - shares_.back().first));
}

std::optional<double> View::fraction(const Phase& phase, Duration now) const {
  if (phase.end) return 1;
  if (phase.name == training) return share();
  if (phase.expected <= Duration{}) return std::nullopt;
  return std::min(1.0, (now - phase.begin).seconds() / phase.expected.seconds());
}

std::string View::bar(std::optional<double> fraction, std::size_t width) const {
  const bool rich = glyphs_ == Glyphs::unicode;
  const double share = std::clamp(fraction.value_or(0), 0.0, 1.0);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string text;
  for (std::size_t i = 0; i < width; ++i)
    text += i < full ? (rich ? "█" : "#") : fraction ? (rich ? "░" : ".") : (rich ? "·" : "-");
  return text;
}

ViewLine View::phase_line(const Phase& phase, Duration now, std::size_t width) const {
  const auto done = fraction(phase, now);
  const Duration took = phase.end.value_or(now) - phase.begin;
  std::string text = padded("  " + phase.name, 12) + " " + bar(done, width < 60 ? 12 : bar_width);
  if (!phase.end && done) text += fmt::format(" {:>3.0f} %", std::floor(*done * 100));
  text += "  " + report::time_text(took.seconds());
  if (phase.end) return {clipped(text, width), Colour::dim};
  const auto left = phase.name == training ? time_left(now)
                    : done                 ? std::optional{phase.expected - took}
                                           : std::nullopt;
  if (left && *left > Duration{}) text += ", " + report::time_text(left->seconds()) + " left";
  if (phase.name == training)
    text += fmt::format("  {} of {} tokens, {} syncs",
                        short_count(share() * static_cast<double>(budget_)),
                        short_count(static_cast<double>(budget_)), syncs_);
  return {clipped(text, width), Colour::plain};
}

std::string View::site_line(const std::string& name, const Site& site, std::size_t width) const {
  std::string text = padded("  " + name, 13);
  if (site.steps > 0) {
    text += fmt::format("step {:>6}", site.steps);
    if (site.loss) text += fmt::format("  loss {:>6.3f}", *site.loss);
    text += fmt::format("  {:>9}/s", short_count(site.tokens_per_second));
    if (site.bytes > 0)
      text += fmt::format("  {:>9} sent", report::bytes_text(static_cast<double>(site.bytes)));
  }
  if (!site.state.empty()) return clipped(text + (site.steps > 0 ? "  " : "") + site.state, width);
  std::string via;
  for (const auto& [peer, kind] : site.via)
    via += (via.empty() ? "  " : ", ") + peer + " by " + kind;
  return clipped(text + via, width);
}

std::vector<ViewLine> View::block(Duration now, std::size_t width) const {
  std::vector<ViewLine> lines;
  for (const Phase& phase : phases_) lines.push_back(phase_line(phase, now, width));
  for (const std::string& name : order_) {
    const Site& site = sites_.at(name);
    lines.push_back(
        {site_line(name, site, width), site.state == "worker lost" ? Colour::red : Colour::plain});
  }
  return lines;
}

std::string View::summary(Duration now) const {
  std::string text = fmt::format("{:>7.1f} s  {:.0f} % of the tokens, {} syncs", now.seconds(),
                                 std::floor(share() * 100), syncs_);
  for (const std::string& name : order_) {
    const Site& site = sites_.at(name);
    text += fmt::format("; {} step {}", name, site.steps);
    if (site.loss) text += fmt::format(" loss {:.3f}", *site.loss);
    if (!site.state.empty()) text += " " + site.state;
  }
  return printable(std::move(text));
}

}  // namespace axs::cli
