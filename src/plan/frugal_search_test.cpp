#include "axs/plan/frugal_search.h"

#include <doctest/doctest.h>

#include <array>

#include "axs/plan/search_scenes_testing.h"

namespace axs::plan {
namespace {

using scenes::Roomy;

const Calibration calibration = scenes::calibration();
const FrugalSearch::Watch patient = [](double) { return true; };
constexpr double almost = 1 + 2 * FrugalChoice::close_enough;
constexpr std::array thrifts{Thrift::money, Thrift::energy, Thrift::carbon};

/// Sites that may exchange seldom, with prices, and a batch of any size.
Roomy priced_apart(Rng& rng, std::uint32_t devices) {
  Roomy some;
  some.job = scenes::small_job(rng);
  some.job.loss_gap_max = 0.02;
  some.job.global_batch = static_cast<std::uint32_t>(20 + rng.below(300));
  some.fleet = scenes::large_fleet(devices, static_cast<std::uint32_t>(1 + rng.below(2)),
                                   static_cast<std::uint32_t>(2 + rng.below(2)));
  // A rest, so that sites are not alike.
  for (FleetSite& site : some.fleet.sites)
    site.pools[0].devices += static_cast<std::uint32_t>(rng.below(9));
  scenes::price(rng, some.fleet);
  return some;
}

/// Of a step of the plan that takes least within a deadline.
double least(const Roomy& some, Thrift thrift, Seconds deadline) {
  const Search search = *Search::of(some.job, some.fleet, calibration);
  const FrugalSearch frugal{search};
  const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
  const auto found = frugal.best(thrift, {.duration = deadline}, {fastest}, patient);
  REQUIRE(found);
  CHECK(found->duration <= deadline);
  return frugal.step_score(*found, thrift);
}

TEST_CASE("frugal search: added devices and sites never make a plan take more, whatever counts") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    Roomy some = priced_apart(rng, static_cast<std::uint32_t>(12 + rng.below(40)));
    if (seed % 3 == 0) scenes::make_odd(rng, some.job, some.fleet);
    const Thrift thrift = thrifts[seed % 3];
    const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
    const Seconds deadline = (1 + 0.1 * rng.uniform()) * fastest.duration;
    double before = least(some, thrift, deadline);
    for (int i = 0; i < 2; ++i) {
      scenes::grow(rng, some.fleet);
      scenes::price(rng, some.fleet);
      const double after = least(some, thrift, deadline);
      CHECK(after <= almost * before);
      before = after;
    }
  }
}

/// Joined to all that are there.
void add_site(Fleet& fleet, std::uint32_t devices, double dollars_per_hour, double grams_per_kwh) {
  const auto added = static_cast<std::uint32_t>(fleet.sites.size());
  for (std::uint32_t site = 0; site < added; ++site)
    fleet.links.push_back({site, added, bits_per_second(1e10), Seconds{0.05}});
  fleet.sites.push_back({.name = std::to_string(added), .jurisdiction = "", .pools = {}});
  fleet.sites.back().pools = {{0, devices, Dollars{dollars_per_hour} / Seconds{3600}}};
  fleet.sites.back().supply.carbon = grams_per_kwh / 3.6e9;
}

TEST_CASE(
    "frugal search: a dearer site does not make two others dearer, however odd their numbers") {
  Roomy some;
  some.job.shape.layers = 8;
  some.job.global_batch = 38;
  some.job.loss_gap_max = 0.02;
  some.fleet.types = {scenes::device("chip", 900, 80, 8)};
  some.fleet.sites.clear();
  add_site(some.fleet, 41, 2, 50);
  add_site(some.fleet, 38, 3, 300);
  Roomy more = some;
  add_site(more.fleet, 38, 4, 700);
  const TrainingPlan fastest = plan::search(some.job, some.fleet, calibration)->plan;
  REQUIRE(fastest.outer);
  for (const Thrift thrift : thrifts)
    for (const double slower : {1.0001, 1.02}) {
      CAPTURE(slower);
      const Seconds deadline = slower * fastest.duration;
      CHECK(least(more, thrift, deadline) <= almost * least(some, thrift, deadline));
    }
}

}  // namespace
}  // namespace axs::plan
