#include "axs/cli/plan_read.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "axs/cli/plan_text.h"
#include "axs/cli/small_job_testing.h"
#include "axs/config/facts_testing.h"
#include "axs/plan/plan_cost.h"

using namespace axs;
using namespace axs::cli;
using nlohmann::json;

namespace {

const config::PlannedJob& pair() {
  return testing::small_job();
}

/// No plan that a search would find: it has all that a plan can have.
plan::TrainingPlan all_there_is() {
  const std::uint32_t layers = pair().job.shape.layers;
  const std::uint32_t sequence = pair().job.sequence;
  plan::TrainingPlan plan;
  plan.method = {.micro_batch = 2,
                 .recompute = plan::Recompute::selective,
                 .sharding = plan::Sharding::optimizer,
                 .whole_experts = true,
                 .context = 2};
  plan.outer = plan::OuterSync{
      .period = 30, .fragments = 3, .overlap = 5, .bits = 4, .during_backward = false};
  plan.loss_gap = -0.0031;
  plan.groups = {{.site = 0,
                  .replicas = 1,
                  .micro_batches = 2,
                  .stages = {{.type = 1, .tensor = 2, .layers = 1, .memory = Bytes{3e9}},
                             {.type = 0, .tensor = 1, .layers = layers - 1, .memory = Bytes{1e9}}},
                  .crossings = {{1, 1}}},
                 {.site = 1,
                  .replicas = 2,
                  .micro_batches = 2,
                  .stages = {{.type = 0,
                              .tensor = 1,
                              .layers = layers,
                              .memory = Bytes{5e8},
                              .parts = {{0, 1, sequence / 4, Bytes{5e8}},
                                        {1, 1, sequence - sequence / 4, Bytes{7e8}}}}}}};
  plan.step = {.replicas = Seconds{0.1},
               .sites = Seconds{0.7 / 3},
               .fixed = Seconds{0.01},
               .total = Seconds{0.1 + 0.7 / 3 + 0.01},
               .spread = 1.568312185};
  plan.idle = {0, 1};
  plan.tokens_per_second = 1e6 / 7;
  plan.duration = plan::steps(pair().job) * plan.step.total;
  plan.cost = {.money = Dollars{1234.5},
               .energy = Joules{1e9 / 3},
               .carbon = 0.1 + 0.2,
               .power = Watts{180},
               .money_spread = 1.2,
               .energy_spread = 1.5};
  return plan;
}

json printed(const plan::TrainingPlan& plan, const config::PlannedJob& job = pair()) {
  const FoundOnCores found{{plan, {}, "the deadline"}, 0.5};
  const plan::PlanBreakdown broken;
  json document = json::parse(plan_json({job, found, broken}).dump());
  document["network"] = json::object();
  return document;
}

/// What is said of all_there_is(), changed.
std::string problem(const std::string& pointer, const json& instead) {
  json document = printed(all_there_is());
  document[json::json_pointer{pointer}] = instead;
  const auto read = parse_plan(document.dump(), "p.json", pair());
  return read ? "" : read.error().what;
}
std::string problem_without(const std::string& key) {
  json document = printed(all_there_is());
  document.erase(key);
  const auto read = parse_plan(document.dump(), "p.json", pair());
  return read ? "" : read.error().what;
}

}  // namespace

TEST_SUITE_BEGIN("plan_read");

TEST_CASE("plan_read: what is printed is read as it was, to the last bit") {
  plan::TrainingPlan plan = all_there_is();
  for (int without = 0; without < 2; ++without) {
    const json document = printed(plan);
    const auto read = parse_plan(document.dump(), "p.json", pair());
    REQUIRE_MESSAGE(read, (read ? "" : read.error().what));
    CHECK(*read == plan);
    CHECK(printed(*read) == document);
    plan.outer.reset();
    plan.loss_gap = 0;
    plan.cost.money.reset();
    plan.cost.carbon.reset();
  }
}

TEST_CASE("plan_read: a plan that was searched for is read as it was") {
  auto found = plan::search(pair().job, pair().fleet, config::testing::shipped_facts().calibration);
  REQUIRE_MESSAGE(found, (found ? "" : found.error().what));
  const auto read = parse_plan(printed(found->plan).dump(2), "p.json", pair());
  REQUIRE_MESSAGE(read, (read ? "" : read.error().what));
  CHECK(*read == found->plan);
}

TEST_CASE("plan_read: times add up, and an exchange is one that a job may have") {
  CHECK(problem("/step_s", 1e300).starts_with("p.json: step_s: 1e+300 s, want the "));
  CHECK(problem("/duration_s", 1).starts_with("p.json: duration_s: 1 s, want the "));
  CHECK(problem("/outer/period", 4'000'000'000).find("from 1 to 1048576") != std::string::npos);
  CHECK(problem("/outer/fragments", 65).find("p.json: outer.fragments: 65, want ") == 0);
}

TEST_CASE("plan_read: every key must be there, and no other") {
  const json document = printed(all_there_is());
  for (const auto& [key, value] : document.items()) {
    if (key == "unmet" || key == "outer" || key == "network") continue;
    CHECK(problem_without(key) ==
          "p.json: " + key + ": is missing, want it as axs plan --json prints it");
  }
  CHECK(problem("/outr", 1) == "p.json: a key \"outr\", want those that axs plan --json prints");
  CHECK(problem("/groups/1/stages/0/width", 1) ==
        "p.json: groups[1].stages[0]: a key \"width\", want those that axs plan --json prints");
}

TEST_CASE("plan_read: a value that cannot be is named, with what would do") {
  CHECK(problem("/version", 3) == "p.json: version: 3, want 4");
  CHECK(problem("/job", "other") == "p.json: job: \"other\", want \"pair\" as in the job");
  CHECK(problem("/global_batch", 13) == "p.json: global_batch: 13, want 12 as in the job");
  CHECK(problem("/sharding", "zero") ==
        "p.json: sharding: \"zero\", want one of \"none\", \"optimizer\", \"gradients\", "
        "\"parameters\"");
  CHECK(problem("/groups/0/site", "mars") ==
        "p.json: groups[0].site: \"mars\", want one of the job's: sfo, fra");
  CHECK(problem("/groups/0/stages/0/accelerator", 3) ==
        "p.json: groups[0].stages[0].accelerator: 3, want a text");
  CHECK(problem("/groups/1/micro_batches", 2.5) ==
        "p.json: groups[1].micro_batches: 2.5, want a whole number from 1 to 4294967295");
  CHECK(problem("/groups/1/micro_batches", -1) ==
        "p.json: groups[1].micro_batches: -1, want a whole number from 1 to 4294967295");
  CHECK(problem("/context", 1U << 31) ==
        "p.json: context: 2147483648, want a whole number from 1 to 65536");
  CHECK(problem("/groups/1/micro_batches", 4) ==
        "p.json: groups: 20 sequences in a step, want the 12 of global_batch");
  CHECK(problem("/groups/1/stages/0/layers", 1) ==
        "p.json: groups[1].stages: 1 layers, want the 5 of the model");
  CHECK(problem("/groups", json::array()) ==
        "p.json: groups: a list, want a list that is not empty");
  CHECK(problem("/groups/0", "x") == "p.json: groups[0]: \"x\", want an object");
  CHECK(problem("/step_s", 0) == "p.json: step_s: 0, want more");
  CHECK(problem("/spread", nullptr) == "p.json: spread: null, want a number from 1");
  CHECK(problem("/outer/fragments", 31) ==
        "p.json: outer.fragments: 31, want a whole number from 1 to 30");
  CHECK(problem("/idle/B200", 1) == "p.json: idle: \"B200\", want accelerators of the job");
  CHECK(problem("/cost/carbon_kg", "much") ==
        "p.json: cost.carbon_kg: \"much\", want a number from 0");
}

TEST_CASE("plan_read: unlike groups share all tokens of a sequence") {
  const std::string stage = "/groups/1/stages/0";
  const std::string at = "p.json: groups[1].stages[0]";
  CHECK(problem(stage + "/parts/0/groups", 2) ==
        at + ".parts: 3 groups, want the 2 parts of a sequence");
  CHECK(problem(stage + "/parts/0/groups", 3) ==
        at + ".parts[0].groups: 3, want a whole number from 1 to 2");
  CHECK(problem(stage + "/parts/1/tokens", 1) ==
        at + ".parts: 33 tokens, want the 128 of a sequence");
  CHECK(problem(stage + "/parts/1/accelerator", "B200") ==
        at + ".parts[1].accelerator: \"B200\", want one of the job's: cpu, H100");
  CHECK(problem(stage + "/accelerator", "H100") ==
        at + ".accelerator: is not the first of its parts");
  CHECK(problem(stage + "/parts/1/accelerator", "cpu") ==
        at + ".parts: want two, of different accelerators");
  CHECK(problem(stage + "/parts", json::array()) ==
        at + ".parts: a list, want a list that is not empty");
  CHECK(problem("/splits", 1) == "p.json: splits: 1, want a list that is not empty");
}

TEST_CASE("plan_read: the layers of stages that are alike may lie in chunks") {
  config::PlannedJob job = pair();
  job.job.shape.layers = 12;
  plan::TrainingPlan plan = all_there_is();
  plan.groups[0].stages[1].layers = 11;
  plan.groups[1].stages.assign(2, {.type = 0, .tensor = 1, .layers = 6, .memory = {}});
  plan.groups[1].virtual_stages = 3;
  const auto read = [&] { return parse_plan(printed(plan, job).dump(), "p.json", job); };
  const auto problem_now = [&] { return read().error().what; };
  CHECK(*read() == plan);
  const std::string wanted =
      ", want 1, or chunks into which stages that are alike at one site can be cut";
  plan.groups[1].virtual_stages = 4;
  CHECK(problem_now() == "p.json: groups[1].virtual_stages: 4" + wanted);
  plan.groups[1].virtual_stages = 3;
  plan.groups[1].stages[1].type = 1;
  CHECK(problem_now() == "p.json: groups[1].virtual_stages: 3" + wanted);
  CHECK(problem("/groups/1/virtual_stages", 5) == "p.json: groups[1].virtual_stages: 5" + wanted);
  CHECK(problem("/groups/1/virtual_stages", 0) ==
        "p.json: groups[1].virtual_stages: 0, want a whole number from 1 to 5");
}

TEST_CASE("plan_read: a pipeline goes on at sites of the job where it was not") {
  const auto crossing = [](const json& stage, const char* site) {
    return json{{{"stage", stage}, {"site", site}}};
  };
  const std::string at = "p.json: groups[0].crossings";
  CHECK(problem("/groups/0/crossings", crossing(1, "fra")) == "");
  CHECK(problem("/groups/0/crossings", 1) == at + ": 1, want a list");
  CHECK(problem("/groups/0/crossings", crossing(0, "fra")) ==
        at + "[0].stage: 0, want a whole number from 1 to 1");
  CHECK(problem("/groups/1/crossings", crossing(1, "sfo")) ==
        "p.json: groups[1].crossings: no stage is left, want fewer");
  CHECK(problem("/groups/0/crossings", crossing(1, "mars")) ==
        at + "[0].site: \"mars\", want one of the job's: sfo, fra");
  CHECK(problem("/groups/0/crossings", crossing(1, "sfo")) ==
        at + "[0].site: the pipeline is there already, want another");
}

TEST_CASE("plan_read: what is no JSON, or no plan, is refused") {
  const auto said = [](std::string_view text) {
    const auto read = parse_plan(text, "p.json", pair());
    return read ? "" : read.error().what;
  };
  CHECK(said("") == "p.json: is not JSON, want what axs plan --json prints");
  CHECK(said("{\"version\": 4") == "p.json: is not JSON, want what axs plan --json prints");
  CHECK(said("{\"step_s\": 1e999}") == "p.json: is not JSON, want what axs plan --json prints");
  CHECK(said("[]") == "p.json: a list, want an object");
  CHECK(read_plan("no-such-plan.json", pair()).error().what ==
        "plan no-such-plan.json: no such file");
}
