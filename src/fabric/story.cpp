#include "axs/fabric/story.h"

#include <algorithm>

#include "axs/fabric/link_plan.h"

namespace axs::fabric {
namespace {

std::string accelerators_of(const catalog::Site& site) {
  std::string text;
  for (const auto& accelerator : site.accelerators)
    text +=
        (text.empty() ? "" : ", ") + std::to_string(accelerator.count) + " × " + accelerator.type;
  return text;
}

catalog::FaultBegan told(const catalog::Scenario& scenario, const catalog::CutLink& cut) {
  return {0, "cut", link_name(scenario, cut.link), 0, cut.lasts};
}
catalog::FaultBegan told(const catalog::Scenario& scenario, const catalog::SlowSite& slow) {
  return {0, "slow", scenario.sites[slow.site.value].name, slow.factor, slow.lasts};
}
catalog::FaultBegan told(const catalog::Scenario& scenario, const catalog::KillProcess& kill) {
  const std::string process{enum_name(kill.process)};
  const std::string target =
      kill.site ? process + " of " + scenario.sites[kill.site->value].name : process;
  return {0, "kill", target, 0, {}};
}

}  // namespace

std::vector<catalog::Fact> describe(const catalog::Scenario& scenario) {
  std::vector<catalog::Fact> facts;
  for (const catalog::Site& site : scenario.sites)
    facts.push_back(catalog::SiteDescribed{site.name, site.at.latitude_deg, site.at.longitude_deg,
                                           site.jurisdiction, accelerators_of(site)});
  for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
    const catalog::Link& link = scenario.links[i];
    facts.push_back(
        catalog::LinkDescribed{link_name(scenario, LinkId{i}), scenario.sites[link.a.value].name,
                               scenario.sites[link.b.value].name, std::string{enum_name(link.kind)},
                               link.rate_ab, link.rate_ba});
  }
  return facts;
}

catalog::FaultBegan fault_began(const catalog::Scenario& scenario, std::uint32_t fault) {
  catalog::FaultBegan fact = std::visit([&](const auto& what) { return told(scenario, what); },
                                        scenario.faults[fault].what);
  fact.fault = fault;
  return fact;
}

catalog::SyncApplied every_step_applied(const catalog::Scenario& scenario, std::uint64_t step,
                                        const Hash256& hash) {
  catalog::SyncApplied fact{step, {}, hash};
  const auto sites = static_cast<std::uint32_t>(scenario.sites.size());
  for (std::uint32_t i = 0; i < sites; ++i) {
    const std::uint64_t tokens =
        catalog::site_tokens_per_step(scenario.train, scenario.model, SiteId{i}, sites);
    fact.members.push_back({scenario.sites[i].name, step * tokens, (step + 1) * tokens});
  }
  return fact;
}

namespace {

/// A fact of a transfer, with what all of them begin with.
template <class Fact>
Fact about(const catalog::Scenario& scenario, TransferId id) {
  const catalog::Transfer& transfer = scenario.transfers[id.value];
  Fact fact;
  fact.transfer = id.value;
  fact.name = transfer.name;
  fact.from = scenario.sites[transfer.from.value].name;
  fact.to = scenario.sites[transfer.to.value].name;
  return fact;
}

}  // namespace

catalog::TransferBegan told(const catalog::Scenario& scenario, const TransferBegan& action) {
  auto fact = about<catalog::TransferBegan>(scenario, action.transfer);
  fact.bytes = action.size;
  fact.kept = action.kept;
  return fact;
}

catalog::TransferProgressed told(const catalog::Scenario& scenario,
                                 const TransferProgressed& action) {
  auto fact = about<catalog::TransferProgressed>(scenario, action.transfer);
  fact.kept = action.kept;
  return fact;
}

catalog::TransferDone told(const catalog::Scenario& scenario, const TransferDone& action) {
  auto fact = about<catalog::TransferDone>(scenario, action.transfer);
  fact.bytes = action.size;
  fact.took = action.took;
  return fact;
}

catalog::TransferFailed told(const catalog::Scenario& scenario, const TransferRefused& action) {
  return transfer_failed(scenario, action.transfer,
                         "the other end has given it up; its record says why");
}

catalog::TransferFailed transfer_failed(const catalog::Scenario& scenario, TransferId transfer,
                                        const std::string& reason) {
  auto fact = about<catalog::TransferFailed>(scenario, transfer);
  fact.reason = reason;
  return fact;
}

std::string path_name(const catalog::Scenario& scenario, const net::Topology& topology,
                      const PathBetween& between) {
  std::string text;
  for (const LinkId link : topology.paths(between.from, between.to)[between.path.value].span())
    text += (text.empty() ? "" : ", ") + link_name(scenario, link);
  return text;
}

std::optional<catalog::RouteMeasured> route_measured(const catalog::Scenario& scenario,
                                                     const net::Topology& topology,
                                                     const net::LinkReport& report) {
  const auto& route = report.routes[static_cast<std::size_t>(net::TrafficClass::gradient)];
  if (!route) return std::nullopt;
  const auto path = std::ranges::find(report.paths, route->primary, &net::PathReport::path);
  // A path that has no round trip yet has not been measured.
  if (path == report.paths.end() || path->rtt <= Duration{} ||
      path->path.value >= topology.paths(report.from, report.to).size())
    return std::nullopt;
  return catalog::RouteMeasured{
      scenario.sites[report.from.value].name, scenario.sites[report.to.value].name,
      path_name(scenario, topology, {report.from, report.to, path->path}), path->rtt, path->loss};
}

}  // namespace axs::fabric
