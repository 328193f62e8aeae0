#include "axs/cli/plan_room.h"

#include <fmt/format.h>

#include "axs/cli/plan_search.h"
#include "axs/cli/plan_words.h"

namespace axs::cli {

std::string room_text(const config::PlannedJob& job, const plan::Facts& facts, Patience& patience) {
  constexpr std::uint32_t times_max = 1024;
  plan::Fleet fleet = job.fleet;
  for (std::uint32_t times = 2; times <= times_max; times *= 2) {
    for (plan::FleetSite& site : fleet.sites)
      for (plan::Pool& pool : site.pools) pool.devices *= 2;
    const auto search = plan::Search::of(job.job, fleet, facts.calibration);
    if (!search) return {};
    if (const auto found = search_on_cores(*search, patience))
      return fmt::format("; {} times as many devices at each site would do, with {:.3g} s a step",
                         times, found->result.plan.step.total.value());
    if (patience.is_over()) return {};
  }
  return {};
}

}  // namespace axs::cli
