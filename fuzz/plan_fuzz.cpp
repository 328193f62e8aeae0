// Plans as `axs plan --json` prints them: whatever is read is printed as it was read.
#include <nlohmann/json.hpp>

#include "axs/cli/plan_read.h"
#include "axs/cli/plan_text.h"
#include "axs/cli/small_job_testing.h"
#include "target.h"

namespace axs::fuzz {
namespace {

const config::PlannedJob& job() {
  return cli::testing::small_job();
}

std::string printed(const plan::TrainingPlan& plan) {
  const cli::FoundOnCores found{{plan, {}, ""}, 1};
  const plan::PlanBreakdown broken;
  return cli::plan_json({job(), found, broken}).dump();
}

std::vector<ByteVector> seeds() {
  const plan::Calibration& calibration = config::testing::shipped_facts().calibration;
  plan::TrainingPlan plan = plan::search(job().job, job().fleet, calibration)->plan;
  std::vector<ByteVector> all{bytes_of(printed(plan))};
  plan.outer = plan::OuterSync{.period = 30, .fragments = 2, .overlap = 1, .bits = 4};
  plan.cost.money = Dollars{5};
  plan::ReplicaGroup& group = plan.groups.front();
  plan::PlannedStage rest = group.stages.front();
  group.stages.front().layers = 1;
  rest.layers -= 1;
  group.stages.push_back(rest);
  group.crossings = {{1, 1 - group.site}};
  all.push_back(bytes_of(printed(plan)));
  return all;
}

void run(std::string_view text) {
  const auto read = cli::parse_plan(text, "plan.json", job());
  if (!read) {
    AXS_ASSERT(!read.error().what.empty());
    return;
  }
  const auto again = cli::parse_plan(printed(*read), "plan.json", job());
  AXS_ASSERT(again && *again == *read);
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 20'000, .memory_base = 1 << 18, .memory_per_byte = 1 << 8};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run(axs::fuzz::text_of({data, size}));
  return 0;
}
