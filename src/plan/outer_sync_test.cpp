#include "axs/plan/outer_sync.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "axs/plan/outer_choice.h"

using namespace axs;
using namespace axs::plan;

namespace {

constexpr double two_points = 0.02;
constexpr std::array<double, 5> targets{0.50, 0.80, 0.90, 0.95, 0.99};

struct Row {
  const char* name;
  OuterJob job;
  OuterSync sync;
  std::array<double, 5> gigabits;  ///< printed: reach the targets
};

/// Both papers simulate two replicas. Step times of Streaming DiLoCo are printed with one digit
/// (0.1, 0.8, 4.9 s); these round to them. Those of the scaling laws are inferred, see the design.
const OuterJob streaming_1b{1e9, 24, {Seconds{0.098}, Seconds{0.098}}};
const OuterJob streaming_10b{10e9, 48, {Seconds{0.79}, Seconds{0.79}}};
const OuterJob streaming_100b{100e9, 108, {Seconds{4.9}, Seconds{4.9}}};
const OuterJob scaling_10b{10e9, 48, {Seconds{0.96}, Seconds{0.96}}};
const OuterJob scaling_405b{405e9, 126, {Seconds{28}, Seconds{28}}};

OuterSync diloco(std::uint32_t period) {
  return {.period = period};
}

OuterSync streaming(std::uint32_t fragments, std::uint32_t overlap = 0, double bits = 16) {
  return {.period = 100, .fragments = fragments, .overlap = overlap, .bits = bits};
}

const std::vector<Row>& published() {
  static const std::vector<Row> rows{
      {"scaling 10B DP", scaling_10b, diloco(1), {104.8, 184.2, 222.3, 222.3, 390.7}},
      {"scaling 10B H=100", scaling_10b, diloco(100), {1.4, 6.2, 13.3, 23.3, 86.8}},
      {"scaling 10B H=300", scaling_10b, diloco(300), {0.5, 2.0, 4.3, 9.1, 41.0}},
      {"scaling 405B H=300", scaling_405b, diloco(300), {0.7, 3.0, 6.2, 13.3, 59.6}},
      {"1B DP", streaming_1b, diloco(1), {86.8, 152.6, 184.2, 222.3, 569.0}},
      {"1B DiLoCo", streaming_1b, diloco(100), {1.4, 6.2, 13.3, 23.3, 86.8}},
      {"1B streaming", streaming_1b, streaming(8), {1.4, 5.2, 9.1, 16.0, 28.1}},
      {"1B overlapped", streaming_1b, streaming(8, 1), {1.4, 4.3, 6.2, 9.1, 11.0}},
      {"1B 4 bit", streaming_1b, streaming(8, 1, 4), {0.4, 0.9, 1.7, 2.0, 3.0}},
      {"10B DP", streaming_10b, diloco(1), {104.8, 222.3, 222.3, 268.3, 471.5}},
      {"10B DiLoCo", streaming_10b, diloco(100), {1.7, 7.5, 16.0, 33.9, 104.8}},
      {"10B streaming", streaming_10b, streaming(16), {1.7, 5.2, 9.1, 13.3, 19.3}},
      {"10B overlapped", streaming_10b, streaming(16, 1), {1.7, 3.6, 5.2, 6.2, 7.5}},
      {"10B 4 bit", streaming_10b, streaming(16, 1, 4), {0.4, 0.9, 1.4, 1.4, 1.7}},
      {"100B DP", streaming_100b, diloco(1), {184.2, 323.8, 390.7, 390.7, 471.5}},
      {"100B DiLoCo", streaming_100b, diloco(100), {3.0, 11.0, 23.3, 49.4, 184.2}},
      {"100B streaming", streaming_100b, streaming(36), {2.4, 6.2, 9.1, 11.0, 19.3}},
      {"100B overlapped", streaming_100b, streaming(36, 1), {1.7, 3.6, 4.3, 5.2, 5.2}},
      {"100B 4 bit", streaming_100b, streaming(36, 1, 4), {0.5, 0.9, 1.1, 1.1, 1.4}},
  };
  return rows;
}

/// Every printed bandwidth is a point of this grid, cut to one decimal: 50 points, 0.1 to 1000.
double grid(std::size_t point) {
  return std::pow(10, 4.0 * static_cast<double>(point) / 49 - 1);
}

std::size_t grid_point(double printed) {
  std::size_t point = 0;
  while (std::fabs(grid(point) - printed) > 0.06) ++point;
  return point;
}

double utilisation(const Row& row, std::size_t point) {
  const RingLink link{bits_per_second(grid(point) * 1e9), Seconds{}};
  return outer_cost(row.job, row.sync, link)->utilisation;
}

/// How far the target is from what the model says between this point of the grid and the next.
double miss(const Row& row, std::size_t point, double target) {
  return std::max({0.0, utilisation(row, point) - target, target - utilisation(row, point + 1)});
}

OuterJob any_job() {
  OuterJob job;
  job.parameters = *rc::gen::inRange(1, 1000) * 1e8;
  job.layers = *rc::gen::inRange(1u, 128u);
  const auto sites = *rc::gen::inRange(1, 9);
  for (int i = 0; i < sites; ++i) job.step.push_back(Seconds{*rc::gen::inRange(1, 1000) * 0.01});
  return job;
}

OuterSync any_sync(const OuterJob& job) {
  OuterSync sync;
  sync.period = *rc::gen::inRange(1u, 300u);
  sync.fragments = *rc::gen::inRange(1u, std::min(sync.period, job.layers) + 1);
  sync.overlap = *rc::gen::inRange(0u, 6u);
  sync.bits = *rc::gen::element(32.0, 16.0, 8.0, 4.0, 3.3);
  sync.during_backward = *rc::gen::arbitrary<bool>();
  return sync;
}

RingLink any_link() {
  return {bits_per_second(*rc::gen::inRange(1, 10000) * 1e8),
          Seconds{*rc::gen::inRange(0, 600) * 1e-3}};
}

std::string why_not(const OuterJob& job, const OuterSync& sync, const RingLink& link) {
  const auto cost = outer_cost(job, sync, link);
  return cost ? "" : cost.error().what;
}

}  // namespace

TEST_CASE("outer: simulated tables of two papers, each target within two points") {
  double sum = 0;
  for (const Row& row : published())
    for (std::size_t i = 0; i < targets.size(); ++i) {
      CAPTURE(row.name);
      CAPTURE(targets[i]);
      const std::size_t point = grid_point(row.gigabits[i]);
      CHECK(miss(row, point, targets[i]) <= two_points);
      sum += miss(row, point, targets[i]);
    }
  CHECK(sum / 95 < 0.002);
}

TEST_CASE("outer: the grid is too coarse for two points at the printed bandwidth itself") {
  std::size_t within = 0;
  for (const Row& row : published())
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const double seen = utilisation(row, grid_point(row.gigabits[i]));
      within += std::fabs(seen - targets[i]) <= two_points ? 1 : 0;
    }
  CHECK(within == 50);  // of 95: a step of the grid is up to eleven points of utilisation
}

TEST_CASE("outer: scaling laws with the printed 0.8 s of another paper miss by five points") {
  Row row = published()[2];
  row.job.step = {Seconds{0.8}, Seconds{0.8}};
  CHECK(miss(row, grid_point(0.5), 0.5) > 0.05);
}

TEST_CASE("outer: Streaming DiLoCo, 95 % with 1 to 5 Gbit/s; data parallel needs a hundred times") {
  for (const OuterJob& job : {streaming_1b, streaming_10b, streaming_100b}) {
    const auto reach = [&](const OuterSync& sync, double gigabits) {
      return outer_cost(job, sync, RingLink{bits_per_second(gigabits * 1e9), {}})->utilisation;
    };
    CHECK(reach(streaming(job.layers / 3, 1, 4), 5) >= 0.95);
    CHECK(reach(streaming(job.layers / 3, 1, 4), 1) < 0.95);
    CHECK(reach(diloco(1), 472) >= 0.95);
    // Its figure's caption says 100, 200, 300; its own table 222, 268, 391, as the model does.
    CHECK(reach(diloco(1), 200) < 0.95);
  }
}

TEST_CASE("outer: INTELLECT-1, a blocking all-reduce after 100 steps in 38 minutes") {
  const OuterJob job{10e9, 42, {Seconds{22.8}, Seconds{22.8}, Seconds{22.8}}};
  const OuterSync sync{.period = 100, .bits = 8, .during_backward = false};
  const std::array<std::pair<double, double>, 3> measured{
      {{103, 0.957}, {382, 0.856}, {469, 0.830}}};
  for (const auto& [seconds, seen] : measured) {
    const auto cost = outer_cost(job, sync, Seconds{seconds});
    CHECK(cost->utilisation == doctest::Approx(seen).epsilon(0.002));
    CHECK(cost->exposed.value() == doctest::Approx(seconds));
  }
}

TEST_CASE("outer: Streaming DiLoCo sends 400 times less than data parallel") {
  const RingLink link{bits_per_second(1e9), {}};
  const double every_step = 100 * outer_cost(streaming_1b, diloco(1), link)->sent.value();
  const double streamed = outer_cost(streaming_1b, streaming(8, 1, 4), link)->sent.value();
  CHECK(every_step / streamed == doctest::Approx(400));
}

TEST_CASE("outer: a ring of three over one gigabit, 10B in four bits") {
  const RingLink link{bits_per_second(1e9), Seconds{0.15}};
  CHECK(ring_all_reduce(Bytes{5e9}, 3, link).value() == doctest::Approx(53.33 + 0.3).epsilon(1e-3));
}

TEST_CASE("outer: parts add up, and the busy link bounds every period") {
  CHECK(rc::check([] {
    const OuterJob job = any_job();
    const OuterSync sync = any_sync(job);
    const auto cost = *outer_cost(job, sync, any_link());
    const double compute = job.slowest().value() * sync.period;
    RC_ASSERT(cost.exposed >= Seconds{});
    RC_ASSERT(std::fabs(cost.wall.value() - compute - cost.exposed.value()) <=
              1e-9 * cost.wall.value());
    RC_ASSERT(cost.utilisation > 0);
    RC_ASSERT(cost.utilisation <= 1 + 1e-12);
    if (job.step.size() > 1)
      RC_ASSERT(cost.wall.value() >= sync.fragments * cost.exchange.value() * (1 - 1e-9));
    else
      RC_ASSERT(cost.exposed == Seconds{});
  }));
}

TEST_CASE("outer: faster links, fewer bits and more overlap never hurt") {
  CHECK(rc::check([] {
    const OuterJob job = any_job();
    const OuterSync sync = any_sync(job);
    const RingLink link = any_link();
    const double before = outer_cost(job, sync, link)->utilisation;
    RingLink faster = link;
    faster.rate = link.rate * 1.5;
    OuterSync shorter = sync;
    shorter.bits = sync.bits / 2;
    OuterSync later = sync;
    ++later.overlap;
    RC_ASSERT(outer_cost(job, sync, faster)->utilisation >= before - 1e-12);
    RC_ASSERT(outer_cost(job, shorter, link)->utilisation >= before - 1e-12);
    RC_ASSERT(outer_cost(job, later, link)->utilisation >= before - 1e-12);
  }));
}

TEST_CASE("outer: what makes no sense is named") {
  const RingLink link{bits_per_second(1e9), {}};
  CHECK(why_not({}, {}, link) == "parameters 0.000000, want > 0");
  CHECK(why_not({1e9, 24, {}}, {}, link) == "sites 0.000000, want >= 1");
  CHECK(why_not(streaming_1b, {}, {BytesPerSecond{-3}, {}}) ==
        "link: rate in B/s -3.000000, want > 0");
  CHECK(why_not(streaming_1b, {.period = 2, .fragments = 3}, link) ==
        "fragments 3.000000, want 1 to 2, at most period and layers");
  CHECK(why_not(streaming_1b, {.bits = std::nan("")}, link) == "bits per parameter nan, want > 0");
  CHECK(!outer_cost(streaming_1b, {}, Seconds{-1}));
}

TEST_CASE("outer choice: published gaps of loss; nothing where nobody has looked") {
  CHECK(*published_loss_gap(1e9, 4, 100) == doctest::Approx(2.53 / 2.49 - 1));
  CHECK(*published_loss_gap(10e9, 2, 100) == doctest::Approx(2.26 / 2.25 - 1));
  CHECK(*published_loss_gap(50e6, 3, 50) == doctest::Approx(3.64 / 3.51 - 1));
  CHECK(*published_loss_gap(7e9, 8, 30) == doctest::Approx(0.011));
  CHECK(*published_loss_gap(1e6, 100, 1) == 0);
  CHECK(!published_loss_gap(1e9, 8, 100));
  CHECK(!published_loss_gap(1e9, 16, 30));
  CHECK(!published_loss_gap(1e6, 2, 30));
}

TEST_CASE("outer choice: the shortest period and the most bits that reach the goal") {
  const auto chosen = [](double gigabits) {
    return *choose_outer(streaming_10b,
                         {{{bits_per_second(gigabits * 1e9), Seconds{0.1}}, Seconds{3600}}}, {});
  };
  CHECK(chosen(500).sync.period == 1);
  CHECK(chosen(50).sync.period == 30);
  CHECK(chosen(50).sync.bits == 16);
  CHECK(chosen(5).sync.bits == 4);
  CHECK(chosen(1).sync.period == 100);
  CHECK(chosen(1).sync.bits == 4);
  CHECK(chosen(1).utilisation >= 0.95);
}

TEST_CASE("outer choice: a bad spell counts for as long as it lasts") {
  const RingLink good{bits_per_second(10e9), Seconds{0.1}};
  const RingLink bad{bits_per_second(0.3e9), Seconds{0.6}};
  const auto brief = choose_outer(streaming_10b, {{good, Seconds{990}}, {bad, Seconds{10}}}, {});
  const auto lasting = choose_outer(streaming_10b, {{good, Seconds{10}}, {bad, Seconds{990}}}, {});
  CHECK(brief->sync.period == 30);
  CHECK(!lasting);
  CHECK(lasting.error().what.find("outer exchange: at most 0.5") == 0);
  CHECK(!choose_outer(streaming_10b, {}, {}));
  CHECK(!choose_outer(streaming_10b, {{good, Seconds{0}}}, {}));
  CHECK(!choose_outer(streaming_10b, {{bad, Seconds{1}}}, {.loss_gap_max = -0.5}));
}
