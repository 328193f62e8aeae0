#include "axs/cli/measured_core.h"

#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/plan/published_software.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::cli;

namespace {

const plan::Facts& facts() {
  return config::testing::shipped_facts();
}

plan::Accelerator some_core() {
  return {.name = "cpu",
          .family = "cpu",
          .peak = FlopsPerSecond{120e9},
          .memory_rate = BytesPerSecond{30e9},
          .tile_scale = 0.25,
          .scale_up = BytesPerSecond{1e9},
          .power = Watts{50},
          .rated_power = Watts{50},
          .reaches = plan::FamilyFit{1, 37, 0.25, 1, 0.02}};
}

/// What a core would be measured to take of which all is true that the planner says.
train::LayerMeasured taken(const plan::Accelerator& core, std::uint32_t width,
                           std::uint32_t context) {
  const plan::Software& ours = plan::software_of("axs-worker", facts()).software;
  const plan::Workload work{
      .shape = {.hidden = width,
                .heads = width / 16,
                .kv_heads = width / 16,
                .head_width = 16,
                .feed_forward = 3 * width,
                .gated = true,
                .tied = true},
      .plan = {.micro_batch = 4, .global_batch = 4, .sequence = context, .stage_layers = {}},
      .accelerator = core,
      .network = {.node_rate = BytesPerSecond{1e9}},
      .software = ours};
  const plan::StepTime step = *plan::step_time(work, facts().calibration);
  return {.width = width,
          .heads = width / 16,
          .hidden = 3 * width,
          .context = context,
          .sequences = 4,
          .products = step.products.value(),
          .attention = step.attention.value(),
          .pointwise = step.pointwise.value(),
          .step_end = step.optimizer.value()};
}

}  // namespace

TEST_CASE("measured core: of what the planner says, it finds the numbers behind it") {
  const plan::Accelerator core = some_core();
  const Seconds of_layer = plan::software_of("axs-worker", facts()).software.host_per_layer;
  const train::CoreMeasured measured{{taken(core, 64, 48), taken(core, 256, 96)},
                                     0.02 * of_layer.value()};
  plan::Accelerator declared = core;
  declared.peak = FlopsPerSecond{1e9};
  declared.memory_rate = BytesPerSecond{1e9};
  const plan::Accelerator found = measured_core(measured, declared, facts());
  REQUIRE(found.reaches);
  CHECK(found.peak * found.reaches->products / core.peak == doctest::Approx(1));
  CHECK(found.reaches->half_depth == 37);
  CHECK(found.peak * found.reaches->attention / (0.25 * core.peak) == doctest::Approx(1));
  CHECK(found.memory_rate * found.reaches->memory / core.memory_rate == doctest::Approx(1));
  CHECK(found.reaches->host == doctest::Approx(0.02));
  CHECK(found.power == core.power);
}

TEST_CASE("measured core: attention may be faster than products") {
  plan::Accelerator core = some_core();
  core.reaches->products = 0.5;
  core.reaches->attention = 1;
  const plan::Accelerator found =
      measured_core({{taken(core, 64, 48), taken(core, 256, 96)}, 1e-5}, core, facts());
  CHECK(found.peak / core.peak == doctest::Approx(1));
  CHECK(found.reaches->products == doctest::Approx(0.5));
  CHECK(found.reaches->attention == 1);
}
