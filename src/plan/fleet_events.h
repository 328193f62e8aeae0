#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/training_plan.h"

namespace axs::plan {

/// Devices of a type that are gone from a site.
struct LostDevices {
  std::uint32_t site = 0;
  std::uint32_t type = 0;
  std::uint32_t devices = 0;
};

/// All devices of a site compute and reach their memory at a share of their rate.
struct SlowSite {
  std::uint32_t site = 0;
  double speed = 1;
};

/// What the link between two sites carries at most. Nothing: it is cut.
struct LinkLimit {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::optional<BytesPerSecond> rate{};
};

struct FleetEvents {
  std::vector<LostDevices> lost{};
  std::vector<SlowSite> slow{};
  std::vector<LinkLimit> links{};
};

/// What became of a fleet. Slow devices are a type of their own beside those of other sites.
struct ChangedFleet {
  Fleet fleet;
  std::vector<std::vector<std::uint32_t>> type_now;  ///< by site and by the type that it was
  std::vector<std::vector<std::uint32_t>> lost;      ///< devices, by site and by the type now
};

/// An error that names the first event that cannot be or changes nothing.
Result<ChangedFleet> after(const Fleet& fleet, const FleetEvents& events);

/// An error that names the first place of the plan that is none of so many sites and types.
Result<> check_places(const TrainingPlan& plan, std::size_t sites, std::size_t types);

/// A plan that was made for the fleet before, with the types that its devices are now. An error if
/// it has sites or types that the fleet did not have.
Result<TrainingPlan> with_types_of(const ChangedFleet& changed, TrainingPlan plan);

}  // namespace axs::plan
