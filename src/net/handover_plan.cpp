#include "axs/net/handover_plan.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::net {

namespace {

/// A hold that is due sooner than this begins now.
constexpr Duration least_wait = milliseconds(1);

}  // namespace

HandoverKeeper::HandoverKeeper(std::shared_ptr<const HandoverPlan> plan,
                               std::span<const CandidatePath> paths)
    : plan_{std::move(plan)}, paths_(paths.size()) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto links = paths[i].span();
    for (const LinkBreaks& planned : plan_->links)
      if (const auto hop = std::ranges::find(links, planned.link); hop != links.end())
        paths_[i].hops.push_back({.breaks = &planned.breaks, .beyond = hop != links.begin()});
  }
}

void HandoverKeeper::step(Instant now, std::span<const Seen> seen, std::vector<PathHold>& holds) {
  AXS_ASSERT(seen.size() == paths_.size());
  now_ = now;
  wakeup_.reset();
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    skip(paths_[i]);
    const auto next = due(paths_[i], seen[i]);
    if (!next) continue;
    // What the queues hold may change until then, so half of the wait is looked at again.
    Instant again = now + std::max((next->at - now) / 2, least_wait);
    if (next->at - now < least_wait) {
      const PathHold hold = next_hold(i, seen);
      again = hold.until;
      if (hold.until - now <= hold_max) {
        paths_[i].held_until = hold.until;
        holds.push_back(hold);
      }
    }
    if (!wakeup_ || again < *wakeup_) wakeup_ = again;
  }
}

/// The end of a break on the own clock, so many guards later.
Instant HandoverKeeper::end(const PlannedBreak& planned, int guards) const {
  return plan_->epoch + planned.until + guards * plan_->guard(planned.until);
}

/// Breaks that are over.
void HandoverKeeper::skip(Path& path) const {
  for (Hop& hop : path.hops)
    while (hop.next < hop.breaks->size() && end((*hop.breaks)[hop.next], 1) <= now_) ++hop.next;
}

std::optional<HandoverKeeper::Due> HandoverKeeper::due(const Path& path, const Seen& seen) const {
  std::optional<Due> first;
  for (std::size_t i = 0; i < path.hops.size(); ++i) {
    const Hop& hop = path.hops[i];
    if (hop.next == hop.breaks->size()) continue;
    const PlannedBreak& planned = (*hop.breaks)[hop.next];
    const Duration guard = plan_->guard(planned.until);
    if (guard > guard_max) continue;
    // Of a path that stands still a queue seems to last for hours.
    const Duration queue = std::min(seen.queue, hold_max);
    const Duration ahead = guard + queue + (hop.beyond ? seen.rtt / 2 : Duration{});
    const Instant at = plan_->epoch + planned.from - ahead;
    if (!first || at < first->at) first = Due{i, at};
  }
  return first;
}

/// Breaks that follow so closely that nothing could be sent between are one.
PathHold HandoverKeeper::next_hold(std::size_t index, std::span<const Seen> seen) {
  Path& path = paths_[index];
  PathHold held{.path = PathId{static_cast<std::uint8_t>(index)}, .until = now_, .settled = now_};
  for (auto next = due(path, seen[index]); next && next->at - held.until < least_wait;
       next = due(path, seen[index])) {
    Hop& hop = path.hops[next->hop];
    const PlannedBreak& planned = (*hop.breaks)[hop.next++];
    held.until = std::max(held.until, end(planned, 1));
    held.settled = std::max(held.settled, end(planned, 3));
  }
  held.instead = instead(held, seen);
  return held;
}

/// The cheapest other path that is free until the hold is over, if what is sent over it now arrives
/// before what waits. Half of a difference of round trips, because nobody knows the directions.
std::optional<PathId> HandoverKeeper::instead(const PathHold& held,
                                              std::span<const Seen> seen) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const bool held_too = paths_[i].held_until && *paths_[i].held_until > now_;
    if (i == held.path.value || !seen[i].up || held_too) continue;
    const auto next = due(paths_[i], seen[i]);
    if (next && next->at < held.until) continue;
    if (!best || seen[i].cost < seen[*best].cost) best = i;
  }
  if (!best || (seen[*best].cost - seen[held.path.value].cost) / 2 > held.until - now_) return {};
  return PathId{static_cast<std::uint8_t>(*best)};
}

}  // namespace axs::net
