#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/fabric/site.h"
#include "axs/fabric/transfer.h"
#include "axs/net/routing.h"
#include "axs/net/topology.h"

/// How a scenario and what happens in it are told to people: the same words in both worlds.
namespace axs::fabric {

/// The sites and links of a scenario.
std::vector<catalog::Fact> describe(const catalog::Scenario& scenario);

catalog::FaultBegan fault_began(const catalog::Scenario& scenario, std::uint32_t fault);

/// What a step of every-step has put into the model: of each site the same number of tokens.
catalog::SyncApplied every_step_applied(const catalog::Scenario& scenario, std::uint64_t step,
                                        const Hash256& hash);

catalog::TransferBegan told(const catalog::Scenario& scenario, const TransferBegan& action);
catalog::TransferProgressed told(const catalog::Scenario& scenario,
                                 const TransferProgressed& action);
catalog::TransferDone told(const catalog::Scenario& scenario, const TransferDone& action);
catalog::TransferFailed told(const catalog::Scenario& scenario, const TransferRefused& action);
/// `reason`: a sentence.
catalog::TransferFailed transfer_failed(const catalog::Scenario& scenario, TransferId transfer,
                                        const std::string& reason);

/// One way between two sites.
struct PathBetween {
  SiteId from;
  SiteId to;
  net::PathId path;
};

/// "sfo-fra fibre" or "sfo-tyo fibre, fra-tyo leo". The topology must have that path.
std::string path_name(const catalog::Scenario& scenario, const net::Topology& topology,
                      const PathBetween& between);

/// That traffic has been moved by the site where it begins, and why.
catalog::RouteChanged route_changed(const catalog::Scenario& scenario,
                                    const net::Topology& topology, const net::RouteChanged& change);
/// That the controller wants it moved.
catalog::RouteOrdered route_ordered(const catalog::Scenario& scenario,
                                    const net::Topology& topology, const net::RouteChanged& change);
/// That `site` keeps off a planned change of satellites.
catalog::HandoverKept handover_kept(const catalog::Scenario& scenario,
                                    const net::Topology& topology, SiteId site,
                                    const Site::HandoverKept& kept);
/// What the controller lets bulk send, and of which demand it made that.
catalog::LeaseGranted lease_granted(const catalog::Scenario& scenario,
                                    const net::Topology& topology, const net::LeaseGranted& lease);
/// That the lease of `site` has ended without its word.
catalog::LeaseLost lease_lost(const catalog::Scenario& scenario, const net::Topology& topology,
                              SiteId site, const Site::LeaseLost& lost);
/// One sentence on why `traffic` was moved, for `reason`: names the paths and the numbers.
std::string route_sentence(const catalog::RouteGrounds& grounds, const std::string& traffic,
                           const std::string& reason);

/// What a report says of the way that gradients take; nothing if they take none, or nobody knows.
std::optional<catalog::RouteMeasured> route_measured(const catalog::Scenario& scenario,
                                                     const net::Topology& topology,
                                                     const net::LinkReport& report);

}  // namespace axs::fabric
