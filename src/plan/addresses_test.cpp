// Plans are the same wherever in memory the search keeps what it compares.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "axs/plan/frugal_search.h"
#include "axs/plan/search_scenes_testing.h"

namespace axs::plan {
namespace {

const Calibration calibration = scenes::calibration();

/// Holes of many sizes in the heap, between blocks that stay: what is allocated while it lives
/// lies in another order than without it.
class Holes {
 public:
  explicit Holes(Rng rng) {
    std::vector<Block> holes;
    for (int i = 0; i < 200'000; ++i) {
      const std::size_t size = 16 * (1 + rng.below(rng.chance(0.9) ? 16 : 256));
      auto& blocks = rng.chance(0.3) ? kept_ : holes;
      blocks.push_back(std::make_unique<char[]>(size));
    }
    for (std::size_t i = holes.size(); i > 1; --i) std::swap(holes[i - 1], holes[rng.below(i)]);
    for (Block& hole : holes) hole.reset();
  }

 private:
  using Block = std::unique_ptr<char[]>;
  std::vector<Block> kept_;
};

/// Sites that are alike, with two types that are alike but for their names.
scenes::Roomy ties(bool apart) {
  scenes::Roomy ties;
  ties.job.global_batch = 24;
  if (apart) ties.job.loss_gap_max = 0.02;
  ties.fleet.types = {scenes::device("a", 400, 24, 4), scenes::device("b", 400, 24, 4)};
  for (DeviceType& type : ties.fleet.types) type.price = Dollars{2} / Seconds{3600};
  ties.fleet.sites.clear();
  for (std::uint32_t site = 0; site < 3; ++site) {
    FleetSite& added = ties.fleet.sites.emplace_back();
    added.name = std::to_string(site);
    added.pools = {{0, 8}, {1, 8}};
    added.supply = {.price = DollarsPerJoule{2e-8}, .carbon = 1e-7};
    for (std::uint32_t other = 0; other < site; ++other)
      ties.fleet.links.push_back({other, site, bits_per_second(4e9), Seconds{0.02}});
  }
  return ties;
}

/// The fastest plan and those that take least of something.
std::vector<TrainingPlan> plans_of(const scenes::Roomy& scene) {
  const Search search = *Search::of(scene.job, scene.fleet, calibration);
  const FrugalSearch frugal{search};
  std::vector<TrainingPlan> plans{plan::search(scene.job, scene.fleet, calibration)->plan};
  const Seconds deadline = 1.3 * plans.front().duration;
  for (const Thrift thrift : {Thrift::money, Thrift::energy, Thrift::carbon, Thrift::power})
    plans.push_back(
        *frugal.best(thrift, {.duration = deadline}, {plans.front()}, [](double) { return true; }));
  return plans;
}

TEST_CASE("search: plans of a fleet with ties do not depend on addresses in memory") {
  for (const bool apart : {false, true}) {
    const scenes::Roomy scene = ties(apart);
    const std::vector<TrainingPlan> plans = plans_of(scene);
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      const Holes holes{Rng{seed}};
      CAPTURE(apart);
      CAPTURE(seed);
      CHECK(plans_of(scene) == plans);
    }
  }
}

}  // namespace
}  // namespace axs::plan
