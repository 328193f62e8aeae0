#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "axs/cli/job.h"
#include "axs/cli/twin_scene.h"
#include "axs/core/result.h"
#include "axs/twin/flow_twin.h"

namespace axs::cli {

struct FleetFlags {
  std::uint32_t seeds = 1;  ///< How many, from the scenario's on.
  std::string span;         ///< Of simulated time; empty: a day.
  bool json = false;
  std::string plan{};  ///< The file of a plan to play; empty: as fleet_scene() says.
};

/// Whether sites of the scenario have accelerators of the catalogue, not just processors.
Result<bool> is_of_fleets(const std::string& file);

/// The scene once for each seed, from the scenario's on, on all cores.
std::vector<twin::FleetOutcome> play_seeds(const FleetScene& scene, std::uint32_t seeds);

/// Plans the job and simulates its sites for a while, each seed on a core: tables, or one JSON
/// object. What they say does not depend on how many cores there are.
Result<std::string> fleets_text(const JobFlags& job, const FleetFlags& flags);

}  // namespace axs::cli
