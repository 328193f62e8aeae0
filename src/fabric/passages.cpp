#include "axs/fabric/passages.h"

#include <algorithm>

namespace axs::fabric {

namespace {

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

void MeanPassage::add(const Passage& sample) {
  ++samples_;
  if (sample.rate == BytesPerSecond{}) return;
  ++passes_;
  sum_.rate += sample.rate;
  sum_.round_trip += sample.round_trip;
}

Passage MeanPassage::mean() const {
  if (passes_ == 0) return {};
  return {sum_.rate / samples_, sum_.round_trip / passes_};
}

BytesPerSecond rate_of(const net::PipeConfig& pipe, Duration from, Duration until) {
  const double arrives = 1 - pipe.loss;
  if (pipe.capacity.bytes_per_second.empty()) return pipe.rate * arrives;
  const net::RateIntegral capacity{pipe.capacity};
  const auto work = capacity.between(Instant{} + from, Instant{} + until);
  return arrives * Bytes{static_cast<double>(work / net::RateIntegral::byte)} /
         Seconds{(until - from).seconds()};
}

NetworkForecast forecast_of(PairPassages pairs) {
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
