#include "axs/plan/attention_shards.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Of one sequence of Llama 3 70B's attention over unequal devices.
AttentionProblem llama(std::uint32_t sequence, std::size_t devices) {
  AttentionProblem problem;
  problem.layer = {.sequence = sequence, .heads = 64, .kv_heads = 8, .head_width = 128};
  problem.query_block = 1024;
  problem.key_range = 2048;
  const AttentionDevice fast{.attention = FlopsPerSecond{400e12},
                             .memory = BytesPerSecond{3.0e12},
                             .capacity = Bytes{40e9},
                             .link = BytesPerSecond{50e9}};
  const AttentionDevice slow{.attention = FlopsPerSecond{190e12},
                             .memory = BytesPerSecond{1.5e12},
                             .capacity = Bytes{20e9},
                             .link = BytesPerSecond{25e9}};
  for (std::size_t i = 0; i < devices; ++i) {
    problem.devices.push_back(i % 2 == 0 ? fast : slow);
    problem.devices.back().tokens = sequence / static_cast<std::uint32_t>(devices);
  }
  return problem;
}

/// Small enough to look at every placement: three to nine shards, six on three devices.
/// Capacities from ample to below what any placement needs, links from free to ruinous.
AttentionProblem small_problem(Rng& rng) {
  AttentionProblem problem;
  const bool three = rng.chance(0.5);
  const std::uint32_t blocks = 2 + static_cast<std::uint32_t>(rng.below(2));
  const std::uint32_t kv_heads = blocks == 2 ? 1 + static_cast<std::uint32_t>(rng.below(2)) : 1;
  problem.layer = {.sequence = 64 * blocks - static_cast<std::uint32_t>(rng.below(32)),
                   .heads = kv_heads * (1 + static_cast<std::uint32_t>(rng.below(4))),
                   .kv_heads = kv_heads,
                   .head_width = 16,
                   .causal = three || rng.chance(0.7) || blocks == 3};
  problem.query_block = 64;
  problem.key_range = kv_heads == 1 && !three && rng.chance(0.4) ? 48 : 64;
  const double link = std::pow(10, 8 + 3 * rng.uniform());
  std::uint32_t left = problem.layer.sequence;
  const std::uint32_t devices = three ? 3 : 2;
  for (std::uint32_t i = 0; i < devices; ++i) {
    const std::uint32_t tokens =
        i + 1 == devices ? left : static_cast<std::uint32_t>(rng.below(left));
    problem.devices.push_back({.attention = FlopsPerSecond{1e9 * (1 + 4 * rng.uniform())},
                               .memory = BytesPerSecond{1e9 * (1 + 4 * rng.uniform())},
                               .capacity = Bytes{3e4 + 2e5 * rng.uniform()},
                               .link = BytesPerSecond{link * (0.5 + rng.uniform())},
                               .tokens = tokens});
    left -= tokens;
  }
  return problem;
}

bool fits(const AttentionProblem& problem, const std::vector<DeviceLoad>& loads) {
  for (std::size_t i = 0; i < loads.size(); ++i)
    if (loads[i].resident > problem.devices[i].capacity) return false;
  return true;
}

Seconds makespan(const std::vector<DeviceLoad>& loads) {
  Seconds worst{};
  for (const DeviceLoad& load : loads) worst = std::max(worst, load.time());
  return worst;
}

/// The best of all placements, looked at one by one. Nothing if none fits.
std::optional<Seconds> optimum(const AttentionProblem& problem) {
  const auto shards = cut_attention(problem);
  std::vector<std::uint32_t> device(shards.size(), 0);
  std::optional<Seconds> best;
  while (true) {
    const auto loads = device_loads(problem, shards, device);
    if (fits(problem, loads) && (!best || makespan(loads) < *best)) best = makespan(loads);
    std::size_t digit = 0;
    while (digit < device.size() && ++device[digit] == problem.devices.size()) device[digit++] = 0;
    if (digit == device.size()) return best;
  }
}

std::string why_not(const AttentionProblem& problem) {
  const auto placed = place_shards(problem);
  return placed ? "" : placed.error().what;
}

}  // namespace

TEST_CASE("attention shards: pairs under the causal mask, as counted one by one") {
  CHECK(rc::check([] {
    const auto q0 = *rc::gen::inRange(0u, 40u);
    const auto q1 = *rc::gen::inRange(q0, 48u);
    const auto k0 = *rc::gen::inRange(0u, 40u);
    const auto k1 = *rc::gen::inRange(k0, 48u);
    double pairs = 0;
    for (auto q = q0; q < q1; ++q)
      for (auto k = k0; k < k1; ++k) pairs += k <= q ? 1 : 0;
    RC_ASSERT(causal_pairs(q0, q1, k0, k1) == pairs);
  }));
}

TEST_CASE("attention shards: the cut covers every pair of every head once") {
  AttentionProblem problem = llama(10'000, 4);
  double pairs = 0;
  for (const AttentionShard& shard : cut_attention(problem)) pairs += shard.pairs;
  CHECK(pairs == 8 * (10'000.0 * 10'001 / 2));
  problem.layer.causal = false;
  pairs = 0;
  for (const AttentionShard& shard : cut_attention(problem)) pairs += shard.pairs;
  CHECK(pairs == 8 * 1e8);
}

TEST_CASE("attention shards: within 2 % of the best of all placements of small problems") {
  Rng rng{1};
  int solved = 0;
  int infeasible = 0;
  double gaps = 0;
  for (int i = 0; i < 315; ++i) {
    const AttentionProblem problem = small_problem(rng);
    const auto best = optimum(problem);
    const auto placed = place_shards(problem);
    CAPTURE(i);
    REQUIRE(placed.has_value() == best.has_value());
    infeasible += best ? 0 : 1;
    if (!best) continue;
    ++solved;
    CHECK(placed->makespan.value() <= 1.02 * best->value());
    CHECK(placed->bound.value() <= best->value() * (1 + 1e-9));
    gaps += placed->makespan / *best - 1;
  }
  MESSAGE("solved " << solved << " infeasible " << infeasible << " mean gap " << gaps / solved);
  CHECK(solved >= 300);
  CHECK(infeasible > 0);
}

TEST_CASE("attention shards: a long sequence over unequal devices comes near the bound") {
  const AttentionProblem problem = llama(65'536, 16);
  const auto placed = place_shards(problem);
  REQUIRE(placed.has_value());
  MESSAGE(placed->shards.size() << " shards, " << placed->makespan / placed->bound);
  CHECK(placed->makespan.value() <= 1.02 * placed->bound.value());
}

TEST_CASE(
    "attention shards: no worse than every shard where its queries are, no better than the bound") {
  CHECK(rc::check([] {
    const auto devices = *rc::gen::inRange(1u, 5u);
    AttentionProblem problem = llama(devices * *rc::gen::inRange(100u, 4000u), devices);
    for (AttentionDevice& device : problem.devices)
      device.link = BytesPerSecond{*rc::gen::inRange(1, 1000) * 1e8};
    const auto placed = *place_shards(problem);
    std::vector<std::uint32_t> home;
    const std::uint32_t each = problem.devices[0].tokens;
    for (const AttentionShard& shard : placed.shards)
      home.push_back(shard.query * problem.query_block / each);
    RC_ASSERT(placed.makespan <= makespan(device_loads(problem, placed.shards, home)));
    RC_ASSERT(placed.makespan == makespan(placed.loads));
    RC_ASSERT(placed.makespan.value() >= placed.bound.value() * (1 - 1e-9));
    RC_ASSERT(fits(problem, placed.loads));
  }));
}

TEST_CASE("attention shards: two devices, counted by hand") {
  AttentionProblem problem;
  problem.layer = {.sequence = 4, .heads = 2, .kv_heads = 1, .head_width = 8};
  problem.query_block = 2;
  problem.key_range = 2;
  const AttentionDevice device{FlopsPerSecond{1}, BytesPerSecond{1e9}, Bytes{1e9},
                               BytesPerSecond{2}, 2};
  problem.devices = {device, device};
  const auto shards = cut_attention(problem);
  REQUIRE(shards.size() == 3);  // the first queries do not see the last keys
  const auto loads = device_loads(problem, shards, {0, 0, 1});
  // 3 + 4 pairs here, 3 there, 4 x 8 operations each, for two heads of queries; and one merge.
  CHECK(loads[0].computing.value() == doctest::Approx(7 * 2 * 32));
  CHECK(loads[1].computing.value() == doctest::Approx(3 * 2 * 32));
  // Queries of 2 x 2 x 8 elements go there, sums of 2 x 2 x 10 come back.
  CHECK(loads[0].linking.value() == doctest::Approx((2 * 32 + 4 * 40) / 2.0));
  CHECK(loads[1].linking == loads[0].linking);
  // Own queries, output, keys and values: 2 tokens x 2 bytes x 48. Fetched queries, two sums.
  CHECK(loads[0].resident.value() == 192 + 64 + 2 * 160);
  CHECK(loads[1].resident.value() == 192 + 160);
}

TEST_CASE("attention shards: the same placement every time") {
  const AttentionProblem problem = llama(16'384, 8);
  CHECK(place_shards(problem)->device == place_shards(problem)->device);
}

TEST_CASE("attention shards: what makes no sense is named") {
  AttentionProblem problem = llama(4'096, 2);
  problem.devices[1].link = BytesPerSecond{-3};
  CHECK(why_not(problem) == "attention: device 1: link rate in B/s -3.000000, want > 0");
  problem = llama(4'096, 2);
  problem.devices[0].tokens = 1;
  CHECK(why_not(problem) ==
        "attention: tokens on all devices 2049.000000, want the sequence, 4096");
  problem.devices.clear();
  CHECK(why_not(problem) == "attention: devices 0.000000, want 1 to 4096");
  problem = llama(4'096, 2);
  problem.devices[1].capacity = Bytes{1};
  CHECK(why_not(problem).find("attention: device 1 would hold ") == 0);
  problem = llama(4'096, 2);
  problem.layer.kv_heads = 7;
  CHECK(why_not(problem) == "attention: heads 64.000000, want a multiple of kv heads 7");
  problem = llama(4'096, 2);
  problem.key_range = 0;
  CHECK(!place_shards(problem));
  problem.key_range = 1;
  problem.query_block = 1;
  CHECK(!place_shards(problem));
}
