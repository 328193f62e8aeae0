#include "axs/twin/twin.h"

#include <doctest/doctest.h>

#include "axs/fabric/link_plan.h"

using namespace axs;
using namespace axs::twin;

namespace {

catalog::Scenario three_sites(Duration one_way, double loss) {
  catalog::Scenario scenario;
  scenario.name = "three";
  scenario.train.tokens = 3 * 300 * 256;
  scenario.train.outer = {.period = 20, .fragments = 2};
  for (const char* name : {"sfo", "fra", "tyo"}) scenario.sites.push_back({.name = name, .at = {}});
  for (std::uint32_t a = 0; a < 3; ++a)
    for (std::uint32_t b = a + 1; b < 3; ++b)
      scenario.links.push_back({.a = SiteId{a},
                                .b = SiteId{b},
                                .kind = catalog::LinkKind::wire,
                                .rate_ab = bits_per_second(1e8),
                                .rate_ba = bits_per_second(1e8),
                                .one_way = one_way,
                                .loss = loss});
  return scenario;
}

Outcome simulate(const catalog::Scenario& scenario, Duration slowest = milliseconds(30)) {
  std::vector<WorkerSpeed> workers(3);
  workers[2].step = slowest;
  Twin world{{.scenario = scenario,
              .links = *fabric::plan_links(scenario, {}, seconds(60)),
              .workers = workers}};
  return world.run(seconds(600));
}

/// Of its work the third piece fails.
class BreakingWorker final : public WorkerModel {
 public:
  using WorkerModel::WorkerModel;
  Result<std::optional<train::SiteSync::Captured>> end(Work work) override {
    if (++ends_ == 3) return Error{Errc::unavailable, "out of memory"};
    return WorkerModel::end(work);
  }
  int ends() const { return ends_; }

 private:
  int ends_ = 0;
};

}  // namespace

TEST_CASE("twin: the same seed gives the same digest, another seed another") {
  catalog::Scenario scenario = three_sites(milliseconds(40), 0.01);
  const Outcome first = simulate(scenario), second = simulate(scenario);
  REQUIRE(first.finished);
  CHECK(first.digest == second.digest);
  CHECK(first.took == second.took);
  scenario.seed = 2;
  CHECK(simulate(scenario).digest != first.digest);
}

TEST_CASE("twin: the budget is met to the token, over clean and over lossy links") {
  for (const double loss : {0.0, 0.02}) {
    const Outcome outcome = simulate(three_sites(milliseconds(40), loss));
    CHECK(outcome.finished);
    CHECK(outcome.tokens == 3 * 300 * 256);
  }
}

TEST_CASE("twin: overlap hides links of 150 ms round trip") {
  const Outcome near = simulate(three_sites(microseconds(10), 0));
  const Outcome far = simulate(three_sites(milliseconds(75), 0));
  CHECK(far.took.seconds() < 1.15 * near.took.seconds());
}

TEST_CASE("twin: a worker that may not run ahead of its merges waits for far sites") {
  catalog::Scenario scenario = three_sites(milliseconds(75), 0);
  const Outcome free = simulate(scenario);
  scenario.train.outer.overlap = 8;
  const Outcome ahead = simulate(scenario);
  scenario.train.outer.overlap = 0;
  const Outcome at_once = simulate(scenario);
  CHECK(at_once.tokens == free.tokens);
  // 30 exchanges of 75 ms there and as long for the agreement, in no step's shadow.
  CHECK(at_once.took.seconds() > free.took.seconds() + 30 * 0.15);
  CHECK(ahead.took.seconds() < 1.02 * free.took.seconds());
}

TEST_CASE("twin: uneven shares end on the budget, each site with its own") {
  for (const bool every_step : {false, true}) {
    catalog::Scenario scenario = three_sites(milliseconds(40), 0);
    scenario.model.context = 64;
    scenario.train.shares = catalog::Shares{1, {{{2, 1}}, {{4}}, {{5}}}};
    if (every_step) scenario.train.sync = catalog::SyncMode::every_step;
    std::vector<WorkerSpeed> workers(3);
    for (std::uint32_t i = 0; i < 3; ++i)
      workers[i].tokens_per_step =
          catalog::site_tokens_per_step(scenario.train, scenario.model, SiteId{i}, 3);
    CHECK(workers[2].tokens_per_step == 5 * 64);
    Twin world{{.scenario = scenario,
                .links = *fabric::plan_links(scenario, {}, seconds(60)),
                .workers = workers}};
    const Outcome outcome = world.run(seconds(900));
    CHECK(outcome.finished);
    // Each stops at whole steps of its own.
    CHECK(outcome.tokens + 5 * 64 > scenario.train.tokens);
    CHECK(outcome.tokens < scenario.train.tokens + 5 * 64);
  }
}

TEST_CASE("twin: clocks that are wrong by hours and drift change nothing that matters") {
  catalog::Scenario scenario = three_sites(milliseconds(40), 0);
  const Outcome right = simulate(scenario);
  const Duration all[][3] = {{{}, seconds(7200), seconds(3600 * 24)},
                             {seconds(-3600), seconds(-3600), seconds(-3600)},
                             {seconds(-3600), seconds(-5), seconds(3600)}};
  for (const auto& offsets : all) {
    for (std::size_t i = 0; i < 3; ++i) scenario.sites[i].clock.offset = offsets[i];
    scenario.sites[1].clock.drift_ppm = 200;
    scenario.sites[2].clock.drift_ppm = -200;
    const Outcome wrong = simulate(scenario);
    CHECK(wrong.finished);
    CHECK(wrong.tokens == right.tokens);
    CHECK(wrong.took.seconds() < 1.02 * right.took.seconds());
    CHECK(wrong.events < 11 * right.events / 10);
  }
}

TEST_CASE("twin: a site three times slower takes its share and delays nobody") {
  const Outcome even = simulate(three_sites(milliseconds(40), 0));
  const Outcome uneven = simulate(three_sites(milliseconds(40), 0), milliseconds(90));
  CHECK(uneven.finished);
  CHECK(uneven.tokens == even.tokens);
  // Speeds 1 + 1 + 1/3 share the work of 3: at the best 9/7 of the time.
  CHECK(uneven.took.seconds() < 1.15 * 9 / 7 * even.took.seconds());
}

TEST_CASE("twin: cuts, slow sites and kills cost no token") {
  catalog::Scenario scenario = three_sites(milliseconds(40), 0.001);
  const Outcome quiet = simulate(scenario);
  scenario.faults = {
      {.at = 0.2, .what = catalog::CutLink{LinkId{0}, seconds(3)}},
      {.at = 0.4, .what = catalog::SlowSite{SiteId{2}, 3, seconds(3)}},
      {.at = 0.5, .what = catalog::KillProcess{SiteId{1}, catalog::Process::worker}},
      {.at = 0.7, .what = catalog::KillProcess{SiteId{0}, catalog::Process::agent}},
      {.at = 0.8, .what = catalog::KillProcess{SiteId{2}, catalog::Process::agent}},
  };
  const Outcome first = simulate(scenario), second = simulate(scenario);
  CHECK(first.finished);
  CHECK(first.digest == second.digest);
  CHECK(first.digest != quiet.digest);
  CHECK(first.tokens <= quiet.tokens * 106 / 100);
  CHECK(first.tokens >= quiet.tokens * 95 / 100);
}

TEST_CASE("twin: of two faults that slow a site, the end of one leaves the other") {
  catalog::Scenario scenario = three_sites(milliseconds(40), 0.001);
  const Outcome calm = simulate(scenario);
  scenario.faults = {{.at = 0.1, .what = catalog::SlowSite{SiteId{2}, 4, seconds(60)}}};
  const Outcome one = simulate(scenario);
  scenario.faults.push_back({.at = 0.2, .what = catalog::SlowSite{SiteId{2}, 2, seconds(1)}});
  const Outcome both = simulate(scenario);
  CHECK(one.took.seconds() > 1.1 * calm.took.seconds());
  CHECK(both.took.seconds() > 0.99 * one.took.seconds());
}

TEST_CASE("twin: a kill at any time, of any process, adds or loses few tokens") {
  catalog::Scenario scenario = three_sites(milliseconds(40), 0.001);
  const std::uint64_t budget = scenario.train.tokens;
  const std::uint64_t unheard = 2 * 20 * 256;  // What a site does in two periods.
  for (const catalog::Process process : {catalog::Process::worker, catalog::Process::agent})
    for (std::uint32_t site = 0; site < 3; ++site)
      for (const double share : {0.05, 0.3, 0.5, 0.7, 0.85, 0.92, 0.96, 0.99}) {
        CAPTURE(static_cast<int>(process));
        CAPTURE(site);
        CAPTURE(share);
        scenario.faults = {{.at = share, .what = catalog::KillProcess{SiteId{site}, process}}};
        const Outcome outcome = simulate(scenario);
        CHECK(outcome.finished);
        CHECK(outcome.tokens >= budget);
        CHECK(outcome.tokens <= budget + unheard);
      }
}

TEST_CASE("twin: every-step waits for its links in each step, and sends whole gradients") {
  catalog::Scenario scenario = three_sites(milliseconds(75), 0);
  scenario.train.sync = catalog::SyncMode::every_step;
  scenario.train.tokens = 3 * 256 * 20;
  const Outcome first = simulate(scenario), second = simulate(scenario);
  REQUIRE(first.finished);
  CHECK(first.digest == second.digest);
  CHECK(first.syncs == 20);
  CHECK(first.tokens == scenario.train.tokens);
  // 2 (n - 1)/n of the gradient from each site in each step, and 11 % for packets, their seals and
  // answers, and hellos.
  const double values = static_cast<double>(parameter_count(scenario.model)) * 2 * 2 / 3;
  const double bytes = 3 * 20 * values * sizeof(float);
  CHECK(static_cast<double>(first.bytes) > bytes);
  CHECK(static_cast<double>(first.bytes) < 1.12 * bytes);
  // No step is faster than its bytes at 100 Mb/s and one trip, nor than what it computes.
  const double least = values * sizeof(float) * 8 / 1e8 + 0.075 + 0.03;
  CHECK(first.took.seconds() > 20 * least);
  CHECK(first.took.seconds() < 1.25 * 20 * least + 3);
}

TEST_CASE("twin: every-step does all steps whoever is killed, and is late by what it lost") {
  catalog::Scenario scenario = three_sites(milliseconds(5), 0.001);
  scenario.train.sync = catalog::SyncMode::every_step;
  scenario.train.tokens = 3 * 256 * 60;
  scenario.model = {.layers = 1, .width = 64, .hidden = 64};
  const Outcome quiet = simulate(scenario);
  scenario.faults = {
      {.at = 0.2, .what = catalog::CutLink{LinkId{0}, seconds(2)}},
      {.at = 0.4, .what = catalog::KillProcess{SiteId{1}, catalog::Process::worker}},
      {.at = 0.6, .what = catalog::KillProcess{SiteId{0}, catalog::Process::agent}},
      {.at = 0.95, .what = catalog::KillProcess{SiteId{2}, catalog::Process::agent}},
  };
  const Outcome first = simulate(scenario), second = simulate(scenario);
  CHECK(first.finished);
  CHECK(first.digest == second.digest);
  CHECK(first.tokens == quiet.tokens);
  CHECK(first.took > quiet.took + seconds(2));
}

TEST_CASE("twin: what it notes changes nothing that happens, and tells all of it") {
  catalog::Scenario scenario = three_sites(milliseconds(40), 0.01);
  scenario.sites[1].clock = {.offset = seconds(7200)};
  scenario.faults.push_back({seconds(3), catalog::CutLink{LinkId{0}, seconds(2)}});
  scenario.faults.push_back({0.5, catalog::KillProcess{SiteId{2}, catalog::Process::worker}});
  const Outcome quiet = simulate(scenario);
  std::map<std::string, std::uint64_t> counts;
  std::uint64_t bytes = 0;
  Twin world{{.scenario = scenario,
              .links = *fabric::plan_links(scenario, {}, seconds(60)),
              .workers = std::vector<WorkerSpeed>(3),
              .note = [&](const catalog::FactOrigin& origin, const catalog::Fact& fact) {
                std::visit([&]<class T>(const T&) { ++counts[std::string{type_name<T>()}]; }, fact);
                CHECK((origin.site == "fra") == (origin.at >= Instant{} + seconds(7200)));
                const auto* traffic = std::get_if<catalog::LinkTraffic>(&fact);
                if (traffic != nullptr && traffic->link == "sfo-tyo wire") bytes = traffic->bytes;
              }}};
  const Outcome told = world.run(seconds(600));
  CHECK(told.digest == quiet.digest);
  CHECK(told.events == quiet.events);
  CHECK(counts["SyncApplied"] >= 3 * told.syncs);
  CHECK(counts["SiteFinished"] == 3);
  CHECK(counts["FaultBegan"] == 2);
  CHECK(counts["FaultEnded"] == 1);
  CHECK(counts["WorkerLost"] == 1);
  CHECK(counts["RouteChanged"] == told.reroutes);
  CHECK(counts["RouteMeasured"] > 0);
  CHECK(bytes > 0);
}

TEST_CASE("twin: workers of another kind are driven as its own, and an error of one ends it") {
  const catalog::Scenario scenario = three_sites(milliseconds(40), 0);
  const auto play = [&](const std::vector<std::shared_ptr<Worker>>& workers) {
    Twin world{{.scenario = scenario,
                .links = *fabric::plan_links(scenario, {}, seconds(60)),
                .workers = std::vector<WorkerSpeed>(3),
                .real_workers = workers}};
    const Outcome outcome = world.run(seconds(600));
    CHECK(outcome.finished == !world.failure().has_value());
    if (world.failure()) CHECK(world.failure()->what == "out of memory");
    return outcome;
  };
  std::vector<std::shared_ptr<Worker>> workers;
  for (std::uint32_t i = 0; i < 3; ++i)
    workers.push_back(
        std::make_shared<WorkerModel>(SiteId{i}, scenario.train.outer, WorkerSpeed{}));
  CHECK(play(workers).digest == simulate(scenario).digest);
  const auto breaking =
      std::make_shared<BreakingWorker>(SiteId{1}, scenario.train.outer, WorkerSpeed{});
  workers[1] = breaking;
  CHECK_FALSE(play(workers).finished);
  CHECK(breaking->ends() == 3);
}
