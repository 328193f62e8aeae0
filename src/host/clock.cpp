#include "axs/host/clock.h"

#include <time.h>

#include <algorithm>
#include <cmath>

#include "axs/core/wire.h"
#include "axs/host/boot.h"
#include "axs/host/file.h"

namespace axs::host {

namespace {

Duration read_clock(clockid_t clock) {
  timespec now;
  AXS_ASSERT(::clock_gettime(clock, &now) == 0);
  return {std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

}  // namespace

Duration time_since_boot() {
  return read_clock(CLOCK_BOOTTIME);
}

Duration unix_time() {
  return read_clock(CLOCK_REALTIME);
}

RunClock::RunClock(Instant start, ClockSkew skew)
    : RunClock{time_since_boot() - (start - Instant{}), skew} {}

RunClock RunClock::resume(const ClockMark& mark, Instant not_before, ClockSkew skew) {
  const auto boot = boot_id();
  if (boot == mark.boot && boot != decltype(boot){})
    return RunClock{mark.since_boot - (mark.at - Instant{}), skew};
  return RunClock{std::max(mark.at, not_before), skew};
}

Instant RunClock::show(Duration since_boot) const {
  const Duration run = since_boot - epoch_;
  // llround of a product with a constant never decreases, and its slope is above -1: so is the sum.
  const Duration drift{std::llround(static_cast<double>(run.ns) * (skew_.ppm * 1e-6))};
  return Instant{} + run + drift + skew_.offset;
}

Duration RunClock::when(Instant at) const {
  const Duration shown = at - Instant{} - skew_.offset;
  const auto run = std::llround(static_cast<double>(shown.ns) / (1 + skew_.ppm * 1e-6));
  // Without drift the division by one may still lose the last bits of a large number.
  Duration guess = epoch_ + (skew_.ppm == 0 ? shown : Duration{run});
  while (show(guess) < at) guess += nanoseconds(1);
  while (show(guess - nanoseconds(1)) >= at) guess = guess - nanoseconds(1);
  return guess;
}

ClockMark RunClock::mark() const {
  const Duration since_boot = time_since_boot();
  return {.boot = boot_id(),
          .since_boot = since_boot,
          .at = Instant{} + (since_boot - epoch_),
          .wall = unix_time()};
}

Result<> save_clock_mark(const std::string& path, const ClockMark& mark) {
  return write_file_atomically(path, to_wire(mark), FileAccess::everyone);
}

Result<ClockMark> load_clock_mark(const std::string& path) {
  const auto data = AXS_TRY(read_file(path, 4096));
  const auto mark = AXS_TRY(from_wire<ClockMark>(data, path));
  if (mark.version != ClockMark::current_version)
    return Error{Errc::invalid, path + ": version " + std::to_string(mark.version) + ", want " +
                                    std::to_string(ClockMark::current_version)};
  return mark;
}

}  // namespace axs::host
