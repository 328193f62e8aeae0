#include "axs/train/closing.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::train {

namespace {

/// Enough to follow a change within a minute, little enough to sort at each sync.
constexpr std::size_t history_size = 32;
/// Before there is any history: generous, for it is waited only if a site is late.
constexpr Duration first_grace = seconds(2);

Duration median(std::deque<Duration> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

void GraceWindow::push(std::deque<Duration>& history, Duration value) {
  history.push_back(value);
  if (history.size() > history_size) history.pop_front();
}

Duration GraceWindow::value() const {
  if (lateness_.size() < 4 || gaps_.size() < 4) return first_grace;
  const Duration middle = median(lateness_);
  std::deque<Duration> deviations;
  for (const Duration late : lateness_)
    deviations.push_back(late < middle ? middle - late : late - middle);
  return std::min(middle + 4 * median(deviations) + milliseconds(10), median(gaps_));
}

void Budget::chosen(SyncId sync, const Decision& decision) {
  auto& ends = ends_[fragment_of(sync, config_.fragments)];
  for (const Contribution& member : decision.members) {
    AXS_ASSERT(member.tokens.begin == ends[member.site]);  // Each token once, none left out.
    ends[member.site] = member.tokens.end;
  }
  if (stops_.empty()) stops_ = decision.stops;
}

std::uint64_t Budget::merged_end(SyncId sync, SiteId site) const {
  const auto& ends = ends_[fragment_of(sync, config_.fragments)];
  const auto end = ends.find(site);
  return end == ends.end() ? 0 : end->second;
}

std::optional<std::uint64_t> Budget::stop_of(SiteId site) const {
  if (stops_.empty()) return std::nullopt;
  std::uint64_t position = 0;
  for (std::uint32_t f = 0; f < config_.fragments; ++f)
    position = std::max(position, merged_end({f}, site));
  for (const StopAt& stop : stops_)
    if (stop.site == site) position = std::max(position, stop.position);
  return position;
}

bool Budget::at_stop(SyncId sync, SiteId site) const {
  const auto stop = stop_of(site);
  return stop && merged_end(sync, site) >= *stop;
}

bool Budget::complete(const std::vector<SiteId>& sites) const {
  for (std::uint32_t f = 0; f < config_.fragments; ++f)
    for (const SiteId site : sites)
      if (!at_stop({f}, site)) return false;
  return true;
}

std::uint64_t Budget::merged() const {
  std::uint64_t most = 0;
  for (const auto& ends : ends_) {
    std::uint64_t sum = 0;
    for (const auto& [site, end] : ends) sum += end;
    most = std::max(most, sum);
  }
  return most;
}

std::vector<StopAt> Budget::stops(const std::vector<Contribution>& members) const {
  if (!stops_.empty() || members.empty()) return stops_;
  // The farthest that each site is known to be, and how much all did in their last round.
  std::map<SiteId, std::uint64_t> position;
  for (const auto& ends : ends_)
    for (const auto& [site, end] : ends) position[site] = std::max(position[site], end);
  std::uint64_t round = 0, done = 0;
  for (const Contribution& member : members) {
    position[member.site] = std::max(position[member.site], member.tokens.end);
    round += member.tokens.count();
  }
  for (const auto& [site, end] : position) done += end;
  const std::uint64_t left = config_.tokens > done ? config_.tokens - done : 0;
  // Sites are up to a round beyond what is known here; two rounds of warning reach all in time.
  if (left > 2 * round) return {};
  std::vector<StopAt> stops;
  std::uint64_t given = 0, seen = 0;
  for (const Contribution& member : members) {
    seen += member.tokens.count();
    // Cumulative shares, rounded to whole steps, so that the sum is right to a step.
    const std::uint64_t step = config_.tokens_per_step;
    const std::uint64_t upto =
        (left * seen / std::max<std::uint64_t>(round, 1) + step / 2) / step * step;
    stops.push_back({member.site, position[member.site] + (upto - given)});
    given = upto;
  }
  return stops;
}

}  // namespace axs::train
