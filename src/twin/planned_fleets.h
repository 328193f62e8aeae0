#pragma once

#include <cstdint>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/net/gradient_demand.h"
#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/site_draw.h"
#include "axs/plan/training_plan.h"
#include "axs/twin/fleet.h"
#include "axs/twin/power_meter.h"

/// From plans to fleets: what a FlowTwin plays of a job on accelerators of the catalogue.
namespace axs::twin {

/// What one site computes between two exchanges: its share of the batch, on its own devices.
struct SiteJob {
  SiteId site;  ///< of the scenario
  plan::Job job;
  plan::Fleet fleet;  ///< the site alone
};

/// One for each site that has devices and where the job may run. All get the same share, of the
/// batch as live sites do, of budget and power too; those that are faster wait or merge more often,
/// as their policies say.
std::vector<SiteJob> site_jobs(const plan::Job& job, const plan::Fleet& fleet);

/// The scenario at these sites alone, in this order: what others are, links to them and faults of
/// either are left out.
catalog::Scenario at_sites(const catalog::Scenario& scenario, const std::vector<SiteId>& sites);

/// How one does it, on its fleet.
struct SitePlan {
  SiteJob work;
  plan::TrainingPlan plan;
  plan::SiteDraw draw{};
};

/// What time and energy of a site cost.
struct SiteBill {
  std::optional<plan::DollarsPerSecond> rent{};  ///< empty: a device in use has no price
  DollarsPerJoule energy{};                      ///< 0: the rent has it
  std::optional<double> carbon{};                ///< kg of CO2 for a joule, if somebody has said
};

struct PlannedFleets {
  catalog::Scenario scenario;  ///< at the sites that train
  std::vector<Fleet> fleets;   ///< by its sites, as the next
  std::vector<SiteBill> bills;
  /// Floating-point operations that the model needs, of what the peak of all devices in use allows,
  /// while every fleet computes steps as planned.
  double utilisation = 0;
};

/// A contribution has `contribution_bytes`.
PlannedFleets planned_fleets(const catalog::Scenario& scenario, const std::vector<SitePlan>& plans,
                             std::uint64_t contribution_bytes);

/// Of a run that took so long: rent of all devices in use, and energy. Empty: something of it has
/// no price.
std::optional<Dollars> money_of(const PlannedFleets& planned, const PowerUse& power, Seconds took);
/// kg of CO2. Empty: a site has not said.
std::optional<double> carbon_of(const PlannedFleets& planned, const PowerUse& power);

/// What the plan asks of the network: each site sends its contribution to every other one.
std::vector<net::GradientDemand> gradient_demands(const std::vector<Fleet>& fleets);

/// Tokens per second of all sites together if each trained alone for so long, without links, faults
/// and others to wait for: what linear scaling from one site would be.
double tokens_per_second_apart(const catalog::Scenario& scenario, const std::vector<Fleet>& fleets,
                               Duration span);

}  // namespace axs::twin
