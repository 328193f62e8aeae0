#include "axs/plan/machine.h"

#include <algorithm>

#include "axs/core/dmath.h"

namespace axs::plan {

namespace {

using Family = Calibration::Family;

const Family* find(const std::vector<Family>& families, const std::string& name) {
  const auto family = std::ranges::find(families, name, &Family::name);
  return family == families.end() ? nullptr : &*family;
}

bool has_runs(const Family* fitted, const Accelerator& accelerator) {
  return fitted &&
         std::ranges::find(fitted->accelerators, accelerator.name) != fitted->accelerators.end();
}

}  // namespace

Machine machine_of(const Accelerator& accelerator, const Network& network,
                   const Calibration& calibration) {
  const Family* const fitted = find(calibration.families, accelerator.family);
  const Family* const declared = find(calibration.declared, accelerator.family);
  const FamilyFit of_family = fitted ? fitted->fit : declared ? declared->fit : FamilyFit{};
  const FamilyFit fit = accelerator.reaches.value_or(of_family);
  const SharedFit& shared = calibration.shared;
  const double derated =
      dmath::pow(std::min(accelerator.power / accelerator.rated_power, 1.0), shared.power_exponent);
  return {.products = accelerator.peak * fit.products * derated,
          .half_depth = fit.half_depth,
          .fp8_gain = shared.fp8_gain,
          .fastest = accelerator.fastest,
          .host = fit.host,
          .attention = accelerator.peak * fit.attention * derated,
          .flash3_gain = accelerator.family == "Hopper" ? shared.flash3 : 1,
          .memory = accelerator.memory_rate * fit.memory,
          .multiprocessors = static_cast<double>(accelerator.multiprocessors),
          .tile_scale = accelerator.tile_scale,
          .links = {.scale_up = accelerator.scale_up * shared.scale_up,
                    .node_rate = network.node_rate * shared.network,
                    .per_node = static_cast<double>(accelerator.per_node),
                    .shared_rails = network.rails < accelerator.per_node,
                    .shared_rails_share = shared.shared_rails,
                    .latency = shared.network_latency,
                    .torus = static_cast<double>(accelerator.torus)},
          .measured = has_runs(fitted, accelerator)};
}

}  // namespace axs::plan
