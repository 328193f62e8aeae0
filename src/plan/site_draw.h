#pragma once

#include <cstdint>
#include <optional>

#include "axs/core/units.h"
#include "axs/plan/prices.h"

namespace axs::plan {

struct Fleet;
struct PlanBreakdown;
struct TrainingPlan;

/// What the machines that a plan uses at one site draw, at the meter of the site: cooling with
/// them.
struct SiteDraw {
  Watts idle{};     ///< while their processes are gone
  Watts waiting{};  ///< while the job runs, whether they compute or wait for others
  Joules step{};    ///< more for each step, however long it takes

  Watts stepping(Seconds takes) const { return waiting + step / takes; }
};
/// `broken` is the breakdown of the plan. What an exchange between sites draws beyond waiting is
/// left out: it is under way while machines compute.
SiteDraw site_draw(const TrainingPlan& plan, const PlanBreakdown& broken, const Fleet& fleet,
                   std::uint32_t site);

/// Of the machines that the plan uses there. Empty: one has no price.
std::optional<DollarsPerSecond> site_rent(const TrainingPlan& plan, const Fleet& fleet,
                                          std::uint32_t site);

}  // namespace axs::plan
