#pragma once

#include <string>
#include <vector>

#include "axs/cli/twin_scene.h"
#include "axs/twin/flow_twin.h"

/// How people and programs are told what runs of a scene of fleets came to, by seed.
namespace axs::cli {

/// Tokens each second over what the sites do by themselves.
double scaling_efficiency(const FleetScene& scene, const twin::FleetOutcome& run);

std::string runs_text(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs);
std::string runs_json(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs);

}  // namespace axs::cli
