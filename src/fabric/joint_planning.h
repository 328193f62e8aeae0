#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "axs/fabric/route_forecast.h"
#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/training_plan.h"

namespace axs::fabric {

/// What the plan's sites send each other; sites of the fleet are those of the scenario. Of a plan
/// at one site what others would send if they joined it.
PlannedExchange exchange_of(const plan::TrainingPlan& plan, const plan::Job& job);

/// Over links as the controller's routes leave them to the plan itself.
struct RoutedPlan {
  plan::TrainingPlan plan;
  plan::Fleet fleet;  ///< with these links
};

/// Solves a plan and the routes of its gradients together. Each round: the best plan for fleet(),
/// what it asks of the controller, and what that leaves of the network, which is the next fleet's.
/// It ends when a plan asks for what one before it has asked for, so that nothing new would come of
/// it, or after a few rounds. Of all plans the one counts that is best over what is left to
/// itself: it is never worse than that of the first round, which knows nothing of routes.
/// Pipelines across sites ask for no routes: they go over the links of the round that found them,
/// which is the last.
/// docs/design/033-plan-and-network.md.
class JointPlanning {
 public:
  static constexpr std::uint32_t rounds_max = 8;

  /// In the first round links are what they carry, whatever the controller does. Those of the fleet
  /// are not looked at.
  JointPlanning(plan::Job job, plan::Fleet fleet, net::Topology topology,
                std::vector<LinkPlan> links);

  /// To plan for.
  const plan::Fleet& fleet() const { return fleet_; }
  /// The best plan for it. False: no other round.
  bool take(const plan::TrainingPlan& plan);

  std::uint32_t rounds() const { return rounds_; }
  /// What the plan of the first round is over what is left to it; as it was found if its sites do
  /// not reach each other then.
  const RoutedPlan& first() const { return *first_; }
  const RoutedPlan& best() const { return *best_; }
  bool last_is_best() const { return last_is_best_; }

 private:
  struct Asked {
    PlannedExchange exchange;
    NetworkForecast left;
  };

  bool beats_best(const plan::TrainingPlan& plan) const;
  void keep(const plan::TrainingPlan& found, const std::optional<plan::TrainingPlan>& routed);
  void set_links(const NetworkForecast& network);

  plan::Job job_;
  plan::Fleet fleet_;
  net::Topology topology_;
  std::vector<LinkPlan> links_;
  std::vector<Asked> asked_;
  std::optional<RoutedPlan> first_, best_;
  std::uint32_t rounds_ = 0;
  bool last_is_best_ = false;
};

}  // namespace axs::fabric
