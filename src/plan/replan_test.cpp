#include "axs/plan/replan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/plan_devices.h"
#include "axs/plan/search_scenes_testing.h"

using namespace axs;
using namespace axs::plan;

namespace {

const Calibration calibration = scenes::calibration();

/// A job that runs as it was planned.
struct Running {
  Job job;
  Fleet fleet;
  TrainingPlan plan;

  explicit Running(std::uint64_t seed) : Running{Rng{seed}, seed} {}
  Running(Rng rng, std::uint64_t seed)
      : job{scenes::small_job(rng)}, fleet{scenes::small_fleet(rng)} {
    for (Pool& pool : fleet.sites[0].pools) pool.devices += 2;
    if (seed % 2 == 1) scenes::scatter(rng, fleet);
    if (seed % 4 == 1) job.loss_gap_max = 0.02;
    if (auto found = search(job, fleet, calibration)) plan = std::move(found->plan);
  }

  bool is_planned() const { return !plan.groups.empty(); }
  /// With so many steps still to do.
  Job left(double steps_left) const {
    Job left = job;
    left.tokens = steps_left * job.global_batch * job.sequence;
    return left;
  }
  Result<ReplanResult> anew(const FleetEvents& events, double steps_left) const {
    const ChangedFleet now = AXS_TRY(after(fleet, events));
    return replan(left(steps_left), now, calibration, AXS_TRY(with_types_of(now, plan)));
  }
};

/// One of what can happen, or two.
FleetEvents some_events(Rng& rng, const Fleet& fleet) {
  FleetEvents events;
  const auto site = static_cast<std::uint32_t>(rng.below(fleet.sites.size()));
  if (fleet.sites[site].has_devices() && rng.chance(0.5))
    events.slow.push_back({site, 0.1 + 0.8 * rng.uniform()});
  if (rng.chance(0.4) && !fleet.links.empty()) {
    const SiteLink& link = fleet.links[rng.below(fleet.links.size())];
    events.links.push_back({link.from, link.to, std::nullopt});
    if (rng.chance(0.7)) events.links.back().rate = rng.uniform() * link.rate;
  }
  for (const Pool& pool : fleet.sites[site].pools)
    if (pool.devices > 0 && (rng.chance(0.3) || (events.slow.empty() && events.links.empty()))) {
      events.lost.push_back(
          {site, pool.type, static_cast<std::uint32_t>(1 + rng.below(pool.devices))});
      break;
    }
  return events;
}

/// Whatever the fleet has.
bool uses_only(const Fleet& fleet, const TrainingPlan& plan) {
  std::vector<std::vector<std::int64_t>> left(fleet.sites.size(),
                                              std::vector<std::int64_t>(fleet.types.size()));
  for (std::size_t site = 0; site < fleet.sites.size(); ++site)
    for (const Pool& pool : fleet.sites[site].pools) left[site][pool.type] += pool.devices;
  for (const ReplicaGroup& group : plan.groups)
    for (const PlannedStage& stage : group.stages)
      left[group.site][stage.type] -=
          std::int64_t{group.replicas} * stage.tensor * plan.method.context;
  return std::ranges::all_of(left, [](const auto& site) {
    return std::ranges::all_of(site, [](std::int64_t devices) { return devices >= 0; });
  });
}

std::int64_t sequences(const TrainingPlan& plan) {
  std::int64_t sum = 0;
  for (const ReplicaGroup& group : plan.groups)
    sum += std::int64_t{group.replicas} * group.micro_batches * plan.method.micro_batch;
  return sum;
}

const ReplanOption* of_course(const ReplanResult& result, Course course) {
  const auto found = std::ranges::find(result.options, course, &ReplanOption::course);
  return found == result.options.end() ? nullptr : &*found;
}

/// Of all units, the last one first, whatever was found before.
Seconds end_of_all(const Job& left, const ChangedFleet& now, const TrainingPlan& running) {
  Replanning replanning = *Replanning::of(left, now, calibration, running);
  for (std::size_t unit = replanning.search().units(); unit-- > 0;)
    if (auto found = replanning.search().run(unit, no_limit)) replanning.take(*std::move(found));
  return replanning.result(1)->options.front().end();
}

std::string error_of(const Result<ReplanResult>& result) {
  return result ? "" : result.error().what;
}

/// Two sites that both train, one type each.
struct Pair {
  Job job;
  Fleet fleet = scenes::large_fleet(64, 2, 2);
  TrainingPlan plan;

  Pair() {
    Rng rng{7};
    job = scenes::small_job(rng);
    job.global_batch = 1024;
    job.loss_gap_max = 0.02;
    for (std::uint32_t site = 0; site < 2; ++site) fleet.sites[site].pools = {{site, 32}};
    plan = search(job, fleet, calibration)->plan;
  }
  Result<ReplanResult> anew(const FleetEvents& events, double steps_left = 1e5) const {
    const ChangedFleet now = AXS_TRY(after(fleet, events));
    Job left = job;
    left.tokens = steps_left * job.global_batch * job.sequence;
    return replan(left, now, calibration, AXS_TRY(with_types_of(now, plan)));
  }
};

}  // namespace

TEST_CASE("replan: where nothing has changed the running plan goes on without a pause") {
  int planned = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Running running{seed};
    if (!running.is_planned()) continue;
    ++planned;
    CAPTURE(seed);
    const auto result = running.anew({}, 1e6);
    REQUIRE(result);
    const ReplanOption& first = result->options.front();
    CHECK(of_course(*result, Course::move) == nullptr);
    CHECK(first.course == Course::keep);
    CHECK(first.move.pause == Seconds{});
    CHECK(first.plan.method == running.plan.method);
    CHECK(first.plan.step.total <= running.plan.step.total * (1 + 1e-9));
    CHECK(first.plan.step.total >= running.plan.step.total * (1 - 1e-9));
  }
  CHECK(planned > 4);
}

TEST_CASE("replan: what is chosen uses devices that are there, does all work and ends first") {
  int courses[3] = {};
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    Running running{seed};
    if (!running.is_planned()) continue;
    Rng rng{1000 + seed};
    if (rng.chance(0.5)) running.plan.method.sharding = Sharding::none;
    const FleetEvents events = some_events(rng, running.fleet);
    const auto changed = after(running.fleet, events);
    if (!changed) continue;  // A site that has lost all devices is not slow.
    const ChangedFleet& now = *changed;
    const double steps_left = rng.chance(0.5) ? 300 : 1e6;
    const Job left = running.left(steps_left);
    const auto result = running.anew(events, steps_left);
    CAPTURE(seed);
    if (!result) continue;
    for (const ReplanOption& option : result->options) {
      CHECK(uses_only(now.fleet, option.plan));
      CHECK(sequences(option.plan) == left.global_batch);
      CHECK(option.end() >= result->options.front().end());
      ++courses[static_cast<std::size_t>(option.course)];
    }
    const ReplanOption& first = result->options.front();
    for (const ReplanOption& option : result->options)
      if (&option != &first && option.course == Course::move)
        CHECK(option.plan.step.total < first.plan.step.total);
    CHECK(first.end() == end_of_all(left, now, *with_types_of(now, running.plan)));
  }
  for (const int times : courses) CHECK(times > 0);
}

TEST_CASE("replan: much work left makes a better plan worth its pause, little does not") {
  const Pair pair;
  FleetEvents events;
  events.slow.push_back({0, 0.02});
  const auto little = pair.anew(events, 3);
  const auto much = pair.anew(events, 1e7);
  REQUIRE(little);
  REQUIRE(much);
  CHECK(little->options.front().course == Course::keep);
  CHECK(much->options.front().course != Course::keep);
  CHECK(much->options.front().plan.step.total < little->options.front().plan.step.total);
  CHECK(much->options.front().move.pause >= replicas_leave);
}

TEST_CASE("replan: work goes from replicas of a slower site to others without a pause") {
  const Pair pair;
  const auto at = [](const TrainingPlan& plan, std::uint32_t site) {
    std::int64_t sum = 0;
    for (const ReplicaGroup& group : plan.groups)
      if (group.site == site) sum += std::int64_t{group.replicas} * group.micro_batches;
    return sum;
  };
  REQUIRE(at(pair.plan, 0) > 0);
  REQUIRE(at(pair.plan, 1) > 0);
  FleetEvents events;
  events.slow.push_back({0, 0.5});
  const auto result = pair.anew(events, 10);
  REQUIRE(result);
  const ReplanOption& first = result->options.front();
  CHECK(first.course == Course::keep);
  CHECK(first.move.pause == Seconds{});
  CHECK(at(first.plan, 0) < at(pair.plan, 0));
  CHECK(at(first.plan, 1) > at(pair.plan, 1));
}

TEST_CASE("replan: replicas whose devices are gone leave, and those of a site that is cut off") {
  Pair pair;
  pair.plan.method.sharding = Sharding::none;  // Each replica has all of the state.
  FleetEvents lost;
  lost.lost.push_back({1, 1, 32});
  const auto without = pair.anew(lost, 10);
  REQUIRE(without);
  CHECK(without->options.front().course == Course::shrink);
  CHECK(without->options.front().move.pause >= replicas_leave);
  CHECK(of_course(*without, Course::keep) == nullptr);
  FleetEvents cut;
  cut.links.push_back({1, 0, std::nullopt});
  const auto alone = pair.anew(cut, 10);
  REQUIRE(alone);
  CHECK(alone->options.front().course == Course::shrink);
  for (const ReplicaGroup& group : alone->options.front().plan.groups)
    CHECK(group.site == alone->options.front().plan.groups.front().site);
}

TEST_CASE("replan: jurisdictions hold for what ran elsewhere, too") {
  Pair pair;
  pair.fleet.sites[0].jurisdiction = "US";
  pair.fleet.sites[1].jurisdiction = "DE";
  pair.job.jurisdictions = {"DE"};
  const auto result = pair.anew({});
  REQUIRE(result);
  for (const ReplanOption& option : result->options)
    for (const ReplicaGroup& group : option.plan.groups) CHECK(group.site == 1);
}

TEST_CASE("replan: a site that had nothing gets the model over its link") {
  Pair pair;
  pair.fleet.links = {{0, 1, BytesPerSecond{1e9}, Seconds{0.1}}};
  TrainingPlan there = search(pair.job, pair.fleet, calibration)->plan;
  HeldState held{there.method, {}, {{0, {0, 0}}, {0, {0, 0}}}};
  TrainingPlan next = there;
  std::erase_if(there.groups, [](const ReplicaGroup& group) { return group.site == 1; });
  REQUIRE(there.groups.size() > 0);
  REQUIRE(there.groups.size() < next.groups.size());
  held.pipelines = there.groups;
  next.method.sharding = held.method.sharding = Sharding::none;
  const PlanMove move = move_to(next, held, pair.job, pair.fleet, calibration, whole_restart);
  const double bytes = parameters(pair.job.shape) * pair.job.software.state_bytes;
  CHECK(move.between.value() == doctest::Approx(bytes));
  CHECK(move.inside.value() > 0);
  CHECK(move.pause > whole_restart + Seconds{bytes / 1e9});
  CHECK_FALSE(move.from_checkpoint);
  held.pipelines = next.groups;
  const PlanMove none = move_to(next, held, pair.job, pair.fleet, calibration, replicas_leave);
  CHECK(none.inside == Bytes{});
  CHECK(none.between == Bytes{});
  CHECK(none.pause == replicas_leave);
  held.pipelines.clear();
  CHECK(move_to(next, held, pair.job, pair.fleet, calibration, whole_restart).from_checkpoint);
}

TEST_CASE("replan: stages that share a node share its network") {
  const Pair pair;
  TrainingPlan next = pair.plan;
  const std::uint32_t layers = pair.job.shape.layers;
  REQUIRE(layers >= 2);
  ReplicaGroup group{0, 1, 1, {}};
  for (std::uint32_t i = 0; i < layers; ++i) group.stages.push_back({0, 1, 1, {}});
  next.groups = {group};
  next.method = {};
  const HeldState held{
      {1, Recompute::none, Sharding::optimizer}, next.groups, {{2, {0, 0}}, {0, {0, 0}}}};
  const PlanMove move = move_to(next, held, pair.job, pair.fleet, calibration, whole_restart);
  const DeviceType& type = pair.fleet.types[0];
  REQUIRE(layers <= type.accelerator.per_node);
  CHECK(move.pause - whole_restart >= move.inside / type.network.node_rate);
}

TEST_CASE("replan: chunks of a stage lie elsewhere than the stage in one piece") {
  Pair pair;
  pair.job.shape.layers = 8;
  const auto pipeline = [](std::uint32_t chunks) {
    return ReplicaGroup{
        .stages = {{0, 1, 4, {}}, {0, 1, 4, {}}}, .crossings = {}, .virtual_stages = chunks};
  };
  const auto moved = [&](std::uint32_t from, std::uint32_t to) {
    TrainingPlan next = pair.plan;
    next.groups = {pipeline(to)};
    next.method = {};
    const HeldState held{{}, {pipeline(from)}, {{1, {0, 0}}, {0, {0, 0}}}};
    return move_to(next, held, pair.job, pair.fleet, calibration, whole_restart).inside;
  };
  CHECK(moved(1, 1) == Bytes{});
  CHECK(moved(2, 2) == Bytes{});
  CHECK(moved(1, 2) > Bytes{});
  CHECK(moved(2, 4) == moved(1, 2));
}

TEST_CASE("replan: interleaved pipelines go on as they were, or not where they cannot have run") {
  Running running{1};
  running.job = scenes::Roomy{}.job;
  running.fleet = scenes::Roomy{}.fleet;
  const Search search = *Search::of(running.job, running.fleet, calibration);
  ReplicaGroup group{.micro_batches = 8,
                     .stages = {{0, 2, 2, {}}, {0, 2, 2, {}}},
                     .crossings = {},
                     .virtual_stages = 2};
  const Method method{1, Recompute::none, Sharding::optimizer};
  const auto plan = search.shared_anew(method, {group});
  REQUIRE(plan);
  CHECK(plan->groups.front().virtual_stages == 2);
  running.plan = *plan;
  const auto result = running.anew({}, 1);
  REQUIRE(result);
  const ReplanOption* keep = of_course(*result, Course::keep);
  REQUIRE(keep != nullptr);
  CHECK(keep->plan.groups == plan->groups);
  CHECK(keep->plan.step.total == plan->step.total);
  group.virtual_stages = 1;
  CHECK(search.shared_anew(method, {group})->step.total > plan->step.total);
  group.virtual_stages = 3;
  CHECK_FALSE(search.shared_anew(method, {group}));
  group.virtual_stages = 2;
  group.stages[0].layers = 1;
  group.stages[1].layers = 3;
  CHECK_FALSE(search.shared_anew(method, {group}));
}

TEST_CASE("replan: state that was on lost devices alone comes from a checkpoint") {
  Pair pair;
  const auto goes_on = [&](Sharding sharding, Course course, const FleetEvents& events) {
    pair.plan.method.sharding = sharding;
    const auto result = pair.anew(events, 10);
    REQUIRE(result);
    REQUIRE(of_course(*result, course) != nullptr);
    return of_course(*result, course)->move;
  };
  FleetEvents events;
  events.lost.push_back({1, 1, 32});
  pair.plan.outer.reset();  // Sites that step together share one copy.
  const PlanMove shared = goes_on(Sharding::optimizer, Course::shrink, events);
  CHECK(shared.from_checkpoint);
  CHECK(shared.pause >= whole_restart);
  const PlanMove copied = goes_on(Sharding::none, Course::shrink, events);
  CHECK_FALSE(copied.from_checkpoint);
  CHECK(copied.pause < whole_restart);

  std::erase_if(pair.plan.groups, [](const ReplicaGroup& group) { return group.site == 1; });
  pair.plan.groups.resize(1);
  pair.plan.groups[0].replicas = 1;
  events.lost = {{0, 0, 1}};
  CHECK(goes_on(Sharding::none, Course::keep, events).from_checkpoint);
  pair.plan.groups[0].replicas = 2;
  CHECK_FALSE(goes_on(Sharding::none, Course::keep, events).from_checkpoint);
}

TEST_CASE("replan: a site that steps apart and lost a shard gets the state of one that has all") {
  Pair pair;
  REQUIRE(pair.plan.outer);
  pair.plan.method.sharding = Sharding::optimizer;
  FleetEvents events;
  events.lost.push_back({1, 1, 1});
  const auto first = [&] { return pair.anew(events, 10)->options.front(); };
  const ReplanOption apart = first();
  const double state = parameters(pair.job.shape) * pair.job.software.state_bytes;
  CHECK_FALSE(apart.move.from_checkpoint);
  CHECK(apart.move.between.value() == doctest::Approx(state));
  CHECK(apart.move.pause >= replicas_leave + Bytes{state} / pair.fleet.links[0].rate);
  events.lost.push_back({0, 0, 1});
  CHECK(first().move.from_checkpoint);
  CHECK(first().move.pause >= whole_restart);
  events.lost.pop_back();
  pair.plan.outer.reset();
  CHECK(first().move.from_checkpoint);
  CHECK(first().move.inside > apart.move.inside);
}

TEST_CASE("replan: a site that lacks state gets as much as one that held nothing") {
  const Pair pair;
  const std::uint32_t sharing = sharing_at(pair.plan, 0);
  HeldState held{pair.plan.method,
                 pair.plan.groups,
                 {{sharing, {0, 0}}, {sharing_at(pair.plan, 1), {0, 0}, true}}};
  const auto move = [&] {
    return move_to(pair.plan, held, pair.job, pair.fleet, calibration, replicas_leave);
  };
  const PlanMove lacks = move();
  std::erase_if(held.pipelines, [](const ReplicaGroup& group) { return group.site == 1; });
  const PlanMove nothing = move();
  CHECK(lacks.inside > Bytes{});
  CHECK(lacks.inside == nothing.inside);
  CHECK(lacks.between == nothing.between);
  CHECK(lacks.pause == nothing.pause);
}

TEST_CASE("replan: a stopped search says that it was") {
  Pair pair;
  pair.job.deadline = Seconds{1};
  pair.job.tokens = 1e5 * pair.job.global_batch * pair.job.sequence;
  const ChangedFleet now = *after(pair.fleet, {});
  const auto begun = *Replanning::of(pair.job, now, calibration, pair.plan);
  CHECK(begun.result(0.5)->unmet.ends_with("with the best found so far"));
  CHECK(begun.result(1)->unmet.ends_with("at best"));
  pair.plan.method.context = 4096;
  const auto nothing = *Replanning::of(pair.job, now, calibration, pair.plan);
  CHECK(error_of(nothing.result(0.5)) == "plan: none was found before the search was stopped");
}

TEST_CASE("replan: a plan that cannot have run is refused") {
  const Pair pair;
  CHECK(check_runs(pair.plan, pair.job, pair.fleet, calibration));
  TrainingPlan other = pair.plan;
  other.method.context = 4096;
  CHECK_FALSE(check_runs(other, pair.job, pair.fleet, calibration));
  const ChangedFleet now = *after(pair.fleet, {});
  other.groups[0].site = 7;
  CHECK(with_types_of(now, other).error().what == "running plan: site 7, want one of 2");
  other = pair.plan;
  other.groups[0].stages[0].type = 9;
  CHECK(with_types_of(now, other).error().what == "running plan: type 9, want one of 2");
}

TEST_CASE("replan: what cannot be is said") {
  const Pair pair;
  FleetEvents events;
  events.lost.push_back({0, 0, 33});
  CHECK(error_of(pair.anew(events)) ==
        "site 0: 33 devices lost of 32 that it has of the type, want 1 to as many");
  events = {};
  events.lost.push_back({0, 9, 1});
  CHECK(error_of(pair.anew(events)).find("devices lost of 0") != std::string::npos);
  events = {};
  events.lost = {{0, 0, 32}, {1, 1, 32}};
  CHECK(error_of(pair.anew(events)) == "fleet: no accelerators at any of its sites, want some");
  events = {};
  events.slow.push_back({1, 1.5});
  CHECK(error_of(pair.anew(events)) == "site 1: speed 1.5, want a share above 0 and below 1");
  events = {};
  events.links.push_back({0, 1, BytesPerSecond{-3e9 / 8}});
  CHECK(error_of(pair.anew(events)) == "link 0-1: rate -3 Gb/s, want > 0");
  events.links = {{0, 1, BytesPerSecond{1e15}}};
  CHECK(error_of(pair.anew(events)).find("Gb/s, want less than the") != std::string::npos);
  events = {{{0, 0, 32}}, {{0, 0.5}}, {}};
  CHECK(error_of(pair.anew(events)) == "site 0: no devices that could slow down, want some");
  events = {};
  events.links = {{0, 0, std::nullopt}};
  CHECK(error_of(pair.anew(events)) == "link 0-0: there is none, want one of the job's");
  events.links = {{0, 7, std::nullopt}};
  CHECK(error_of(pair.anew(events)) == "event: site 7, want one of 2");
  Pair other;
  other.job.shape.layers += 1;
  CHECK(error_of(other.anew({})).find("layers, want the") != std::string::npos);
}
