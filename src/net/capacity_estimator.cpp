#include "axs/net/capacity_estimator.h"

#include <algorithm>
#include <utility>

#include "axs/core/dmath.h"

namespace axs::net {

namespace {

constexpr Duration block = milliseconds(100);
/// Of the detector's time for each factor of e.
constexpr double scale = 5e-3;
constexpr double growth_per_second = 0.01;
constexpr double growth_max = 2;

}  // namespace

void CapacityEstimator::add(Instant now, BytesPerSecond rate, bool limiting) {
  if (rate <= BytesPerSecond{}) return;
  const std::int64_t number = period_number(now, block);
  if (block_ != number) close(now);
  block_ = number;
  all_.add(rate.value());
  if (limiting) limiting_.add(rate.value());
}

void CapacityEstimator::close(Instant now) {
  const Mean all = std::exchange(all_, {});
  const Mean limiting = std::exchange(limiting_, {});
  if (all.count == 0) return;
  if (limiting.count > 0) {
    limit(now, limiting.value());
  } else if (capacity_ > 0 && all.value() > capacity_) {
    capacity_ = all.value();
    met_ = now;
  }
  proven_ = std::max(proven_, all.value());
}

void CapacityEstimator::limit(Instant now, double rate) {
  if (level_.add(from_seconds(scale * dmath::log(rate)))) {
    ++steps_;
    proven_ = 0;
  }
  capacity_ = dmath::exp(level_.level().seconds() / scale);
  met_ = now;
}

BytesPerSecond CapacityEstimator::capacity(Instant now) const {
  const double growth = 1 + growth_per_second * std::max((now - met_).seconds(), 0.0);
  return BytesPerSecond{capacity_ * std::min(growth, growth_max)};
}

}  // namespace axs::net
