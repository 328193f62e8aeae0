#include "axs/net/path_estimator.h"

#include <algorithm>
#include <cmath>

#include "axs/core/dmath.h"

namespace axs::net {

void LossEstimator::add(HelloFate fate) {
  const bool lost = fate == HelloFate::lost;
  lost_[next_] = lost;
  next_ = (next_ + 1) % window;
  filled_ = std::min(filled_ + 1, window);
  hellos_ += 1;
  losses_ += lost ? 1 : 0;
  pairs_ += lost && last_lost_ ? 1 : 0;
  last_lost_ = lost;
  if (hellos_ < memory) return;
  hellos_ /= 2;
  losses_ /= 2;
  pairs_ /= 2;
}

double LossEstimator::recent() const {
  return filled_ == 0 ? 0 : static_cast<double>(lost_.count()) / static_cast<double>(filled_);
}

bool PathEstimator::answered(Instant now, Duration round_trip) {
  if (!first_) first_ = now;
  const Duration change = round_trip > last_ ? round_trip - last_ : last_ - round_trip;
  jitter_ = has_sample() ? jitter_ + (change - jitter_) / 16 : Duration{};
  smoothed_ = has_sample() ? smoothed_ + (round_trip - smoothed_) / 8 : round_trip;
  last_ = round_trip;
  window_.add(round_trip);
  if (!level_.add(round_trip)) return false;
  smoothed_ = round_trip;
  ++steps_;
  return true;
}

void PathEstimator::survived(Instant now, Duration silence) {
  const std::int64_t number = period_number(now, block);
  Survived& entry = survived_[static_cast<std::size_t>((number % blocks + blocks) % blocks)];
  if (entry.block != number) entry = {number, {}};
  entry.longest = std::max(entry.longest, silence);
}

Duration PathEstimator::experienced(Instant now) const {
  const std::int64_t oldest = period_number(now, block) - blocks + 1;
  Duration longest{};
  for (const Survived& entry : survived_)
    if (entry.block >= oldest) longest = std::max(longest, entry.longest);
  const bool novice = !first_ || now - *first_ < seconds(60);
  return std::max(longest * 3 / 2, novice ? milliseconds(500) : Duration{});
}

double PathEstimator::misses_in_a_row(Duration interval) const {
  const double late = 2.0 / (static_cast<double>(window_.size()) + 1);
  const double first = std::min(loss_.any() + late, 1.0);
  const double next = std::max(first, loss_.after_loss() + late);
  const double alarms_of_one = first / interval.seconds();
  if (alarms_of_one <= false_alarms_per_second) return 1;
  if (next >= 1) return INFINITY;
  return 1 + std::ceil(dmath::log(alarms_of_one / false_alarms_per_second) / -dmath::log(next));
}

Duration PathEstimator::silence_limit(Instant now, Duration interval) const {
  const double most = static_cast<double>(limit_max.ns) / static_cast<double>(interval.ns);
  const double misses = std::min(misses_in_a_row(interval), most);
  const Duration chain = static_cast<std::int64_t>(misses) * interval + window_.range();
  return std::min(std::max(chain, experienced(now)), limit_max);
}

}  // namespace axs::net
