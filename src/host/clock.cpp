#include "axs/host/clock.h"

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "axs/core/wire.h"
#include "axs/host/boot.h"
#include "axs/host/file.h"

namespace axs::host {

namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t billion = 1'000'000'000;

/// The quotient rounded down; divisor > 0.
std::int64_t floor_divide(Wide dividend, Wide divisor) {
  const Wide quotient = dividend / divisor;
  return static_cast<std::int64_t>(dividend % divisor < 0 ? quotient - 1 : quotient);
}

Duration read_clock(clockid_t clock) {
  timespec now;
  AXS_ASSERT(::clock_gettime(clock, &now) == 0);
  return {std::int64_t{now.tv_sec} * billion + now.tv_nsec};
}

}  // namespace

Duration time_since_boot() {
  return read_clock(CLOCK_BOOTTIME);
}

Duration unix_time() {
  return read_clock(CLOCK_REALTIME);
}

Duration thread_processor_time() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

RunClock::RunClock(Duration epoch, ClockSkew skew)
    : epoch_{epoch}, offset_{skew.offset}, parts_per_billion_{std::llround(skew.ppm * 1000)} {
  AXS_ASSERT(std::abs(parts_per_billion_) <= billion / 2);
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
  // run + floor(run * rate) with a rate above -1 never decreases; in doubles it could, once run
  // needs more than 53 bits.
  const Duration run = since_boot - epoch_;
  const Duration drift{floor_divide(Wide{run.ns} * parts_per_billion_, billion)};
  return Instant{} + run + drift + offset_;
}

Duration RunClock::when(Instant at) const {
  constexpr Instant far{std::int64_t{1} << 61};
  at = std::clamp(at, Instant{} - (far - Instant{}), far);
  const Duration shown = at - Instant{} - offset_;
  Duration guess =
      epoch_ + Duration{floor_divide(Wide{shown.ns} * billion, billion + parts_per_billion_)};
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
