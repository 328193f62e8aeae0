#include "axs/cli/measured_core.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "axs/plan/published_software.h"
#include "axs/plan/step_time.h"

namespace axs::cli {
namespace {

using train::CoreMeasured;
using train::LayerMeasured;

/// A part of a layer, as the planner and as a worker has it.
struct Part {
  Seconds plan::StepTime::* planned;
  double LayerMeasured::* measured;
};

/// The one that is nearest to all of them: their geometric mean.
struct Rate {
  double rate = 0;
  double error = 0;  ///< the variance of their logarithms
};
Rate fitted(const std::vector<double>& rates) {
  const auto count = static_cast<double>(rates.size());
  double sum = 0, squares = 0;
  for (const double rate : rates) {
    sum += std::log(rate);
    squares += std::log(rate) * std::log(rate);
  }
  return {std::exp(sum / count), squares / count - sum * sum / (count * count)};
}

struct Products {
  Rate rate;
  double half_depth = 0;
};

/// The planner's numbers of a core, from what was measured of it.
class CoreFit {
 public:
  CoreFit(const CoreMeasured& measured, const plan::Accelerator& declared, const plan::Facts& facts)
      : measured_{measured},
        unit_{declared},
        calibration_{facts.calibration},
        software_{plan::software_of("axs-worker", facts).software} {
    unit_.peak = FlopsPerSecond{1};
  }

  /// In FLOP a second; the half depth with which they differ least.
  Products products() const {
    constexpr Part part{&plan::StepTime::products, &LayerMeasured::products};
    constexpr double depth_most = 1000;
    Products best;
    for (double depth = 0; depth <= depth_most; ++depth) {
      const Rate rate = fitted(rates_of(part, unlimited, depth));
      if (depth == 0 || rate.error < best.rate.error) best = {rate, depth};
    }
    return best;
  }
  double attention() const {
    constexpr Part part{&plan::StepTime::attention, &LayerMeasured::attention};
    return fitted(rates_of(part, unlimited, 0)).rate;
  }
  /// In bytes a second, of all layers and parts that wait for memory together: what takes longest
  /// counts most, as it does in a step.
  double memory() const {
    double bytes = 0, seconds = 0;
    for (const LayerMeasured& layer : measured_.layers) {
      const plan::StepTime step = step_of(layer, BytesPerSecond{1}, 0);
      bytes += (step.pointwise + step.optimizer).value();
      seconds += layer.pointwise + layer.step_end;
    }
    return bytes / seconds;
  }
  /// Over what the software has for a layer.
  double host() const { return measured_.calls / software_.host_per_layer.value(); }

 private:
  static constexpr BytesPerSecond unlimited{1e18};

  /// What the planner counts of that part of each layer, over the seconds that it takes.
  std::vector<double> rates_of(Part part, BytesPerSecond memory, double half_depth) const {
    std::vector<double> rates;
    for (const LayerMeasured& layer : measured_.layers) {
      const plan::StepTime step = step_of(layer, memory, half_depth);
      rates.push_back((step.*part.planned).value() / layer.*part.measured);
    }
    return rates;
  }

  /// What the planner says of the layer on such a core of one FLOP a second.
  plan::StepTime step_of(const LayerMeasured& layer, BytesPerSecond memory,
                         double half_depth) const {
    plan::Accelerator core = unit_;
    core.memory_rate = memory;
    core.reaches = plan::FamilyFit{1, half_depth, 1, 1, 0};
    const plan::Workload work{.shape = {.hidden = layer.width,
                                        .heads = layer.heads,
                                        .kv_heads = layer.heads,
                                        .head_width = layer.width / layer.heads,
                                        .feed_forward = layer.hidden,
                                        .gated = true,
                                        .tied = true},
                              .plan = {.micro_batch = layer.sequences,
                                       .global_batch = layer.sequences,
                                       .sequence = layer.context,
                                       .stage_layers = {}},
                              .accelerator = core,
                              .network = {.node_rate = BytesPerSecond{1}},
                              .software = software_};
    return *plan::step_time(work, calibration_);
  }

  const CoreMeasured& measured_;
  plan::Accelerator unit_;
  const plan::Calibration& calibration_;
  const plan::Software& software_;
};

}  // namespace

plan::Accelerator measured_core(const CoreMeasured& measured, const plan::Accelerator& declared,
                                const plan::Facts& facts) {
  const CoreFit fit{measured, declared, facts};
  const Products products = fit.products();
  const double attention = fit.attention();
  const double peak = std::max(products.rate.rate, attention);
  plan::Accelerator core = declared;
  core.peak = FlopsPerSecond{peak};
  core.memory_rate = BytesPerSecond{fit.memory()};
  core.reaches = plan::FamilyFit{.products = products.rate.rate / peak,
                                 .half_depth = products.half_depth,
                                 .attention = attention / peak,
                                 .memory = 1,
                                 .host = fit.host()};
  return core;
}

}  // namespace axs::cli
