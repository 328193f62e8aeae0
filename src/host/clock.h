#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "axs/core/result.h"
#include "axs/core/time.h"

namespace axs::host {

/// Time since the machine booted, suspended time included (CLOCK_BOOTTIME): nothing ever steps it.
Duration time_since_boot();

/// Time since 1970-01-01T00:00:00Z without leap seconds, from the wall clock. For people only: it
/// may step either way.
Duration unix_time();

/// What the calling thread has used of processors since it began.
Duration thread_processor_time();

/// A point at which a run's clock was read; enough for another process, or for the same run later,
/// to go on from there. Stored in the run's folder.
struct ClockMark {
  static constexpr std::uint32_t current_version = 1;
  std::uint32_t version = current_version;
  std::array<std::uint8_t, 16> boot{};  ///< The kernel's boot id: another after each boot.
  Duration since_boot;                  ///< time_since_boot() when the clock showed `at`.
  Instant at;                           ///< What the clock showed, without any skew.
  Duration wall;                        ///< unix_time() at that moment, to show UTC to people.
};

/// What tests do to the clock of a site: it starts off by `offset` and gains `ppm` microseconds per
/// second of the run. ppm is within 500,000 of 0 and counts to three decimals.
struct ClockSkew {
  Duration offset;
  double ppm = 0;
};

/// The clock of one run at one site: Instants since the run's epoch, never going backwards. Every
/// process on one machine that was given the same mark and skew reads the same Instants.
class RunClock {
 public:
  /// Shows `start` now and goes on from there: a new run starts at Instant{}, a run of which
  /// nothing is alive may go on at its last Instant, as if no time had passed.
  explicit RunClock(Instant start, ClockSkew skew = {});

  /// Goes on from a mark. On the boot that made it, time has passed since, so that processes that
  /// were started or restarted meanwhile agree. After a reboot no clock tells reliably how much
  /// passed: it then shows the later of the mark and `not_before`, the last Instant known to have
  /// been used (from the journal, say).
  static RunClock resume(const ClockMark& mark, Instant not_before, ClockSkew skew = {});

  Instant now() const { return show(time_since_boot()); }
  /// What the clock shows when the machine has been up for `since_boot`; never decreasing.
  Instant show(Duration since_boot) const;
  /// The first time since boot at which the clock shows `at` or later. Instants more than 73 years
  /// from the epoch count as that far away, so "never" may be any large Instant.
  Duration when(Instant at) const;
  /// A mark of this moment, for others and for later.
  ClockMark mark() const;

 private:
  RunClock(Duration epoch, ClockSkew skew);

  Duration epoch_;  ///< time_since_boot() at Instant{}; negative after a reboot.
  Duration offset_;
  std::int64_t parts_per_billion_;
};

Result<> save_clock_mark(const std::string& path, const ClockMark& mark);
/// Errc::corrupt if it is no mark, Errc::invalid if another version wrote it.
Result<ClockMark> load_clock_mark(const std::string& path);

}  // namespace axs::host
