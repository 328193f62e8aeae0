#include "axs/net/repair_plan.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <set>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::net;

namespace {

/// Says of 100,000 packets what became of them; losses come in runs of `run`.
ChanceLossEstimator after(double loss, std::uint64_t run, std::uint64_t packets = 100'000) {
  Rng rng{3};
  ChanceLossEstimator estimator;
  for (std::uint64_t number = 0; number < packets;) {
    if (!rng.chance(loss / static_cast<double>(run))) {
      estimator.arrived();
      ++number;
      continue;
    }
    for (std::uint64_t i = 0; i < run; ++i) estimator.lost(number++);
  }
  return estimator;
}

/// The share of blocks of which more is lost than there are repairs.
double failures(double symbols, const ChanceLoss& loss) {
  const std::uint32_t repairs = repairs_needed(symbols, loss, 1e-3);
  Rng rng{7};
  constexpr int tries = 20'000;
  int failed = 0;
  for (int i = 0; i < tries; ++i) {
    std::uint32_t lost = 0;
    for (std::uint32_t s = 0; s < static_cast<std::uint32_t>(symbols) + repairs; ++s)
      lost += rng.chance(loss.rate) ? 1 : 0;
    failed += lost > repairs ? 1 : 0;
  }
  return static_cast<double>(failed) / tries;
}

}  // namespace

TEST_CASE("chance loss: its rate and its runs are found, and forgotten when they end") {
  CHECK(ChanceLossEstimator{}.estimate().rate == 0);
  const ChanceLoss single = after(0.01, 1).estimate();
  CHECK(single.rate == doctest::Approx(0.01).epsilon(0.2));
  CHECK(single.burst < 1.2);
  const ChanceLoss runs = after(0.02, 8).estimate();
  CHECK(runs.rate == doctest::Approx(0.02).epsilon(0.3));
  CHECK(runs.burst == doctest::Approx(8).epsilon(0.2));
  ChanceLossEstimator ended = after(0.05, 1);
  for (int i = 0; i < 200'000; ++i) ended.arrived();
  CHECK(ended.estimate().rate == 0);
}

TEST_CASE("chance loss: what was only late is no loss") {
  ChanceLossEstimator estimator;
  for (std::uint64_t i = 0; i < 100; ++i) {
    estimator.arrived();
    if (i % 10 == 0) estimator.lost(1000 + 2 * i);
  }
  for (int i = 0; i < 10; ++i) estimator.was_late();
  CHECK(estimator.estimate().rate == 0);
  estimator.was_late();
  CHECK(estimator.estimate().rate == 0);
}

TEST_CASE("repair plan: as many repairs as keep failures rare, and no more than a quarter") {
  for (const double rate : {0.001, 0.01, 0.03}) {
    for (const double symbols : {12.0, 50.0, 190.0}) CHECK(failures(symbols, {rate, 1}) < 3e-3);
  }
  CHECK(repairs_needed(100, {0, 1}, 1e-3) == 0);
  CHECK(repairs_needed(100, {1e-6, 1}, 1e-3) == 0);
  CHECK(repairs_needed(100, {0.01, 1}, 1e-3) <= 6);
  CHECK(repairs_needed(100, {0.01, 8}, 1e-3) >= 8);
  CHECK(repairs_needed(100, {0.5, 1}, 1e-3) == 25);
  CHECK(repairs_needed(1, {0.05, 1}, 1e-3) == 1);
}

TEST_CASE("repair plan: every block of the tail gets its repairs, all of them different") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const std::uint64_t total = 2000 + rng.below(3'000'000), begin = rng.below(total);
    const RepairPlan::Tail tail{.number = 5,
                                .begin = begin,
                                .total = total,
                                .at_risk = total - begin,
                                .symbol = static_cast<std::uint16_t>(500 + rng.below(1000)),
                                .exposure = 1 + rng.uniform()};
    auto plan = RepairPlan::make(tail, {0.001 + 0.05 * rng.uniform(), 1 + 9 * rng.uniform()});
    RC_PRE(plan.has_value());
    std::map<RepairBlock, std::set<std::uint32_t>> repairs;
    for (; !plan->done(); plan->take()) {
      RC_ASSERT(plan->block().fits(total));
      RC_ASSERT(plan->index() < RepairBlock::max_repairs);
      RC_ASSERT(repairs[plan->block()].insert(plan->index()).second);
    }
    RangeSet bytes;
    for (const auto& [block, indices] : repairs) {
      RC_ASSERT(indices.size() == repairs.begin()->second.size());
      for (std::uint32_t i = 0; i < block.symbols(total); ++i) bytes.insert(block.symbol(i, total));
    }
    RC_ASSERT(bytes.ranges() == std::vector<Range>({{begin, total}}));
  }));
}

TEST_CASE("piece grid: symbols are the full pieces, and pieces that are shifted lie in two") {
  PieceGrid regular;
  for (std::uint64_t i = 0; i < 100; ++i) regular.add({i * 1000, (i + 1) * 1000});
  CHECK(regular.symbol() == 1000);
  CHECK(regular.phase() == 0);
  CHECK(regular.exposure() == 1);
  PieceGrid behind;
  behind.add({0, 300});
  for (std::uint64_t i = 0; i < 100; ++i) behind.add({300 + i * 1000, 300 + (i + 1) * 1000});
  CHECK(behind.symbol() == 1000);
  CHECK(behind.phase() == 300);
  CHECK(behind.exposure() == 1);
  PieceGrid shifted;
  shifted.add({0, 1000});
  shifted.add({1000, 1500});
  for (std::uint64_t i = 0; i < 100; ++i) shifted.add({1500 + i * 1000, 1500 + (i + 1) * 1000});
  CHECK(shifted.exposure() == doctest::Approx(2).epsilon(0.02));
}
