#include "axs/plan/breakdown.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/search_scenes_testing.h"
#include "axs/plan/step_energy.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();
constexpr double pue = SiteSupply{}.pue;

struct Planned {
  Job job;
  Fleet fleet;
  TrainingPlan plan;
  PlanBreakdown broken;
};

/// Nothing if the fleet is too small.
std::optional<Planned> planned(Job job, Fleet fleet) {
  const auto found = search(job, fleet, calibration);
  if (!found) return std::nullopt;
  auto broken = breakdown(job, fleet, found->plan, calibration);
  REQUIRE_MESSAGE(broken, (broken ? "" : broken.error().what));
  return Planned{std::move(job), std::move(fleet), found->plan, *std::move(broken)};
}

/// Random fleets of one to three sites, with plans of all kinds and software that differs in how
/// gradients are exchanged.
std::vector<Planned> some() {
  std::vector<Planned> all;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    Rng rng{seed % 12};
    Job job = scenes::small_job(rng);
    if (seed >= 12) job.loss_gap_max = 0.02;
    if (seed % 2 == 1) job.software.gradient_bytes = 4;
    job.software.overlaps_data = seed % 3 != 0;
    job.software.single_rail_sharding = seed % 4 == 0;
    Fleet fleet = scenes::small_fleet(rng);
    for (int i = 0; i < 6; ++i) scenes::grow(rng, fleet);
    if (auto one = planned(job, fleet)) all.push_back(*std::move(one));
  }
  return all;
}

Seconds sum(const StageBreakdown& stage) {
  Seconds sum{};
  for (const PartCost& part : stage.parts) sum += part.time;
  return sum;
}

/// Two nodes of four devices, each a replica of two stages: what one plan for equal devices says.
Planned equal() {
  Planned made;
  Rng rng{7};
  made.job = scenes::small_job(rng);
  made.job.shape.layers = 8;
  made.job.global_batch = 16;
  made.fleet.types = {scenes::device("chip", 400, 80, 4)};
  made.fleet.sites.push_back({.name = "a", .jurisdiction = "", .pools = {{0, 8}}});
  made.plan.method = {
      .micro_batch = 2, .recompute = Recompute::full, .sharding = Sharding::optimizer};
  made.plan.groups = {{.site = 0,
                       .replicas = 2,
                       .micro_batches = 4,
                       .stages = {{0, 2, 4, Bytes{}}, {0, 2, 4, Bytes{}}}}};
  return made;
}

Workload as_equal(const Planned& made) {
  Workload work{.shape = made.job.shape,
                .plan = {.tensor = 2,
                         .data = 2,
                         .pipeline = 2,
                         .virtual_stages = made.plan.groups.front().virtual_stages,
                         .sequence_parallel = true,
                         .sharding = made.plan.method.sharding,
                         .recompute = made.plan.method.recompute,
                         .micro_batch = made.plan.method.micro_batch,
                         .global_batch = made.job.global_batch,
                         .sequence = made.job.sequence,
                         .stage_layers = {}},
                .accelerator = made.fleet.types.front().accelerator,
                .network = made.fleet.types.front().network,
                .software = made.job.software};
  work.software.memory_figure = MemoryFigure::device;
  return work;
}

/// A step on equal devices, as a search would tell it.
PlannedTime planned(const StepTime& step) {
  return {.replicas = step.total - step.fixed,
          .sites = {},
          .fixed = step.fixed,
          .total = step.total,
          .spread = 1};
}

}  // namespace

TEST_SUITE_BEGIN("breakdown");

TEST_CASE("breakdown: the parts of every stage add up to the step of the plan") {
  const auto all = some();
  CHECK(all.size() >= 12);
  int apart = 0;
  for (const Planned& one : all) {
    if (one.plan.outer) ++apart;
    CHECK(one.broken.groups[one.broken.slowest].end.value() ==
          doctest::Approx(one.plan.step.replicas.value()).epsilon(1e-9));
    for (std::size_t g = 0; g < one.plan.groups.size(); ++g)
      for (std::size_t s = 0; s < one.plan.groups[g].stages.size(); ++s) {
        const StageBreakdown& stage = one.broken.groups[g].stages[s];
        CHECK(sum(stage).value() == doctest::Approx(one.plan.step.total.value()).epsilon(1e-9));
        CHECK(stage.memory.total.value() ==
              doctest::Approx(one.plan.groups[g].stages[s].memory.value()).epsilon(1e-9));
        CHECK(std::ranges::all_of(stage.parts,
                                  [](const PartCost& p) { return p.time >= Seconds{}; }));
      }
    Seconds mean{};
    for (const PartCost& part : one.broken.all) mean += part.time;
    CHECK(mean.value() == doctest::Approx(one.plan.step.total.value()).epsilon(1e-9));
  }
  CHECK(apart > 0);
}

TEST_CASE("breakdown: of equal devices it is what the model of equal devices says") {
  Planned made = equal();
  SUBCASE("each stage in one piece") {}
  SUBCASE("in two chunks") {
    made.plan.groups.front().virtual_stages = 2;
  }
  const Workload work = as_equal(made);
  const StepTime step = *step_time(work, calibration);
  made.plan.step = planned(step);
  const auto broken = breakdown(made.job, made.fleet, made.plan, calibration);
  REQUIRE(broken.has_value());
  const GroupBreakdown& group = broken->groups.front();
  const StageBreakdown& slowest = group.stages[group.slowest];
  using enum StepPart;
  const auto same = [&](StepPart part, Seconds expected) {
    CAPTURE(enum_name(part));
    CHECK(slowest[part].time.value() == doctest::Approx(expected.value()).epsilon(1e-9));
  };
  same(products, step.products);
  same(attention, step.attention);
  same(pointwise, step.pointwise);
  same(recompute, step.recompute);
  same(tensor_exchange, step.tensor_exchange);
  same(host, step.host);
  same(embedding_and_head, step.embedding_and_head);
  same(stage_transfers, step.stage_transfers);
  same(bubble, step.bubble);
  same(data_exchange, step.data_exchange);
  same(optimizer, step.optimizer);
  same(stragglers, step.stragglers);
  same(fixed, step.fixed);
}

TEST_CASE("breakdown: places of a round that stay empty are waited for") {
  Planned made = equal();
  ReplicaGroup& group = made.plan.groups.front();
  group.virtual_stages = 4;
  const auto pipeline = [&](std::uint32_t micro_batches) {
    group.micro_batches = micro_batches;
    const auto broken = breakdown(made.job, made.fleet, made.plan, calibration);
    REQUIRE(broken.has_value());
    const GroupBreakdown& whole = broken->groups.front();
    for (const StageBreakdown& stage : whole.stages)
      CHECK(stage[StepPart::bubble].time.value() ==
            doctest::Approx((whole.pipeline - micro_batches * stage.micro_batch).value()));
    return whole.pipeline;
  };
  CHECK(pipeline(3) == pipeline(4));
  CHECK(pipeline(2) < pipeline(3));
}

TEST_CASE("breakdown: energy is that of the whole step, and all devices are counted") {
  Planned made = equal();
  made.plan.groups.front().stages = {{0, 4, 8, Bytes{}}};
  Workload work = as_equal(made);
  work.plan.tensor = 4;
  work.plan.pipeline = 1;
  const StepTime step = *step_time(work, calibration);
  made.plan.step = planned(step);
  const auto broken = breakdown(made.job, made.fleet, made.plan, calibration);
  REQUIRE(broken.has_value());
  CHECK(broken->energy.value() ==
        doctest::Approx(step_energy(work, step, pue)->whole.value()).epsilon(1e-9));
}

TEST_CASE("breakdown: bytes, by hand") {
  const Planned made = equal();
  const auto broken = breakdown(made.job, made.fleet, made.plan, calibration);
  REQUIRE(broken.has_value());
  const StageBreakdown& first = broken->groups.front().stages.front();
  const double activations = 2.0 * 2 * made.job.sequence * made.job.shape.hidden;
  CHECK(first.devices == 4);
  // Each of two devices sends half of a message twice; two messages a pass, three passes.
  CHECK(first[StepPart::tensor_exchange].sent.value() ==
        doctest::Approx(4 * 4 * 4 * 6 * activations));
  // One neighbour, and each tensor rank sends its half.
  CHECK(first[StepPart::stage_transfers].sent.value() == doctest::Approx(4 * 4 * activations / 2));
  Planned chunks = equal();
  chunks.plan.groups.front().virtual_stages = 4;
  const auto more = breakdown(chunks.job, chunks.fleet, chunks.plan, calibration);
  REQUIRE(more.has_value());
  // Four chunks send theirs on, and three of them the gradients back; the last stage the other way.
  for (const StageBreakdown& stage : more->groups.front().stages)
    CHECK(stage[StepPart::stage_transfers].sent == 7 * first[StepPart::stage_transfers].sent);
  // 218.1 M parameters in a layer of Llama's shape with 8 key heads of 32, 131 M in the embedding.
  const double parameters = 4 * layer_parameters(made.job.shape, 2).total() + 32000 * 4096.0 / 2;
  CHECK(layer_parameters(made.job.shape, 1).total() == doctest::Approx(218.1e6).epsilon(1e-3));
  CHECK(first[StepPart::data_exchange].sent.value() == doctest::Approx(4 * 2 * parameters));
}

TEST_CASE(
    "breakdown: gradients of any bytes, shared out or not, are told as the step counts them") {
  using enum StepPart;
  const auto broken = [](Sharding sharding, double gradient_bytes, bool single_rail) {
    Planned made = equal();
    made.plan.method.sharding = sharding;
    made.plan.groups.front().stages = {{0, 4, 8, Bytes{}}};
    made.job.software.gradient_bytes = gradient_bytes;
    made.job.software.single_rail_sharding = single_rail;
    made.job.software.overlaps_data = false;
    Workload work = as_equal(made);
    work.plan.tensor = 4;
    work.plan.pipeline = 1;
    const StepTime step = *step_time(work, calibration);
    made.plan.step = planned(step);
    const auto told = breakdown(made.job, made.fleet, made.plan, calibration);
    REQUIRE(told.has_value());
    const StageBreakdown stage = told->groups.front().stages.front();
    CHECK(sum(stage).value() == doctest::Approx(step.total.value()).epsilon(1e-9));
    CHECK(stage[data_exchange].time == step.data_exchange);
    CHECK(stage[sharding_exchange].time == step.sharding_exchange);
    return stage;
  };
  const auto sent = [&](Sharding sharding, double gradient_bytes, bool single_rail = false) {
    const StageBreakdown stage = broken(sharding, gradient_bytes, single_rail);
    return stage[data_exchange].sent + stage[sharding_exchange].sent;
  };
  const Bytes two = sent(Sharding::none, 2);
  CHECK(sent(Sharding::none, 4) / two == doctest::Approx(2));
  CHECK(sent(Sharding::optimizer, 2) / two == doctest::Approx(1));
  CHECK(sent(Sharding::optimizer, 4) / two == doctest::Approx(1.5));
  // Four micro-batches reduce in four bytes, and gather twice each or once in all.
  for (const auto& [sharding, gathered] :
       {std::pair{Sharding::gradients, 2.0}, std::pair{Sharding::parameters, 4 * 2 * 2.0}}) {
    const Bytes four = sent(sharding, 4);
    CHECK(sent(sharding, 2) == four);
    CHECK(sent(sharding, 4, true) == four);
    CHECK(four / sent(sharding, 2, true) ==
          doctest::Approx((4 * 4 + gathered) / (4 * 2 + gathered)));
  }
}

TEST_CASE("breakdown: slower pipelines let faster ones wait") {
  Planned made = equal();
  auto& groups = made.plan.groups;
  groups.front().replicas = 1;
  groups.push_back(groups.front());
  groups.back().micro_batches = 1;
  made.plan.step.replicas = made.plan.step.total = Seconds{100};
  const auto broken = breakdown(made.job, made.fleet, made.plan, calibration);
  REQUIRE(broken.has_value());
  CHECK(broken->slowest == 0);
  CHECK(broken->groups[1].end < broken->groups[0].end);
  for (const GroupBreakdown& group : broken->groups)
    CHECK(group.stages.front()[StepPart::slower_replicas].time.value() ==
          doctest::Approx(100 - group.end.value()));
  CHECK(is_waiting(StepPart::slower_replicas));
  CHECK(is_exposed_exchange(StepPart::site_exchange));
  CHECK_FALSE(is_exposed_exchange(StepPart::recompute));
}

TEST_SUITE_END();
