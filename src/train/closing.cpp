#include "axs/train/closing.h"

#include <algorithm>
#include <numeric>

namespace axs::train {

namespace {

/// Before there is any history: generous, for it is waited only if a site is late.
constexpr Duration first_grace = seconds(2);
/// A worker that was killed is back after that, if it comes back at all.
constexpr Duration restart_time = seconds(3);

}  // namespace

Duration GraceWindow::value() const {
  if (lateness_.count() < 4 || gaps_.count() < 4) return std::max(first_grace, 2 * computed_);
  const Duration late = lateness_.median() + 4 * lateness_.deviation() + milliseconds(10);
  return std::min(late, gaps_.median());
}

Duration GraceWindow::absence() const {
  return gaps_.count() == 0 ? restart_time : std::max(restart_time, 2 * gaps_.median());
}

Decision Budget::chosen(SyncId sync, Decision decision) {
  auto& ends = ends_[fragment_of(sync, config_.fragments)];
  std::erase_if(decision.members, [&](const Contribution& member) {
    return member.tokens.begin != ends[member.site] || member.tokens.end < member.tokens.begin;
  });
  for (const Contribution& member : decision.members) {
    ends[member.site] = member.tokens.end;
    pace_[member.site] = member.tokens.count();
  }
  if (!decision.stops.empty()) stops_ = decision.stops;
  return decision;
}

std::uint64_t Budget::merged_end(SyncId sync, SiteId site) const {
  const auto& ends = ends_[fragment_of(sync, config_.fragments)];
  const auto end = ends.find(site);
  return end == ends.end() ? 0 : end->second;
}

std::uint64_t Budget::farthest(SiteId site) const {
  std::uint64_t position = 0;
  for (std::uint32_t f = 0; f < config_.fragments; ++f)
    position = std::max(position, merged_end({f}, site));
  return position;
}

std::optional<std::uint64_t> Budget::stop_of(SiteId site) const {
  if (stops_.empty()) return std::nullopt;
  const auto stop = std::find_if(stops_.begin(), stops_.end(),
                                 [site](const StopAt& s) { return s.site == site; });
  // One that went farther than it should takes all its fragments as far.
  return std::max(farthest(site), stop == stops_.end() ? 0 : stop->position);
}

bool Budget::at_stop(SyncId sync, SiteId site) const {
  const auto stop = stop_of(site);
  return stop && merged_end(sync, site) >= *stop;
}

bool Budget::complete(const std::set<SiteId>& sites) const {
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

std::set<SiteId> Budget::contributors() const {
  std::set<SiteId> sites;
  for (const auto& ends : ends_)
    for (const auto& [site, end] : ends)
      if (end > 0) sites.insert(site);
  return sites;
}

std::vector<StopAt> Budget::stops(const Outlook& outlook) const {
  std::set<SiteId> sites = contributors();
  sites.insert(outlook.expected.begin(), outlook.expected.end());
  std::map<SiteId, std::uint64_t> planned;
  std::uint64_t sum = 0;
  for (const SiteId site : sites) {
    const auto heard = outlook.positions.find(site);
    std::uint64_t& position = planned[site] =
        std::max(farthest(site), heard == outlook.positions.end() ? 0 : heard->second);
    // Who is gone does no more; who is here goes as far as it was told already.
    if (outlook.expected.contains(site)) position = std::max(position, stop_of(site).value_or(0));
    sum += position;
  }
  const std::uint64_t left = config_.tokens > sum ? config_.tokens - sum : 0;
  // A site is at most one period beyond what is known here: twice that reaches all in time.
  std::uint64_t warning = 0;
  for (const SiteId site : outlook.expected) warning += 2 * config_.period * config_.step_of(site);
  if (stops_.empty() && (outlook.expected.empty() || left > warning)) return {};
  share(left, outlook.expected, planned);
  std::vector<StopAt> stops;
  for (const auto& [site, position] : planned) stops.push_back({site, position});
  return stops;
}

/// In whole steps, in proportion to how fast each site has been; cumulative shares are rounded, so
/// that their sum is right.
void Budget::share(std::uint64_t left, const std::set<SiteId>& sites,
                   std::map<SiteId, std::uint64_t>& stops) const {
  std::uint64_t unit = 0;  // What all steps are multiples of.
  for (const SiteId site : sites) unit = std::gcd(unit, config_.step_of(site));
  const auto pace = [&](SiteId site) {
    const auto found = pace_.find(site);
    const std::uint64_t step = config_.step_of(site);
    const std::uint64_t steps =
        found == pace_.end() ? config_.period : std::max<std::uint64_t>(1, found->second / step);
    return steps * (step / unit);
  };
  std::uint64_t total = 0, seen = 0, given = 0;
  for (const SiteId site : sites) total += pace(site);
  for (const SiteId site : sites) {
    seen += pace(site);
    const std::uint64_t units = config_.step_of(site) / unit;
    const std::uint64_t upto = (left + unit / 2) / unit * seen / total;
    // Rounding may have given the sites before more than their part.
    const std::uint64_t own = (std::max(upto, given) - given + units / 2) / units;
    stops[site] += own * config_.step_of(site);
    given += own * units;
  }
}

}  // namespace axs::train
