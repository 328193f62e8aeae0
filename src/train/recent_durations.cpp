#include "axs/train/recent_durations.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::train {

namespace {

Duration median_of(std::deque<Duration> values) {
  AXS_ASSERT(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void RecentDurations::add(Duration duration) {
  durations_.push_back(duration);
  if (durations_.size() > kept) durations_.pop_front();
}

Duration RecentDurations::median() const {
  return median_of(durations_);
}

Duration RecentDurations::deviation() const {
  const Duration middle = median();
  std::deque<Duration> deviations;
  for (const Duration duration : durations_)
    deviations.push_back(duration < middle ? middle - duration : duration - middle);
  return median_of(std::move(deviations));
}

}  // namespace axs::train
