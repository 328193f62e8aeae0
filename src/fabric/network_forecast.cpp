#include "axs/fabric/network_forecast.h"

#include <algorithm>
#include <map>
#include <utility>

namespace axs::fabric {

namespace {

/// About as long as an exchange takes, so that what is shorter averages out for it.
constexpr Duration spell = seconds(60);
constexpr Duration look_every = seconds(15);
constexpr auto spells = static_cast<std::size_t>(forecast_horizon.ns / spell.ns);

/// What passes between two sites in a spell; no rate: nothing.
struct Passage {
  BytesPerSecond rate{};
  Seconds round_trip{};

  bool operator==(const Passage&) const = default;
};
using Passages = std::vector<Passage>;  ///< by spell

BytesPerSecond rate_of(const net::PipeConfig& pipe, Duration from, Duration until) {
  if (pipe.capacity.bytes_per_second.empty()) return pipe.rate;
  const net::RateIntegral capacity{pipe.capacity};
  const auto work = capacity.between(Instant{} + from, Instant{} + until);
  return Bytes{static_cast<double>(work / net::RateIntegral::byte)} /
         Seconds{(until - from).seconds()};
}

Passage passage(const LinkPlan& link, Duration from) {
  const Duration until = from + spell;
  int up = 0, looked = 0;
  Passage mean;
  for (Duration at = from; at < until; at += look_every, ++looked) {
    const Wire forth = wire_at(link, false, at);
    const Wire back = wire_at(link, true, at);
    if (!forth.up || !back.up) continue;
    ++up;
    mean.round_trip += Seconds{forth.one_way.seconds() + back.one_way.seconds()};
  }
  if (up == 0) return {};
  mean.round_trip = mean.round_trip / up;
  mean.rate = std::min(rate_of(link.forth, from, until), rate_of(link.back, from, until)) *
              (static_cast<double>(up) / looked);
  return mean;
}

Passage together(const Passage& a, const Passage& b) {
  if (a.rate == BytesPerSecond{}) return b;
  if (b.rate == BytesPerSecond{}) return a;
  return {a.rate + b.rate, std::min(a.round_trip, b.round_trip)};
}

/// Makes a spell in which nothing passes one in which everything is late.
void wait_for_the_next(Passages& passages) {
  Passage mean;
  int up = 0;
  for (const Passage& p : passages) {
    if (p.rate == BytesPerSecond{}) continue;
    mean.rate += p.rate;
    mean.round_trip = std::max(mean.round_trip, p.round_trip);
    ++up;
  }
  if (up == 0) return;
  mean.rate = mean.rate / up;
  Seconds late{};
  for (auto p = passages.rbegin(); p != passages.rend(); ++p) {
    late = p->rate == BytesPerSecond{} ? late + Seconds{spell.seconds()} : Seconds{};
    if (late > Seconds{}) *p = {mean.rate, mean.round_trip + late};
  }
}

}  // namespace

NetworkForecast network_forecast(std::span<const LinkPlan> links) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Passages> pairs;
  for (const LinkPlan& link : links) {
    Passages& passages = pairs[std::minmax(link.a.value, link.b.value)];
    passages.resize(spells);
    for (std::size_t i = 0; i < spells; ++i)
      passages[i] = together(passages[i], passage(link, spell * static_cast<std::int64_t>(i)));
  }
  for (auto& [sites, passages] : pairs) wait_for_the_next(passages);
  NetworkForecast forecast;
  for (std::size_t i = 0; i < spells; ++i) {
    const bool as_before = i > 0 && std::ranges::all_of(pairs, [i](const auto& pair) {
                             return pair.second[i] == pair.second[i - 1];
                           });
    if (as_before) {
      forecast.spells.back() += Seconds{spell.seconds()};
      continue;
    }
    for (const auto& [sites, passages] : pairs)
      if (passages[i].rate > BytesPerSecond{})
        forecast.links.push_back({sites.first, sites.second, passages[i].rate,
                                  passages[i].round_trip,
                                  static_cast<std::uint32_t>(forecast.spells.size())});
    forecast.spells.push_back(Seconds{spell.seconds()});
  }
  return forecast;
}

}  // namespace axs::fabric
