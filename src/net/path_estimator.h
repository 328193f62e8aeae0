#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>

#include "axs/core/time.h"
#include "axs/net/frequency_shift.h"
#include "axs/net/sliding_window.h"
#include "axs/net/step_detector.h"

namespace axs::net {

/// What became of a hello, told in the order of sending.
enum class HelloFate : std::uint8_t { answered, lost };

/// Losses of the last 512 hellos that count for it, and how losses of all cluster over a longer
/// memory: the two numbers of Gilbert's chain (Bell System Technical Journal 39, 1960).
class LossEstimator {
 public:
  void add(HelloFate fate);
  /// Counts towards recent().
  void sample(HelloFate fate);

  /// Share of the window that was lost, both directions together; 0 before the first hello.
  double recent() const;
  /// Chance that a hello is lost, by the rule of succession: (losses + 1) / (hellos + 2).
  double any() const { return (losses_ + 1) / (hellos_ + 2); }
  /// Chance that the hello after a lost one is lost too. Starts at 0.01, worth ten losses seen.
  double after_loss() const { return (pairs_ + 0.1) / (losses_ + 10); }

 private:
  static constexpr std::size_t window = 512;
  static constexpr double memory = 1 << 20;  ///< Hellos after which the counts are halved.

  std::bitset<window> lost_;
  std::size_t lost_count_ = 0;  ///< Of these.
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  double hellos_ = 0;
  double losses_ = 0;
  double pairs_ = 0;  ///< Losses that followed a loss.
  bool last_lost_ = false;
};

/// What one end of a path knows of it from its own hellos: round trips only. How a round trip
/// divides into its two directions cannot be known without a shared clock, and is not guessed.
class PathEstimator {
 public:
  /// Of a path in use: the false alarms per second that a path may have. A tenth of one a day,
  /// because several paths of several pairs share a link, and the link shall stay below one a day.
  static constexpr double false_alarms_per_second = 0.1 / 86'400;
  static constexpr Duration limit_max = seconds(2);

  /// A reply came after `round_trip`, the peer's holding time taken off. True if the level of the
  /// round trips has shifted.
  bool answered(Instant now, Duration round_trip);
  /// What became of the hello that was sent then.
  void judged(Instant sent, HelloFate fate);
  /// The path showed no life for `silence` while `interval` was usual, and then it did, without
  /// having been declared dead.
  void survived(Instant now, Duration silence, Duration interval);

  /// Whether three missing hellos, one every `interval`, are already rarer than false alarms may
  /// be.
  bool knows_losses_are_rare(Duration interval) const { return misses_in_a_row(interval, 4) <= 3; }

  bool has_sample() const { return window_.size() > 0; }
  Duration smoothed() const { return smoothed_; }  ///< RFC 6298, alpha = 1/8; new after a shift.
  Duration least() const { return has_sample() ? window_.quantile(0) : Duration{}; }
  Duration quantile(double q) const { return has_sample() ? window_.quantile(q) : Duration{}; }
  /// Of the last 1,024 round trips, at most one every 10 ms.
  Duration range() const { return window_.range(); }
  /// RFC 3550 section 6.4.1 on round trips: the smoothed difference of successive ones.
  Duration jitter() const { return jitter_; }
  double loss() const { return loss_.recent(); }
  /// Shifts of the round trip seen so far, and of how often hellos are lost.
  std::uint32_t steps() const { return steps_; }
  std::uint32_t loss_steps() const { return loss_steps_; }

  /// How long the path may show no life, with a hello every `interval`, before it counts as dead:
  /// the greater of what the losses and what the silences survived so far ask for, so that a live
  /// path looks dead less than false_alarms_per_second. Never more than limit_max; beyond it the
  /// promise would cost more than a false alarm does. But hellos that are slower than that are
  /// waited for: one of them may be lost, and the next one late by half of their interval.
  ///
  /// Losses: k intervals and the range of the round trips. A hello is lost with probability q, the
  /// one after a lost one with c (the Gilbert chain); the path then looks dead q c^(k-1) / interval
  /// times a second, and k >= 3 is the least that keeps this low enough. This is an accrual
  /// detector (Hayashibara et al., SRDS 2004) whose suspicion is turned into a time at once.
  ///
  /// Silences, whatever made them (jitter, handovers with bursts of their own, busy hosts): the
  /// longest in each of the last nineteen whole blocks of 15 s, less the interval, are extremes and
  /// so follow Gumbel's law, m + b G with b = sqrt(6) / pi of their deviation (Gumbel, Statistics
  /// of Extremes, 1958, section 6.2). The limit is the silence that its tail passes as rarely as
  /// promised, and never less than 1.5 times the longest, the present block included. In the first
  /// minute, without experience, it is never less than 500 ms.
  Duration silence_limit(Instant now, Duration interval) const;

 private:
  static constexpr std::size_t samples = 1'024;
  /// Between round trips that count: fast hellos must not shorten what is remembered.
  static constexpr Duration spacing = milliseconds(10);
  static constexpr Duration block = seconds(15);
  static constexpr std::int64_t blocks = 20;

  /// The least silence limit, beyond an interval, that experience allows.
  Duration experienced(Instant now) const;
  /// So many are rarer than false alarms may be; `most` if that is not enough.
  std::int64_t misses_in_a_row(Duration interval, std::int64_t most) const;

  SlidingWindow window_{samples};
  StepDetector level_;
  LossEstimator loss_;
  Duration smoothed_{};
  Duration last_{};
  Duration jitter_{};
  std::uint32_t steps_ = 0;
  FrequencyShift loss_shift_;
  std::uint32_t loss_steps_ = 0;
  /// The longest silence survived in one block of time.
  struct Survived {
    std::int64_t block{};
    Duration longest{};
  };
  std::array<Survived, blocks> survived_{};
  std::optional<Instant> first_;    ///< Reply.
  std::optional<Instant> sampled_;  ///< The last round trip that counted.
  std::optional<Instant> counted_;  ///< When the last hello that recent() counts was sent.
};

}  // namespace axs::net
