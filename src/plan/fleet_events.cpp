#include "axs/plan/fleet_events.h"

#include <algorithm>
#include <numeric>

#include "axs/plan/is_positive.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

Result<> check_site(const Fleet& fleet, std::uint32_t site) {
  if (site < fleet.sites.size()) return Ok{};
  return Error{Errc::invalid, "event: site " + std::to_string(site) + ", want one of " +
                                  std::to_string(fleet.sites.size())};
}

Result<> lose(Fleet& fleet, const LostDevices& lost) {
  AXS_TRY(check_site(fleet, lost.site));
  FleetSite& site = fleet.sites[lost.site];
  std::uint64_t there = 0;
  for (const Pool& pool : site.pools)
    if (pool.type == lost.type) there += pool.devices;
  if (lost.devices < 1 || lost.devices > there)
    return Error{Errc::invalid, "site " + site.name + ": " + std::to_string(lost.devices) +
                                    " devices lost of " + std::to_string(there) +
                                    " that it has of the type, want 1 to as many"};
  std::uint32_t left = lost.devices;
  for (Pool& pool : site.pools) {
    if (pool.type != lost.type) continue;
    const std::uint32_t from_here = std::min(left, pool.devices);
    pool.devices -= from_here;
    left -= from_here;
  }
  return Ok{};
}

/// Another site has devices of the type.
bool is_elsewhere(const Fleet& fleet, std::uint32_t site, std::uint32_t type) {
  for (std::uint32_t other = 0; other < fleet.sites.size(); ++other)
    if (other != site && std::ranges::any_of(fleet.sites[other].pools, [&](const Pool& pool) {
          return pool.type == type && pool.devices > 0;
        }))
      return true;
  return false;
}

/// Which type the site's slower devices of the type are.
std::uint32_t slowed_type(Fleet& fleet, const SlowSite& slow, std::uint32_t type) {
  std::uint32_t now = type;
  if (is_elsewhere(fleet, slow.site, type)) {
    now = static_cast<std::uint32_t>(fleet.types.size());
    fleet.types.push_back(DeviceType{fleet.types[type]});
  }
  Accelerator& device = fleet.types[now].accelerator;
  device.peak = slow.speed * device.peak;
  device.memory_rate = slow.speed * device.memory_rate;
  return now;
}

Result<> slow_down(ChangedFleet& changed, const SlowSite& slow) {
  Fleet& fleet = changed.fleet;
  AXS_TRY(check_site(fleet, slow.site));
  FleetSite& site = fleet.sites[slow.site];
  if (!(slow.speed > 0 && slow.speed < 1))
    return Error{Errc::invalid, "site " + site.name + ": speed " + rounded(slow.speed) +
                                    ", want a share above 0 and below 1"};
  if (!site.has_devices())
    return Error{Errc::invalid,
                 "site " + site.name + ": no devices that could slow down, want some"};
  std::vector<std::uint32_t> now(fleet.types.size());
  std::iota(now.begin(), now.end(), 0u);
  for (std::uint32_t type = 0; type < now.size(); ++type)
    if (std::ranges::find(site.pools, type, &Pool::type) != site.pools.end())
      now[type] = slowed_type(fleet, slow, type);
  for (Pool& pool : site.pools) pool.type = now[pool.type];
  for (std::uint32_t& type : changed.type_now[slow.site]) type = now[type];
  return Ok{};
}

Result<> limit(Fleet& fleet, const LinkLimit& to) {
  AXS_TRY(check_site(fleet, to.from));
  AXS_TRY(check_site(fleet, to.to));
  const auto is_it = [&](const SiteLink& link) {
    return (link.from == to.from && link.to == to.to) || (link.from == to.to && link.to == to.from);
  };
  const std::string name =
      "link " + fleet.sites[to.from].name + "-" + fleet.sites[to.to].name + ": ";
  if (std::ranges::none_of(fleet.links, is_it))
    return Error{Errc::invalid, name + "there is none, want one of the job's"};
  if (to.rate && !is_positive(to.rate->value()))
    return Error{Errc::invalid,
                 name + "rate " + rounded(to.rate->value() * 8e-9) + " Gb/s, want > 0"};
  if (!to.rate) {
    std::erase_if(fleet.links, is_it);
    return Ok{};
  }
  BytesPerSecond most{};
  for (SiteLink& link : fleet.links) {
    if (!is_it(link)) continue;
    most = std::max(most, link.rate);
    link.rate = std::min(link.rate, *to.rate);
  }
  if (most <= *to.rate)
    return Error{Errc::invalid, name + "rate " + rounded(to.rate->value() * 8e-9) +
                                    " Gb/s, want less than the " + rounded(most.value() * 8e-9) +
                                    " Gb/s that are forecast for it"};
  return Ok{};
}

}  // namespace

Result<ChangedFleet> after(const Fleet& fleet, const FleetEvents& events) {
  AXS_TRY(check(fleet));
  ChangedFleet changed{fleet, {}, {}};
  std::vector<std::uint32_t> same(fleet.types.size());
  std::iota(same.begin(), same.end(), 0u);
  changed.type_now.assign(fleet.sites.size(), same);
  for (const LostDevices& lost : events.lost) AXS_TRY(lose(changed.fleet, lost));
  for (const SlowSite& slow : events.slow) AXS_TRY(slow_down(changed, slow));
  for (const LinkLimit& link : events.links) AXS_TRY(limit(changed.fleet, link));
  changed.lost.assign(fleet.sites.size(), std::vector<std::uint32_t>(changed.fleet.types.size()));
  for (const LostDevices& lost : events.lost)
    changed.lost[lost.site][changed.type_now[lost.site][lost.type]] += lost.devices;
  AXS_TRY(check(changed.fleet));
  return changed;
}

Result<> check_places(const TrainingPlan& plan, std::size_t sites, std::size_t types) {
  const auto wrong = [](const std::string& what, std::uint32_t seen, std::size_t of) {
    return Error{Errc::invalid, "running plan: " + what + " " + std::to_string(seen) +
                                    ", want one of " + std::to_string(of)};
  };
  for (const ReplicaGroup& group : plan.groups) {
    if (group.site >= sites) return wrong("site", group.site, sites);
    for (const PlannedStage& stage : group.stages)
      for (const StagePart& part : parts_of(stage, 1))
        if (part.type >= types) return wrong("type", part.type, types);
  }
  return Ok{};
}

Result<TrainingPlan> with_types_of(const ChangedFleet& changed, TrainingPlan plan) {
  const auto& now = changed.type_now;
  AXS_TRY(check_places(plan, now.size(), now.empty() ? 0 : now.front().size()));
  for (ReplicaGroup& group : plan.groups)
    for (PlannedStage& stage : group.stages) {
      stage.type = now[group.site][stage.type];
      for (StagePart& part : stage.parts) part.type = now[group.site][part.type];
    }
  return plan;
}

}  // namespace axs::plan
