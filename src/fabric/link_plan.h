#pragma once

#include <span>
#include <string>
#include <vector>

#include "axs/catalog/link_forecast.h"
#include "axs/catalog/scenario.h"
#include "axs/net/handover_plan.h"
#include "axs/net/pipe.h"
#include "axs/net/topology.h"
#include "axs/orbit/elements.h"

namespace axs::fabric {

/// A link of a scenario as physics makes it: what the emulator and the twin both run.
struct LinkPlan {
  LinkId id;
  std::string name;
  SiteId a;
  SiteId b;
  net::PipeConfig forth;  ///< From a to b.
  net::PipeConfig back;
  catalog::LinkForecast forth_forecast;  ///< Empty where the delay does not change.
  catalog::LinkForecast back_forecast;
};

/// What a link is like in one direction at a time of the run.
struct Wire {
  Duration one_way;  ///< Propagation alone; zero while it is down.
  bool up = true;
};
Wire wire_at(const LinkPlan& link, bool back, Duration at);

/// All links of the scenario, for `horizon` of the run; of those through the sky a forecast every
/// `step`. `satellites` are those of the scenario's sky; they may be empty where no link goes
/// through it. An error if orbits or numbers make no sense.
Result<std::vector<LinkPlan>> plan_links(const catalog::Scenario& scenario,
                                         std::span<const orbit::MeanElements> satellites,
                                         Duration horizon, Duration step = milliseconds(100));

/// When links lose packets to a change of satellite within `horizon` of the run: what a site is
/// told beforehand. Links that only change their delay have no such time.
std::vector<net::LinkBreaks> planned_breaks(std::span<const LinkPlan> links, Duration horizon);

/// The same for one site: its clock was set right at the start and drifts within bounds.
net::HandoverPlan handover_plan(std::vector<net::LinkBreaks> breaks, const catalog::Site& site);

/// The sites and links as routing sees them; the same at every agent, for it follows from the
/// scenario alone.
net::Topology topology_of(const catalog::Scenario& scenario);

/// "sfo-fra fibre"
std::string link_name(const catalog::Scenario& scenario, LinkId link);

/// The satellites of a generated shell.
Result<std::vector<orbit::MeanElements>> shell_satellites(const catalog::WalkerShell& shell,
                                                          catalog::UtcTime epoch);

}  // namespace axs::fabric
