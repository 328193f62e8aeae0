#include "axs/plan/machine.h"

#include <algorithm>

#include "axs/core/dmath.h"

namespace axs::plan {

Machine machine_of(const Accelerator& accelerator, const Network& network,
                   const Calibration& calibration) {
  const auto& families = calibration.families;
  const auto family = std::ranges::find(families, accelerator.family, &Calibration::Family::name);
  const bool measured = family != families.end();
  const FamilyFit fit = measured ? family->fit : FamilyFit{};
  const SharedFit& shared = calibration.shared;
  const double derated =
      dmath::pow(accelerator.power / accelerator.rated_power, shared.power_exponent);
  return {.products = accelerator.peak * fit.products * derated,
          .half_depth = fit.half_depth,
          .fp8_gain = shared.fp8_gain,
          .attention = accelerator.peak * fit.attention * derated,
          .memory = accelerator.memory_rate * fit.memory,
          .multiprocessors = static_cast<double>(accelerator.multiprocessors),
          .links = {.scale_up = accelerator.scale_up * shared.scale_up,
                    .node_rate = network.node_rate * shared.network,
                    .per_node = static_cast<double>(accelerator.per_node),
                    .shared_rails = network.rails < accelerator.per_node,
                    .shared_rails_share = shared.shared_rails,
                    .latency = shared.network_latency},
          .measured = measured};
}

}  // namespace axs::plan
