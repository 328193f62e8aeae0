#include "axs/cli/rehearsal.h"

#include <doctest/doctest.h>

#include "axs/cli/job.h"

using namespace axs;
using namespace axs::cli;

namespace {

catalog::Scenario job() {
  catalog::Scenario scenario;
  scenario.name = "pair";
  scenario.train.sequences = 8;
  scenario.train.outer.period = 10;
  scenario.train.outer.fragments = 2;
  scenario.train.tokens = 400 * 8 * scenario.model.context;
  scenario.sites = {{.name = "a"}, {.name = "b"}};
  const BytesPerSecond rate = bits_per_second(1e8);
  scenario.links = {{.a = {0},
                     .b = {1},
                     .kind = catalog::LinkKind::wire,
                     .rate_ab = rate,
                     .rate_ba = rate,
                     .one_way = milliseconds(40)}};
  return scenario;
}

/// What the worker of a site noted in a rehearsal: 30 ms a step, once it is warm, and 4 ms a step
/// for its share of the syncs.
void tell(record::History& history, const std::string& site, Duration slower) {
  const auto note = [&](double at, catalog::Fact fact) {
    history.entries.push_back({Instant{} + from_seconds(at), site, std::move(fact)});
  };
  note(1, catalog::WorkerStarted{7});
  note(1.5, catalog::WorkerReady{0, 0, 0, 32'768, {}});
  note(2, catalog::Progress{10, 2'560, 5, seconds(1), seconds(1)});
  note(2.5, catalog::Contributed{0, 0, 2'560, 500'000});
  note(3, catalog::Progress{20, 5'120, 4, milliseconds(30) + slower, milliseconds(4)});
  note(3.2, catalog::Contributed{1, 0, 3'840, 100'000});
  note(3.5, catalog::Contributed{2, 2'560, 5'120, 300'000});
  note(4, catalog::Progress{50, 12'800, 4, milliseconds(30) + slower, milliseconds(4)});
  note(5, catalog::SiteFinished{25'600});
}

}  // namespace

TEST_CASE("rehearsal: what is measured is what the workers noted") {
  record::History history;
  tell(history, "a", {});
  tell(history, "b", milliseconds(15));
  history.entries.push_back(
      {Instant{} + seconds(6), "a", catalog::Evaluated{5, 16'384, milliseconds(800)}});
  history.entries.push_back({Instant{} + seconds(9), "a", catalog::Exported{"model"}});
  history.entries.push_back({Instant{} + from_seconds(9.5), "", catalog::RunFinished{25'600}});
  const auto rehearsal = measured(job(), history);
  REQUIRE(rehearsal);
  REQUIRE(rehearsal->workers.size() == 2);
  const twin::WorkerSpeed& speed = rehearsal->workers[0];
  // Both have the same work on the same machine, so it is the mean of both that says how fast.
  CHECK(speed.step.seconds() == doctest::Approx(0.0375));
  CHECK(rehearsal->workers[1].step == speed.step);
  CHECK(speed.start == milliseconds(500));
  CHECK(speed.tokens_per_step == 256);
  // Five steps from one sync to the next; the newest contribution of each fragment counts.
  CHECK((speed.capture + speed.apply).seconds() == doctest::Approx(0.020));
  CHECK(speed.contribution_bytes == 200'000);
  // A second until half of the validation split is evaluated, three to export all of the model, as
  // much reading again for the other half, and the end.
  CHECK(rehearsal->finishing.seconds() == doctest::Approx(1 + 3 + 0.8 + 0.5));
  // The first worker is started after a second.
  CHECK(rehearsal->launching.seconds() == doctest::Approx(1));
}

TEST_CASE("rehearsal: sites with other work are as fast as they were") {
  record::History history;
  tell(history, "a", {});
  tell(history, "b", milliseconds(15));
  catalog::Scenario scenario = job();
  scenario.train.shares = catalog::Shares{2, {{{2}}, {{1, 1}}}};
  const auto rehearsal = measured(scenario, history);
  REQUIRE(rehearsal);
  CHECK(rehearsal->workers[0].step.seconds() == doctest::Approx(0.030));
  CHECK(rehearsal->workers[1].step.seconds() == doctest::Approx(0.045));
}

TEST_CASE("rehearsal: a worker that noted nothing is an error that names its site") {
  record::History history;
  tell(history, "a", {});
  CHECK(measured(job(), history).error().what == "the worker of b reported no progress");
}

TEST_CASE("rehearsal: the prediction follows from the speeds, and says the same each time") {
  record::History history;
  tell(history, "a", {});
  tell(history, "b", {});
  const catalog::Scenario scenario = job();
  const auto links = plan_links(scenario);
  const auto rehearsal = measured(scenario, history);
  REQUIRE(links);
  REQUIRE(rehearsal);
  const auto found = predict(scenario, *links, *rehearsal);
  REQUIRE(found);
  const catalog::Predicted predicted = *found;
  // 400 steps of 34 ms at each site, 1.5 s until both are ready, and the last sync, which nothing
  // overlaps.
  CHECK(predicted.duration.seconds() > 1.5 + 400 * 0.034);
  CHECK(predicted.duration.seconds() < 1.5 + 400 * 0.034 + 2);
  // 80 syncs of 200,000 bytes from each to the other, and what carries them.
  CHECK(predicted.bytes > 2 * 80 * 200'000);
  CHECK(static_cast<double>(predicted.bytes) < 1.2 * 2 * 80 * 200'000);
  CHECK(to_json(predicted) == to_json(*predict(scenario, *links, *rehearsal)));
}

TEST_CASE("rehearsal: of a job of days the twin runs the beginning") {
  record::History history;
  tell(history, "a", {});
  tell(history, "b", {});
  catalog::Scenario scenario = job();
  const auto links = plan_links(scenario);
  REQUIRE(links);
  const auto rehearsal = measured(scenario, history);
  REQUIRE(rehearsal);
  // 30 ms a step, and 4 ms of syncs: 34 ms for 512 tokens.
  scenario.train.tokens = std::uint64_t{512} * 10'000'000;
  const auto found = predict(scenario, *links, *rehearsal);
  REQUIRE(found);
  const catalog::Predicted predicted = *found;
  CHECK(predicted.duration.seconds() == doctest::Approx(10'000'000 * 0.034).epsilon(0.02));
  CHECK(static_cast<double>(predicted.syncs) == doctest::Approx(2'000'000).epsilon(0.02));
}

TEST_CASE("rehearsal: only a job that is long enough is rehearsed") {
  catalog::Scenario scenario = job();
  CHECK(deserves_rehearsal(scenario));
  scenario.train.tokens /= 2;
  CHECK_FALSE(deserves_rehearsal(scenario));
}
