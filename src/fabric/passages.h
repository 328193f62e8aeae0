#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "axs/fabric/network_forecast.h"

/// What forecasts of a network are made of.
namespace axs::fabric {

/// About as long as an exchange takes, so that what is shorter averages out for it.
inline constexpr Duration spell = seconds(60);
inline constexpr Duration look_every = seconds(15);
inline constexpr auto spells = static_cast<std::size_t>(forecast_horizon.ns / spell.ns);

inline Duration start_of(std::size_t i) {
  return spell * static_cast<std::int64_t>(i);
}

/// What passes between two sites in a spell; no rate: nothing.
struct Passage {
  BytesPerSecond rate{};
  Seconds round_trip{};

  bool operator==(const Passage&) const = default;
};
using Passages = std::vector<Passage>;  ///< by spell
/// Of two sites, the lower number first.
using PairPassages = std::map<std::pair<std::uint32_t, std::uint32_t>, Passages>;

/// The mean over the samples of a spell: of the rate, and of the round trips where anything passes.
class MeanPassage {
 public:
  void add(const Passage& sample);
  Passage mean() const;

 private:
  Passage sum_;
  int passes_ = 0;
  int samples_ = 0;
};

/// What a direction of a link carries to its end on average.
BytesPerSecond rate_of(const net::PipeConfig& pipe, Duration from, Duration until);

/// Spells that are alike are one. Where nothing passes for a spell, an exchange waits for the next
/// one and then has what they carry in the mean.
NetworkForecast forecast_of(PairPassages pairs);

}  // namespace axs::fabric
