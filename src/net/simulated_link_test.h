#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "axs/core/rng.h"
#include "axs/core/time.h"

/// For the tests of this module: one direction of a link, written as plainly as possible.
namespace axs::net::test {

/// From `from` on the link drops everything for `lasting`.
struct Outage {
  Instant from;
  Duration lasting;
};

/// From `at` on the delay is `delay`.
struct DelayStep {
  Instant at;
  Duration delay;
};

struct LinkModel {
  Duration delay = milliseconds(75);
  double bytes_per_second = 12.5e6;
  Duration queue = milliseconds(100);  ///< What waits longer than this is dropped.
  Duration jitter{};                   ///< Uniform, and it reorders.
  double loss = 0;
  double burst_start = 0;  ///< Chance per packet that a burst of losses starts.
  int burst_length = 0;    ///< In packets.
  Duration burst_time{};   ///< What comes so soon after its start is lost too.
  double duplication = 0;
  std::vector<Outage> outages{};
  std::vector<DelayStep> delay_steps{};  ///< Sorted.
};

class SimulatedLink {
 public:
  SimulatedLink(LinkModel model, Rng rng) : model_{std::move(model)}, rng_{rng} {}

  /// When the copies of a packet sent now will arrive; none if it is lost.
  std::vector<Instant> send(Instant now, std::uint32_t size) {
    free_at_ = std::max(free_at_, now);
    bytes_sent_ += size;
    if (free_at_ - now > model_.queue || drops(now)) return {};
    free_at_ = free_at_ + from_seconds(size / model_.bytes_per_second);
    std::vector<Instant> arrivals{arrival(now)};
    if (rng_.chance(model_.duplication)) arrivals.push_back(arrival(now));
    return arrivals;
  }
  std::uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  bool drops(Instant now) {
    if (burst_left_ > 0) return --burst_left_, true;
    if (now < burst_until_) return true;
    if (rng_.chance(model_.burst_start)) {
      burst_left_ = model_.burst_length;
      burst_until_ = now + model_.burst_time;
    }
    return rng_.chance(model_.loss) ||
           std::any_of(model_.outages.begin(), model_.outages.end(), [&](const Outage& outage) {
             return now >= outage.from && now < outage.from + outage.lasting;
           });
  }
  Instant arrival(Instant now) {
    Duration delay = model_.delay;
    for (const auto& step : model_.delay_steps)
      if (now >= step.at) delay = step.delay;
    return free_at_ + delay + scaled(model_.jitter, rng_.uniform());
  }

  LinkModel model_;
  Rng rng_;
  Instant free_at_;
  int burst_left_ = 0;
  Instant burst_until_{INT64_MIN};
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace axs::net::test
