#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/training_plan.h"

namespace axs::plan {

/// How long a job stands still when replicas leave it and all others go on, and when all of it
/// starts anew: arXiv 2602.00277 has three and ten minutes, on 100,000 devices with and without
/// replicas that outlive each other. Finding out what is wrong is part of both.
inline constexpr Seconds replicas_leave{180};
inline constexpr Seconds whole_restart{600};

/// What it takes to go from one plan to another.
struct PlanMove {
  Seconds pause{};  ///< in which nothing is trained
  Bytes inside{};   ///< of weights and optimiser over the networks of sites
  Bytes between{};  ///< over the links of sites
  /// Not all of the state is left at sites that can send it: it comes from where the job keeps its
  /// checkpoints. Reading it there is not counted.
  bool from_checkpoint = false;
};

/// What a site has of the state of the running plan.
struct HeldAtSite {
  std::uint32_t sharing = 0;        ///< replicas over which the state is cut, if it is
  std::vector<std::uint32_t> lost;  ///< devices, by type
  bool lacks_state = false;         ///< what is left here is of no use without what is gone
};

/// What is left of the running plan.
struct HeldState {
  Method method;
  std::vector<ReplicaGroup> pipelines;  ///< whose devices are there, or others in their place
  std::vector<HeldAtSite> sites;        ///< all of the fleet
};

/// `leave`, or a whole restart where state comes from a checkpoint, and until all devices of `next`
/// have their state: as far as a device held another stage, or a differently cut one, or is in the
/// place of a lost one, it gets all of it over its node's network, at once with as many others as a
/// node has, each as much as any of its type. A site that held nothing or lacks some first gets a
/// copy of the model's state over the widest way from one that has all, in the first spell that has
/// one, and then all its devices get theirs anew. No byte is counted as saved that a cleverer move
/// could save within a stage.
PlanMove move_to(const TrainingPlan& next, const HeldState& held, const Job& job,
                 const Fleet& fleet, const Calibration& calibration, Seconds leave);

}  // namespace axs::plan
