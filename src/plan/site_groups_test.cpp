#include "axs/plan/site_groups.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Of 0.5 billion parameters: four sites may exchange every 30 steps, two every 100.
Job job_with(std::optional<double> loss_gap_max) {
  Job job;
  job.shape = {.layers = 12,
               .hidden = 1536,
               .heads = 12,
               .kv_heads = 12,
               .head_width = 128,
               .feed_forward = 8192,
               .gated = true,
               .vocabulary = 32000};
  job.loss_gap_max = loss_gap_max;
  return job;
}

Fleet sites(std::size_t count) {
  Fleet fleet;
  fleet.sites.resize(count);
  return fleet;
}

SiteLink link(std::uint32_t from, std::uint32_t to, double gigabits, std::uint32_t spell = 0) {
  return {from, to, bits_per_second(gigabits * 1e9), Seconds{0.1}, spell};
}

using Sets = std::vector<std::vector<std::uint32_t>>;

Sets sets(const std::vector<SiteGroup>& groups) {
  Sets sets;
  for (const SiteGroup& group : groups) sets.push_back(group.sites);
  return sets;
}

SiteExchange any_exchange(Rng& rng) {
  SiteExchange exchange;
  OuterSync& sync = exchange.how.sync;
  sync.during_backward = false;
  sync.period = static_cast<std::uint32_t>(1 + rng.below(100));
  sync.fragments = static_cast<std::uint32_t>(1 + rng.below(std::min(sync.period, 24u)));
  sync.overlap = static_cast<std::uint32_t>(rng.below(6));
  const auto spells = 1 + rng.below(4);
  for (std::size_t i = 0; i < spells; ++i)
    exchange.forecast.push_back({Seconds{10 * rng.uniform()}, 1.0 / static_cast<double>(spells)});
  return exchange;
}

}  // namespace

TEST_CASE("site exchange: costs what outer_cost() says, in the mean of the spells") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng{seed};
    const SiteExchange exchange = any_exchange(rng);
    const Seconds step{0.01 + 5 * rng.uniform()};
    double exposed = 0;
    for (const FragmentTime& fragment : exchange.forecast) {
      const auto cost = outer_cost({1e9, 24, {step, step}}, exchange.how.sync, fragment.exchange);
      REQUIRE(cost);
      exposed += fragment.share * cost->exposed.value() / exchange.how.sync.period;
    }
    CAPTURE(seed);
    CHECK(exchange.exposed(step).value() == doctest::Approx(exposed).epsilon(1e-9));
  }
}

TEST_CASE("site exchange: the longest step within a limit, and none is longer by being shorter") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng{seed};
    const SiteExchange exchange = any_exchange(rng);
    const Seconds step{0.01 + 5 * rng.uniform()};
    CAPTURE(seed);
    CHECK(exchange.after(step) <= exchange.after(1.01 * step) * (1 + 1e-12));
    const Seconds limit = exchange.after(step);
    const Seconds longest = exchange.step_within(limit * (1 + 1e-9));
    CHECK(longest >= step * (1 - 1e-9));
    CHECK(exchange.after(longest) <= limit * (1 + 1e-8));
  }
  const SiteExchange every_step{{}, {{Seconds{2}, 1}}};
  CHECK(every_step.step_within(Seconds{5}) == Seconds{3});
  CHECK(every_step.step_within(Seconds{1}) == Seconds{});
  CHECK(every_step.step_within(Seconds{-1}) == Seconds{});
  const SiteExchange busy{{{.period = 10, .overlap = 10}, 0}, {{Seconds{20}, 1}}};
  CHECK(busy.after(Seconds{1}).value() == doctest::Approx(2));
  CHECK(busy.step_within(Seconds{1.9}) == Seconds{});
}

TEST_CASE("site groups: each site alone, and what each link joins") {
  Fleet fleet = sites(4);
  fleet.links = {link(0, 1, 10), link(1, 2, 1), link(0, 2, 5), link(0, 3, 2)};
  const auto groups = site_groups(fleet, job_with({}), {0, 1, 2, 3});
  CHECK(sets(groups) == Sets{{0}, {1}, {2}, {3}, {0, 1}, {0, 1, 2}, {0, 1, 2, 3}});
  CHECK(groups[0].ways.empty());
  REQUIRE(groups[5].ways.size() == 1);
  CHECK(groups[5].ways[0].how.sync.period == 1);
  const Seconds once = exchange_time(Bytes{2 * parameters(job_with({}).shape)}, fleet.links[2]);
  CHECK(groups[5].ways[0].forecast[0].exchange == once);
  CHECK(groups[5].step_within(once + Seconds{3}).value() == doctest::Approx(3));
}

TEST_CASE("site groups: over sites that may not be used nothing is joined") {
  Fleet fleet = sites(3);
  fleet.links = {link(0, 1, 10), link(1, 2, 10)};
  CHECK(sets(site_groups(fleet, job_with({}), {0, 2})) == Sets{{0}, {2}});
  CHECK(sets(site_groups(fleet, job_with({}), {1})) == Sets{{1}});
}

TEST_CASE("site groups: fewer sites may exchange less often") {
  Fleet fleet = sites(3);
  fleet.links = {link(0, 1, 10), link(1, 2, 10)};
  const auto groups = site_groups(fleet, job_with(0.02), {0, 1, 2});
  CHECK(sets(groups) == Sets{{0}, {1}, {2}, {0, 1}, {0, 1}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}});
  REQUIRE(groups.size() == 8);
  for (const std::size_t every_step : {std::size_t{3}, std::size_t{5}}) {
    CHECK_FALSE(groups[every_step].step_apart());
    CHECK(groups[every_step].sites_max == groups[every_step].sites.size());
    CHECK(groups[every_step].ways.size() == 1);
  }
  CHECK(groups[4].step_apart());
  CHECK(groups[4].ways.size() == 8);
  CHECK(groups[6].sites_max == 2);
  CHECK(groups[6].ways.size() == 8);
  CHECK(groups[7].sites_max == 3);
  CHECK(groups[7].ways.size() == 4);
}

TEST_CASE("site groups: spells with links in another order") {
  Fleet fleet = sites(3);
  fleet.spells = {Seconds{1}, Seconds{3}};
  fleet.links = {link(0, 1, 10, 0), link(1, 2, 1, 0), link(0, 1, 1, 1), link(1, 2, 10, 1)};
  const auto groups = site_groups(fleet, job_with({}), {0, 1, 2});
  CHECK(sets(groups) == Sets{{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 1, 2}});
  const auto& forecast = groups[3].ways[0].forecast;
  REQUIRE(forecast.size() == 2);
  CHECK(forecast[0].exchange < forecast[1].exchange);
  CHECK(forecast[1].share == 0.75);
  fleet.links.pop_back();
  CHECK(sets(site_groups(fleet, job_with({}), {0, 1, 2})) == Sets{{0}, {1}, {2}, {0, 1}});
}

TEST_CASE("outer options: fewer sites may do all that more may") {
  for (double size = 2e7; size < 1e12; size *= 1.3)
    for (std::size_t sites = 2; sites < 10; ++sites) {
      const auto fewer = outer_options(size, 24, sites, 0.02);
      for (const OuterOption& option : outer_options(size, 24, sites + 1, 0.02))
        CHECK(std::ranges::any_of(fewer,
                                  [&](const OuterOption& o) { return o.sync == option.sync; }));
    }
}
