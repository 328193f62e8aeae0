#include "axs/net/ack_tracker.h"

namespace axs::net {

namespace {

/// Ranges that are repeated although they were reported before, in case that report was lost.
constexpr std::size_t repeated_ranges = 4;

}  // namespace

void AckTracker::received(Instant arrived, std::uint64_t number, Asks asks) {
  if (packets_.empty() || number >= packets_.ranges().back().end) newest_at_ = arrived;
  packets_.insert({number, number + 1});
  packets_.keep_highest(max_ranges);
  if (asks == Asks::nothing) return;
  oldest_unreported_ = unreported_ == 0 ? number : std::min(oldest_unreported_, number);
  ++unreported_;
  if (unreported_ >= frequency_.packets)
    due_ = arrived;
  else if (!due_)
    due_ = arrived + frequency_.delay;
}

AckFrame AckTracker::make(Instant now, PathId path) {
  const auto& ranges = packets_.ranges();
  const std::int64_t delay = std::min((now - newest_at_).ns / 1000, std::int64_t{UINT32_MAX});
  AckFrame frame{path,
                 static_cast<std::uint32_t>(delay),
                 static_cast<std::uint64_t>(period_number(newest_at_, microseconds(1))),
                 {}};
  frame.ranges.reserve(repeated_ranges);
  for (auto at = ranges.rbegin(); at != ranges.rend() && frame.ranges.size() < max_ack_ranges;
       ++at) {
    if (at->end <= oldest_unreported_ && frame.ranges.size() >= repeated_ranges) break;
    frame.ranges.push_back({at->first, at->end - 1});
  }
  unreported_ = 0;
  due_.reset();
  return frame;
}

}  // namespace axs::net
