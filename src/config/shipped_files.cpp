#include "axs/config/claims.h"
#include "axs/config/plan_facts.h"
#include "axs/core/take_in.h"

AXS_TAKE_IN(axs_accelerators, AXS_CATALOG "/accelerators.toml");
AXS_TAKE_IN(axs_software, AXS_CATALOG "/software.toml");
AXS_TAKE_IN(axs_published, AXS_CATALOG "/published.toml");
AXS_TAKE_IN(axs_xray_fit, AXS_CATALOG "/xray-fit.toml");
AXS_TAKE_IN(axs_claims, AXS_CATALOG "/claims.toml");
AXS_TAKE_IN(axs_thirds, AXS_SCENARIOS "/thirds.toml");

namespace axs::config {

PlanFiles shipped_plan_files() {
  return {.accelerators = taken_in(axs_accelerators_begin, axs_accelerators_end),
          .software = taken_in(axs_software_begin, axs_software_end),
          .published = taken_in(axs_published_begin, axs_published_end),
          .fit = taken_in(axs_xray_fit_begin, axs_xray_fit_end)};
}

Result<plan::Facts> shipped_plan_facts() {
  return parse_plan_facts(shipped_plan_files());
}

std::string_view shipped_claims() {
  return taken_in(axs_claims_begin, axs_claims_end);
}

std::string_view shipped_thirds() {
  return taken_in(axs_thirds_begin, axs_thirds_end);
}

}  // namespace axs::config
