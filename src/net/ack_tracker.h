#pragma once

#include <optional>

#include "axs/core/time.h"
#include "axs/net/frame.h"
#include "axs/net/range_set.h"

namespace axs::net {

/// When to acknowledge: after `packets` of them or `delay`, whichever is first.
struct AckFrequency {
  std::uint32_t packets = 10;
  Duration delay = milliseconds(2);
};

/// The packets received over one path and when they must be acknowledged. Memory is bounded: of
/// many holes only the newest are remembered, and an old packet that is forgotten so is merely sent
/// again.
class AckTracker {
 public:
  static constexpr std::size_t max_ranges = 64;

  explicit AckTracker(AckFrequency frequency) : frequency_{frequency} {}

  /// `asks`: it carries something else than an acknowledgement, which alone asks for no answer.
  enum class Asks { nothing, acknowledgement };
  void received(Instant arrived, std::uint64_t number, Asks asks);

  /// When an acknowledgement is due, if anything waits for one.
  std::optional<Instant> due() const { return due_; }
  /// All that arrived since the last one, and some ranges before in case that was lost. Not before
  /// anything has been received.
  AckFrame make(Instant now, PathId path);
  void reset() { *this = AckTracker{frequency_}; }

 private:
  AckFrequency frequency_;
  RangeSet packets_;
  Instant newest_at_;
  std::uint64_t oldest_unreported_ = 0;
  std::uint32_t unreported_ = 0;
  std::optional<Instant> due_;
};

}  // namespace axs::net
