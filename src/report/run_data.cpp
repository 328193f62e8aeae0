#include "axs/report/run_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "axs/report/fault_outcome.h"

namespace axs::report {
namespace {

using record::Entry;
using record::History;

constexpr std::size_t points_most = 600;
constexpr std::size_t rows_most = 300;
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// A count since the start of a process that may start again.
class Counter {
 public:
  /// By how much it has grown.
  std::uint64_t grow(std::uint64_t seen) {
    const std::uint64_t growth = seen >= last_ ? seen - last_ : seen;
    last_ = seen;
    return growth;
  }

 private:
  std::uint64_t last_ = 0;
};

/// One direction of a link.
struct Direction {
  Counter bytes, packets, lost;
  double first_at = no_number;
};

class Collector {
 public:
  explicit Collector(const History& history) : history_{history} {}

  RunData collect() {
    for (const Entry& entry : history_.entries) {
      now_ = static_cast<double>(entry.at.ns) * 1e-9 - begin_;
      std::visit([&](const auto& fact) { see(entry.site, fact); }, entry.fact);
      if (!finished_) data_.totals.duration = std::max(data_.totals.duration, now_);
    }
    close();
    data_.routing.reroutes = reroutes(history_);
    data_.routing.handovers = sentence(handovers(history_));
    data_.bulk = bulk(history_);
    auto& moves = data_.routing.reroutes;
    if (moves.size() > rows_most) moves.resize(rows_most);
    auto& leases = data_.bulk.leases;
    if (leases.size() > rows_most) leases.resize(rows_most);
    return std::move(data_);
  }

 private:
  template <class Fact>
  void see(const std::string&, const Fact&) {}
  void see(const std::string&, const catalog::RunStarted& fact) {
    // Of a run that was resumed, the first life.
    if (!data_.start.sites.empty()) return;
    begin_ += now_;
    now_ = 0;
    data_.start = fact;
    for (const auto& name : fact.sites) site(name);
  }
  void see(const std::string&, const catalog::WorkerReady& fact) {
    if (fact.corpus != Hash256{}) data_.origin.corpus = to_hex(fact.corpus);
  }
  void see(const std::string&, const catalog::BuiltFrom& fact) { data_.origin.built = fact; }
  void see(const std::string&, const catalog::SiteDescribed& fact) {
    data_.sites[site(fact.name)].place = fact;
  }
  void see(const std::string&, const catalog::LinkDescribed& fact) {
    data_.links[link(fact.link)].link = fact;
  }
  void see(const std::string&, const catalog::Predicted& fact) { data_.predicted = fact; }
  void see(const std::string&, const catalog::RunFinished&) {
    data_.totals.finished = finished_ = true;
    data_.totals.duration = now_;
  }
  void see(const std::string&, const catalog::LinkTraffic& fact) {
    LinkData& held = data_.links[link(fact.link)];
    Direction& direction = directions_[{fact.link, fact.from}];
    const auto bytes = static_cast<double>(direction.bytes.grow(fact.bytes));
    held.bytes += bytes;
    held.packets += static_cast<double>(direction.packets.grow(fact.packets));
    held.lost += static_cast<double>(direction.lost.grow(fact.lost));
    data_.sites[site(fact.from)].bytes_sent += bytes;
    data_.totals.bytes += bytes;
    note_rate(held, bytes);
    const bool forth = fact.from == held.link.a || held.link.a.empty();
    if (forth && fact.one_way > Duration{})
      add(held.delay, now_, fact.up ? fact.one_way.seconds() * 1e3 : no_number);
  }
  /// Both directions are noted one after the other: the second adds to what the first began.
  void note_rate(LinkData& held, double bytes) {
    pending_[held.link.link] += bytes;
    const auto [last, first] = rated_.emplace(held.link.link, now_);
    if (first) pending_[held.link.link] = 0;
    if (now_ - last->second < 0.5) return;
    const double took = now_ - last->second;
    add(held.rate, now_, std::exchange(pending_[held.link.link], 0) * 8e-6 / took);
    last->second = now_;
  }
  void see(const std::string&, const catalog::RouteMeasured& fact) {
    const std::string pair = fact.from + " → " + fact.to;
    auto found = std::ranges::find(data_.routing.delays, pair, &Series::name);
    if (found == data_.routing.delays.end())
      found = data_.routing.delays.insert(data_.routing.delays.end(), Series{pair, {}, {}});
    add(*found, now_, fact.rtt.seconds() * 1e3);
    move_to({fact.from, fact.to, fact.path, {}, "first seen", now_, now_});
  }
  void see(const std::string& from, const catalog::RouteChanged& fact) {
    if (fact.traffic != "gradient") return;
    ++data_.totals.reroutes;
    const std::string& why = fact.grounds.sentence;
    move_to({from, fact.peer, fact.path, {}, why.empty() ? fact.reason : why, now_, now_});
  }
  void move_to(RouteSpan span) {
    auto& spans = spans_[{span.from, span.to}];
    if (!spans.empty() && spans.back().path == span.path) return;
    if (!spans.empty()) spans.back().end = now_;
    spans.push_back(std::move(span));
  }

  void see(const std::string& name, const catalog::SiteStarted& fact) {
    if (fact.incarnation > 1) ++data_.sites[site(name)].kills;
  }
  void see(const std::string& name, const catalog::WorkerLost&) {
    ++data_.sites[site(name)].kills;
    progressed_.erase(name);
  }
  void see(const std::string& name, const catalog::Progress& fact) {
    const std::size_t i = site(name);
    SiteData& held = data_.sites[i];
    const auto before = progressed_.find(name);
    if (before != progressed_.end() && fact.steps > before->second.second.steps &&
        fact.tokens >= before->second.second.tokens) {
      const double took = now_ - before->second.first;
      const std::uint64_t tokens = fact.tokens - before->second.second.tokens;
      const std::uint64_t steps = fact.steps - before->second.second.steps;
      if (took > 0) add(data_.series[i].speed, now_, static_cast<double>(tokens) / took);
      held.busy += static_cast<double>(steps) * fact.step_time.seconds();
    } else if (before == progressed_.end() && fact.steps > held.steps) {
      held.busy += static_cast<double>(fact.steps - held.steps) * fact.step_time.seconds();
    }
    progressed_[name] = {now_, fact};
    held.steps = std::max(held.steps, fact.steps);
    held.tokens = std::max(held.tokens, fact.tokens);
    if (!std::isfinite(fact.loss)) return;
    held.loss = fact.loss;
    add(data_.series[i].loss, now_, fact.loss);
  }
  void see(const std::string&, const catalog::Evaluated& fact) {
    data_.totals.validation_loss = fact.loss;
    add(data_.validation, now_, fact.loss);
  }
  void see(const std::string& name, const catalog::Contributed& fact) {
    if (fact.end <= fact.begin || data_.start.fragments == 0) return;
    SiteData& held = data_.sites[site(name)];
    held.bytes_encoded += static_cast<double>(fact.bytes);
    held.values_encoded +=
        static_cast<double>(data_.start.parameters) / static_cast<double>(data_.start.fragments);
  }
  void see(const std::string& name, const catalog::SyncApplied& fact) {
    if (fact.sync >= data_.totals.syncs) {
      if (data_.totals.syncs > 0) rounds_.push_back(now_ - advanced_at_);
      data_.totals.syncs = fact.sync + 1;
      advanced_at_ = now_;
    }
    const auto [merged, first] = merged_.emplace(name, std::pair{fact.sync, now_});
    if (first) return;
    if (fact.sync > merged->second.first)
      add(data_.series[site(name)].round, now_, now_ - merged->second.second);
    merged->second = {fact.sync, now_};
  }
  void see(const std::string&, const catalog::SiteFinished& fact) {
    data_.totals.tokens = std::max(data_.totals.tokens, fact.tokens);
  }
  void see(const std::string&, const catalog::FaultBegan& fact) {
    faults_[fact.fault] = data_.faults.size();
    const std::string what = fact.kind == "cut" ? "cut of " + fact.target
                             : fact.kind == "slow"
                                 ? fmt::format("{} computes {:g}× slower", fact.target, fact.factor)
                                 : fact.kind + " of the " + fact.target;
    data_.faults.push_back({fact.kind, what, now_, now_ + fact.lasts.seconds(), {}});
  }
  void see(const std::string&, const catalog::FaultEnded& fact) {
    const auto found = faults_.find(fact.fault);
    if (found != faults_.end()) data_.faults[found->second].end = now_;
  }

  void see(const std::string&, const catalog::TransferBegan& fact) {
    TransferData& held = transfer(fact);
    held.bytes = static_cast<double>(fact.bytes);
    if (!held.began) held.began = now_;
  }
  void see(const std::string&, const catalog::TransferDone& fact) {
    TransferData& held = transfer(fact);
    held.bytes = static_cast<double>(fact.bytes);
    if (!held.done) held.done = now_;
    held.failure.clear();
  }
  /// The end that knows why says it first.
  void see(const std::string&, const catalog::TransferFailed& fact) {
    TransferData& held = transfer(fact);
    if (!held.done && held.failure.empty()) held.failure = fact.reason;
  }
  template <class Fact>
  TransferData& transfer(const Fact& fact) {
    const auto found = std::ranges::find(data_.transfers, fact.transfer, &TransferData::transfer);
    if (found != data_.transfers.end()) return *found;
    return data_.transfers.emplace_back(TransferData{
        .transfer = fact.transfer, .name = fact.name, .from = fact.from, .to = fact.to});
  }

  std::size_t site(const std::string& name) {
    const auto found = std::ranges::find(data_.sites, name, &SiteData::name);
    if (found != data_.sites.end()) return static_cast<std::size_t>(found - data_.sites.begin());
    data_.sites.push_back({.name = name, .loss = no_number});
    data_.series.push_back({{name, {}, {}}, {name, {}, {}}, {name, {}, {}}});
    return data_.sites.size() - 1;
  }
  std::size_t link(const std::string& name) {
    const auto found =
        std::ranges::find(data_.links, name, [](const LinkData& held) { return held.link.link; });
    if (found != data_.links.end()) return static_cast<std::size_t>(found - data_.links.begin());
    data_.links.push_back({.delay = {name, {}, {}}, .rate = {name, {}, {}}});
    data_.links.back().link.link = name;
    return data_.links.size() - 1;
  }

  std::string kind_of(const std::string& path) {
    if (path.find(", ") != std::string::npos) return "relay";
    return data_.links[link(path)].link.kind;
  }

  void close() {
    const double end = data_.totals.duration;
    for (auto& [pair, spans] : spans_) {
      spans.back().end = end;
      for (RouteSpan& span : spans) {
        span.kind = kind_of(span.path);
        data_.routing.routes.push_back(std::move(span));
      }
    }
    for (const SiteData& held : data_.sites) data_.totals.steps += held.steps;
    measure_rounds();
    for (FaultData& fault : data_.faults) {
      fault.end = std::clamp(fault.end, fault.begin, std::max(fault.begin, end));
      fault.outcome = fault_outcome(history_, fault, begin_);
    }
    thin();
  }
  void measure_rounds() {
    if (rounds_.empty()) return;
    std::ranges::sort(rounds_);
    data_.totals.round_median = rounds_[rounds_.size() / 2];
    data_.totals.round_longest = rounds_.back();
  }
  void thin() {
    for (SiteSeries& held : data_.series)
      for (Series* series : {&held.loss, &held.speed, &held.round})
        *series = thinned(*series, points_most);
    for (LinkData& held : data_.links)
      for (Series* series : {&held.delay, &held.rate}) *series = thinned(*series, points_most);
    for (auto* all : {&data_.routing.delays, &data_.bulk.leased, &data_.bulk.received})
      for (Series& series : *all) series = thinned(series, points_most);
  }

  const History& history_;
  RunData data_;
  double begin_ = 0;  ///< of the run, on the history's clock
  double now_ = 0;
  bool finished_ = false;
  std::vector<double> rounds_;  ///< between the first merges of two syncs at any site
  double advanced_at_ = 0;
  std::map<std::pair<std::string, std::string>, Direction> directions_;
  std::map<std::string, double> pending_, rated_;
  std::map<std::pair<std::string, std::string>, std::vector<RouteSpan>> spans_;
  std::map<std::string, std::pair<double, catalog::Progress>> progressed_;
  std::map<std::string, std::pair<std::uint64_t, double>> merged_;
  std::map<std::uint32_t, std::size_t> faults_;
};

}  // namespace

RunData run_data(const record::History& history) {
  return Collector{history}.collect();
}

}  // namespace axs::report
