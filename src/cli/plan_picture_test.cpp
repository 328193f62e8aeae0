#include "axs/cli/plan_picture.h"

#include <doctest/doctest.h>

#include "axs/cli/small_job_testing.h"

using namespace axs;
using namespace axs::cli;

TEST_CASE("plan picture: a stage says in how many chunks its layers are") {
  const config::PlannedJob& job = testing::small_job();
  const plan::PlannedStage stage{.type = 0, .tensor = 1, .layers = 4, .memory = Bytes{1e9}};
  FoundOnCores found;
  found.result.plan.groups = {{.stages = {stage, stage}, .virtual_stages = 2}};
  const auto says = [&](const char* text) {
    return sites_svg({job, found, {}}).find(text) != std::string::npos;
  };
  CHECK(says("stage 2: 1 cpu, 4 layers in 2 chunks, 0.9 of "));
  found.result.plan.groups.front().virtual_stages = 1;
  CHECK(says("4 layers, 0.9 of "));
}
