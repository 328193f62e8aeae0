#include "axs/plan/machine.h"

#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/plan/gpt3_testing.h"
#include "axs/plan/matrix_product.h"
#include "axs/plan/traffic.h"

using namespace axs;
using namespace axs::plan;

namespace {

Machine of(const Workload& work) {
  return machine_of(work.accelerator, work.network, config::testing::shipped_facts().calibration);
}

}  // namespace

TEST_CASE("machine: what a device itself reaches holds, not what its family does") {
  Workload work = axs::plan::testing::gpt3_on_a100();
  const Machine usual = of(work);
  work.accelerator.reaches = FamilyFit{0.5, 70, 0.25, 0.4, 0.1};
  const Machine own = of(work);
  CHECK(own.products.value() == 0.5 * work.accelerator.peak.value());
  CHECK(own.half_depth == 70);
  CHECK(own.attention.value() == 0.25 * work.accelerator.peak.value());
  CHECK(own.memory.value() == 0.4 * work.accelerator.memory_rate.value());
  CHECK(own.host == 0.1);
  CHECK(own.links.node_rate == usual.links.node_rate);
}

TEST_CASE("machine: a narrow product fills the small tiles of a core, and no tile of a GPU") {
  Workload work = axs::plan::testing::gpt3_on_a100();
  work.accelerator.multiprocessors = 1;
  work.accelerator.memory_rate = BytesPerSecond{1e18};  // Which is not what is looked at.
  const MatrixProduct narrow{1024, 32, 4096}, wide{1024, 256, 4096};
  const auto ratio = [&] { return product_time(narrow, of(work)) / product_time(wide, of(work)); };
  CHECK(ratio() > 0.25);
  work.accelerator.tile_scale = 0.25;
  CHECK(ratio() == doctest::Approx(0.125));
}

TEST_CASE("traffic: our own worker sends sums back, whoever updates the weights") {
  Workload work = axs::plan::testing::gpt3_on_a100();
  work.software.gradient_bytes = 4;
  work.plan.sharding = Sharding::optimizer;
  CHECK(exchanged_bytes(work) == 3);
  work.software.replicas_only = true;
  CHECK(exchanged_bytes(work) == 4);
}
