#include "axs/fabric/gradient_demands.h"

namespace axs::fabric {

namespace {

/// Four-bit codes, entropy coded, with their scales, as live runs of the default job send them.
constexpr double coded_bits = 1.62;

}  // namespace

std::uint64_t contribution_bytes(const catalog::Scenario& scenario) {
  const catalog::OuterRule& outer = scenario.train.outer;
  const double bits = outer.bits == 4 ? coded_bits : outer.bits;
  return static_cast<std::uint64_t>(static_cast<double>(parameter_count(scenario.model)) * bits /
                                    8 / outer.fragments);
}

std::vector<net::GradientDemand> gradient_demands(const catalog::Scenario& scenario) {
  if (scenario.train.sync != catalog::SyncMode::outer) return {};
  std::vector<SiteId> sites;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) sites.push_back(SiteId{i});
  return net::exchange_demands(sites, Bytes{static_cast<double>(contribution_bytes(scenario))});
}

}  // namespace axs::fabric
