#include "axs/net/path_estimator.h"

#include <algorithm>
#include <cmath>

#include "axs/core/dmath.h"

namespace axs::net {

void LossEstimator::sample(HelloFate fate) {
  const bool lost = fate == HelloFate::lost;
  lost_count_ = lost_count_ + lost - lost_[next_];
  lost_[next_] = lost;
  next_ = (next_ + 1) % window;
  filled_ = std::min(filled_ + 1, window);
}

void LossEstimator::add(HelloFate fate) {
  const bool lost = fate == HelloFate::lost;
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
  return filled_ == 0 ? 0 : static_cast<double>(lost_count_) / static_cast<double>(filled_);
}

namespace {

/// True, and notes the time, if `spacing` has passed since the one noted last.
bool due(std::optional<Instant>& last, Instant now, Duration spacing) {
  if (last && now - *last < spacing) return false;
  last = now;
  return true;
}

}  // namespace

bool PathEstimator::answered(Instant now, Duration round_trip) {
  if (!first_) first_ = now;
  if (!due(sampled_, now, spacing)) return false;
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

void PathEstimator::judged(Instant sent, HelloFate fate) {
  loss_.add(fate);
  if (!due(counted_, sent, spacing)) return;
  loss_.sample(fate);
  if (loss_shift_.add(fate == HelloFate::lost)) ++loss_steps_;
}

void PathEstimator::survived(Instant now, Duration silence, Duration interval) {
  const std::int64_t number = period_number(now, block);
  Survived& entry = survived_[static_cast<std::size_t>((number % blocks + blocks) % blocks)];
  if (entry.block != number) entry = {number, {}};
  entry.longest = std::max(entry.longest, silence - interval);
}

Duration PathEstimator::experienced(Instant now) const {
  const std::int64_t present = period_number(now, block);
  double count = 0, sum = 0, squares = 0;
  Duration longest{};
  for (const Survived& entry : survived_) {
    if (entry.block <= present - blocks || entry.longest == Duration{}) continue;
    longest = std::max(longest, entry.longest);
    // What the present block has shown so far is no extreme of a block yet.
    if (entry.block == present) continue;
    const double extreme = entry.longest.seconds();
    count += 1, sum += extreme, squares += extreme * extreme;
  }
  if (count < 2) return longest * 3 / 2;
  const double mean = sum / count;
  const double variance = std::max(0.0, squares - sum * mean) / (count - 1);
  constexpr double euler = 0.57721566, sqrt6_over_pi = 0.77969680;
  // Blocks in which a silence may pass the limit: so few that 1 - P is -ln P.
  static const double rarity = -dmath::log(false_alarms_per_second * block.seconds());
  const double tail = mean + sqrt6_over_pi * std::sqrt(variance) * (rarity - euler);
  return std::max(longest * 3 / 2, from_seconds(tail));
}

std::int64_t PathEstimator::misses_in_a_row(Duration interval, std::int64_t most) const {
  const double first = std::max(loss_.any(), loss_.recent());
  const double next = std::max(first, loss_.after_loss());
  std::int64_t misses = 3;
  double alarms = first * next * next / interval.seconds();  // A second.
  for (; alarms > false_alarms_per_second && misses < most; ++misses) alarms *= next;
  return misses;
}

Duration PathEstimator::silence_limit(Instant now, Duration interval) const {
  if (!has_sample()) return limit_max;
  // A hello may be lost, and the next one come late.
  const Duration longest = std::max(limit_max, 2 * interval + interval / 2 + window_.range());
  const std::int64_t misses = misses_in_a_row(interval, longest.ns / interval.ns);
  const Duration chain = misses * interval + window_.range();
  const bool novice = !first_ || now - *first_ < seconds(60);
  const Duration least = novice ? milliseconds(500) : interval + experienced(now);
  return std::min(std::max(chain, least), longest);
}

}  // namespace axs::net
