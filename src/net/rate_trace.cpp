#include "axs/net/rate_trace.h"

#include <algorithm>

namespace axs::net {

namespace {

/// As that of a fixed rate: 8 Pb/s.
constexpr std::int64_t rate_max = 1'000'000'000'000'000;
/// Times and sums of a trace stay far inside their types.
constexpr std::size_t samples_max = 100'000'000;
constexpr Duration step_max = seconds(3600);

Result<> check_step(Duration step, std::size_t samples, const std::string& what) {
  if (step < nanoseconds(1) || step > step_max)
    return Error{Errc::invalid,
                 what + ": trace steps of " + std::to_string(step.ns) + " ns, want 1 ns to 1 h"};
  if (samples > samples_max)
    return Error{Errc::invalid, what + ": trace of " + std::to_string(samples) +
                                    " steps, want at most " + std::to_string(samples_max)};
  return Ok{};
}

}  // namespace

Duration DelayTrace::at(Instant now) const {
  const std::int64_t number = period_number(now, step);
  const auto count = static_cast<std::int64_t>(one_way.size());
  return one_way[static_cast<std::size_t>((number % count + count) % count)];
}

Result<> validate(const CapacityTrace& trace, const std::string& what) {
  if (trace.bytes_per_second.empty()) return Ok{};
  AXS_TRY(check_step(trace.step, trace.bytes_per_second.size(), what));
  for (const std::int64_t rate : trace.bytes_per_second)
    if (rate < 0 || rate > rate_max)
      return Error{Errc::invalid, what + ": capacity " + std::to_string(rate) +
                                      " bytes/s in the trace, want 0 to 10^15"};
  if (*std::ranges::max_element(trace.bytes_per_second) == 0)
    return Error{Errc::invalid, what + ": the capacity of the trace is 0 throughout, want more"};
  return Ok{};
}

Result<> validate(const DelayTrace& trace, const std::string& what) {
  if (trace.one_way.empty()) return Ok{};
  AXS_TRY(check_step(trace.step, trace.one_way.size(), what));
  const Duration least = *std::ranges::min_element(trace.one_way);
  if (least < Duration{})
    return Error{Errc::invalid,
                 what + ": delay " + std::to_string(least.ns) + " ns in the trace, want >= 0"};
  return Ok{};
}

RateIntegral::RateIntegral(const CapacityTrace& trace)
    : step_ns_{trace.step.ns}, rates_{trace.bytes_per_second}, done_{0} {
  done_.reserve(rates_.size() + 1);
  for (const std::int64_t rate : rates_) done_.push_back(done_.back() + Work{rate} * step_ns_);
}

RateIntegral::Work RateIntegral::before(Instant at) const {
  const auto steps = static_cast<std::int64_t>(rates_.size());
  const std::int64_t period_ns = steps * step_ns_;
  const std::int64_t period = period_number(at, nanoseconds(period_ns));
  const std::int64_t into = at.ns - period * period_ns;
  const auto step = static_cast<std::size_t>(into / step_ns_);
  return done_.back() * period + done_[step] + Work{rates_[step]} * (into % step_ns_);
}

Instant RateIntegral::finish(Instant from, Work work) const {
  const auto steps = static_cast<std::int64_t>(rates_.size());
  const Work total = before(from) + work;
  // Whole periods first; what is left is more than nothing, and at most what one period does.
  Work periods = total / done_.back();
  Work left = total % done_.back();
  if (left <= 0) left += done_.back(), --periods;
  const auto after = std::ranges::lower_bound(done_, left);
  const auto step = static_cast<std::size_t>(after - done_.begin()) - 1;
  const Work in_step = left - done_[step];
  const std::int64_t ns = static_cast<std::int64_t>((in_step + rates_[step] - 1) / rates_[step]);
  return Instant{static_cast<std::int64_t>(periods) * steps * step_ns_ +
                 static_cast<std::int64_t>(step) * step_ns_ + ns};
}

}  // namespace axs::net
