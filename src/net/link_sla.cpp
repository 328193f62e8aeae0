#include "axs/net/link_sla.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace axs::net {

namespace {

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string milliseconds_text(Duration d) {
  return fixed(d.seconds() * 1e3, 1) + " ms";
}

Error refusal(const std::string& link, const LatencyOffer& offer, const std::string& seen) {
  return {Errc::invalid,
          link + ": " + seen + " is not possible, want at least " + milliseconds_text(offer.light) +
              " (stretch 1), there and back at the speed of light; " + offer_text(offer)};
}

}  // namespace

std::string offer_text(const LatencyOffer& offer) {
  std::string text = "to be had: about " + milliseconds_text(offer.fibre) + " over fibre";
  if (offer.leo) text += ", about " + milliseconds_text(*offer.leo) + " over low earth orbit";
  return text;
}

bool beyond_known_ways(const LatencyOffer& offer, const LinkPromise& promise) {
  return promise.round_trip < offer.fibre && (!offer.leo || promise.round_trip < *offer.leo);
}

Result<std::optional<LinkPromise>> promise_of(const std::string& link, const LatencyOffer& offer,
                                              const PromiseWish& wish) {
  if (!(wish.percentile >= 50 && wish.percentile <= 99.9))
    return Error{Errc::invalid, link + ": percentile " + fixed(wish.percentile, 3) +
                                    ", want it between 50 and 99.9"};
  if (wish.round_trip && wish.stretch)
    return Error{Errc::invalid, link + ": both a round trip and a stretch, want one of them"};
  if (!wish.round_trip && !wish.stretch) return std::optional<LinkPromise>{};
  if (offer.light <= Duration{})
    return Error{Errc::invalid, link + ": both ends are at one place, want two for a promise"};
  if (wish.round_trip && *wish.round_trip < offer.light)
    return refusal(link, offer, "a round trip of " + milliseconds_text(*wish.round_trip));
  if (wish.stretch && !(*wish.stretch >= 1))
    return refusal(link, offer, "a stretch of " + fixed(*wish.stretch, 3));
  constexpr double stretch_max = 1000;
  const double stretch =
      wish.stretch ? *wish.stretch : wish.round_trip->seconds() / offer.light.seconds();
  if (stretch > stretch_max)
    return Error{Errc::invalid, link + ": a stretch of " + fixed(stretch, 0) +
                                    " promises nothing, want at most 1000"};
  return std::optional{LinkPromise{stretch, wish.percentile,
                                   wish.round_trip.value_or(scaled(offer.light, stretch))}};
}

std::optional<Duration> percentile_of(std::vector<Duration>& answered, std::size_t lost,
                                      double percentile) {
  const std::size_t all = answered.size() + lost;
  if (all == 0) return std::nullopt;
  // The subtrahend keeps 99 % of 100 from becoming rank 100 by rounding.
  const double rank = std::ceil(percentile * static_cast<double>(all) / 100 - 1e-9);
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  if (index >= answered.size()) return std::nullopt;
  std::sort(answered.begin(), answered.end());
  return answered[index];
}

void LinkWatch::step(Instant now, const Event& event, std::vector<Action>& actions) {
  if (const auto* echo = std::get_if<EchoArrived>(&event)) take(now, echo->number);
  send_due(now, actions);
  close_due(now, actions);
}

void LinkWatch::take(Instant now, std::uint32_t number) {
  if (probes_.empty()) return;
  const std::uint32_t index = number - probes_.front().number;
  if (index >= probes_.size()) return;
  Probe& probe = probes_[index];
  if (!probe.round_trip && now - probe.sent <= config_.patience)
    probe.round_trip = now - probe.sent;
}

/// After a pause of this process the probes that were not sent are left out, not made up for.
void LinkWatch::send_due(Instant now, std::vector<Action>& actions) {
  if (now < next_echo_) return;
  probes_.push_back({next_number_, now, {}});
  actions.push_back(SendEcho{next_number_++});
  next_echo_ = next_echo_ + config_.interval;
  if (next_echo_ <= now) next_echo_ = now + config_.interval;
}

void LinkWatch::close_due(Instant now, std::vector<Action>& actions) {
  while (window_begin_ + config_.window + config_.patience < now) {
    const Instant end = window_begin_ + config_.window;
    const LinkQuality found = quality(window_begin_, end);
    const auto& promise = config_.promise;
    const bool breach = promise && found.probes > 0 &&
                        (!found.percentile || *found.percentile > promise->round_trip);
    if (found.probes > 0) actions.push_back(WindowClosed{window_begin_, end, found, breach});
    // One window's probes stay for recent().
    while (!probes_.empty() && probes_.front().sent < window_begin_) probes_.pop_front();
    window_begin_ = end;
  }
}

LinkQuality LinkWatch::quality(Instant begin, Instant end) const {
  LinkQuality found;
  std::vector<Duration> answered;
  for (const Probe& probe : probes_) {
    if (probe.sent < begin || probe.sent >= end) continue;
    ++found.probes;
    if (probe.round_trip) answered.push_back(*probe.round_trip);
  }
  found.lost = found.probes - static_cast<std::uint32_t>(answered.size());
  found.median = percentile_of(answered, found.lost, 50);
  found.percentile = percentile_of(
      answered, found.lost, config_.promise ? config_.promise->percentile : config_.percentile);
  return found;
}

/// The last probes may still come back. Once one is late by the patience, all before it are told.
LinkQuality LinkWatch::recent(Instant now) const {
  Instant end = now - config_.patience;
  for (const Probe& probe : probes_)
    if (probe.round_trip) end = std::max(end, probe.sent + nanoseconds(1));
  return quality(end - config_.window, end);
}

}  // namespace axs::net
