#pragma once

#include <span>
#include <vector>

#include "axs/fabric/link_plan.h"
#include "axs/plan/fleet.h"

namespace axs::fabric {

/// Long enough for satellites to come and go.
inline constexpr Duration forecast_horizon = seconds(600);

/// What sites can exchange, as plan::Fleet has it: sites are numbered as in the scenario.
struct NetworkForecast {
  std::vector<Seconds> spells;
  std::vector<plan::SiteLink> links;  ///< at most one between two sites in a spell
};

/// For `links` that were planned for the horizon. Between two sites, all their links together: what
/// they carry adds up, the quickest answers. Rates are those of the slower direction, for gradients
/// go both ways, as far as it carries. Where nothing passes for a spell, an exchange waits for the
/// next one and then has what they carry in the mean.
NetworkForecast network_forecast(std::span<const LinkPlan> links);

}  // namespace axs::fabric
