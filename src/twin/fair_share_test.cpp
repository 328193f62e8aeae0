#include "axs/twin/fair_share.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "axs/core/rng.h"
#include "axs/twin/fair_share_testing.h"

using namespace axs;
using namespace axs::twin;
using namespace axs::twin::testing;

namespace {

/// A network and what the solver is told of it, side by side.
class Pair {
 public:
  Pair(std::uint32_t links, Rng rng) : rng_{rng}, capacities_(links), solver_{draw_capacities()} {}

  void change() {
    switch (rng_.below(8)) {
      case 0:
        if (!bundles_.empty()) {
          const auto victim = any();
          solver_.remove(BundleId{victim->first});
          bundles_.erase(victim);
        }
        break;
      case 1:
        if (!bundles_.empty()) {
          const auto bundle = any();
          bundle->second.weight = 1 + rng_.below(4);
          solver_.set_weight(BundleId{bundle->first}, bundle->second.weight);
        }
        break;
      case 2:
        if (!bundles_.empty()) {
          const auto bundle = any();
          bundle->second.path = draw_path();
          solver_.set_path(BundleId{bundle->first}, bundle->second.path);
        }
        break;
      case 3: {
        const auto link = static_cast<std::uint32_t>(rng_.below(capacities_.size()));
        capacities_[link] = draw_capacity();
        solver_.set_capacity(LinkId{link}, BytesPerSecond{capacities_[link]});
        break;
      }
      default: {
        const Wanted wanted{draw_path(), rng_.chance(0.3) ? draw_capacity() / 4 : HUGE_VAL,
                            1 + rng_.below(3)};
        const BundleId id = solver_.add(
            {.path = wanted.path, .cap = BytesPerSecond{wanted.cap}, .weight = wanted.weight});
        REQUIRE(bundles_.emplace(id.value, wanted).second);
      }
    }
  }

  /// Levels are those of progressive filling, and what the solver says of loads is true.
  void check() {
    solver_.settle();
    const auto levels = fill(capacities_, bundles_);
    std::vector<double> loads(capacities_.size());
    for (const auto& [id, bundle] : bundles_) {
      const double seen = solver_.level(BundleId{id}).value();
      CHECK(seen == doctest::Approx(levels.at(id)).epsilon(1e-9));
      for (const LinkId link : bundle.path)
        loads[link.value] += seen * static_cast<double>(bundle.weight);
    }
    for (std::uint32_t i = 0; i < loads.size(); ++i) {
      constexpr double rounding = 1e-3;  // Of capacities up to 2e7.
      CHECK(loads[i] <= capacities_[i] + rounding);
      CHECK(std::fabs(solver_.load(LinkId{i}).value() - loads[i]) <= rounding);
    }
    check_certificate(loads);
  }

 private:
  /// Every bundle is at its cap or crosses a full link on which no level is higher.
  void check_certificate(const std::vector<double>& loads) {
    std::vector<double> highest(loads.size());
    for (const auto& [id, bundle] : bundles_)
      for (const LinkId link : bundle.path)
        highest[link.value] = std::max(highest[link.value], solver_.level(BundleId{id}).value());
    for (const auto& [id, bundle] : bundles_) {
      const double level = solver_.level(BundleId{id}).value();
      bool held = bundle.path.empty() || level >= bundle.cap;
      for (const LinkId link : bundle.path)
        held = held || (loads[link.value] >= capacities_[link.value] * (1 - 1e-9) &&
                        level >= highest[link.value] * (1 - 1e-9));
      CHECK(held);
    }
  }

  Bundles::iterator any() {
    auto at = bundles_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng_.below(bundles_.size())));
    return at;
  }
  /// Whole numbers, so that links often saturate together; sometimes 0.
  double draw_capacity() { return static_cast<double>(rng_.below(20)) * 1e6; }
  std::vector<BytesPerSecond> draw_capacities() {
    std::vector<BytesPerSecond> all;
    for (double& capacity : capacities_) all.emplace_back(capacity = draw_capacity());
    return all;
  }
  std::vector<LinkId> draw_path() {
    std::vector<LinkId> path;
    const double density = rng_.uniform();
    for (std::uint32_t i = 0; i < capacities_.size(); ++i)
      if (rng_.chance(density * density)) path.push_back(LinkId{i});
    return path;
  }

  Rng rng_;
  std::vector<double> capacities_;
  Bundles bundles_;
  FairShare solver_;
};

}  // namespace

TEST_CASE("the textbook's example: the long flow yields, the short ones take the rest") {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1}, BytesPerSecond{2},
                                               BytesPerSecond{1}};
  FairShare solver{capacities};
  const std::vector<LinkId> all{LinkId{0}, LinkId{1}, LinkId{2}};
  const BundleId long_one = solver.add({.path = all});
  const BundleId first = solver.add({.path = std::span{all}.first(1)});
  const BundleId middle = solver.add({.path = std::span{all}.subspan(1, 1)});
  solver.settle();
  CHECK(solver.level(long_one).value() == 0.5);
  CHECK(solver.level(first).value() == 0.5);
  CHECK(solver.level(middle).value() == 1.5);
}

TEST_CASE("a change that is felt nowhere else touches nothing else") {
  const std::vector<BytesPerSecond> capacities(3, BytesPerSecond{10});
  FairShare solver{capacities};
  const std::vector<LinkId> links{LinkId{0}, LinkId{1}, LinkId{2}};
  solver.add({.path = std::span{links}.first(1)});
  solver.add({.path = std::span{links}.first(2), .cap = BytesPerSecond{1}});
  const BundleId other = solver.add({.path = std::span{links}.subspan(1)});
  solver.settle();
  solver.set_weight(other, 2);
  solver.settle();
  for (const BundleId id : solver.touched_bundles()) CHECK(id == other);
  CHECK_FALSE(solver.settle());
}

TEST_CASE("whatever changes, levels stay those of progressive filling") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    Pair pair{2 + static_cast<std::uint32_t>(rng.below(12)), rng.fork(1)};
    for (int step = 0; step < 60; ++step) {
      do pair.change();
      while (rng.chance(0.3));
      pair.check();
    }
  }));
}
