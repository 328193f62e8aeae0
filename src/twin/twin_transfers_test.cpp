#include <doctest/doctest.h>

#include "axs/fabric/link_plan.h"
#include "axs/twin/twin.h"

using namespace axs;
using namespace axs::twin;

namespace {

constexpr std::uint64_t size = 60'000'000;

/// Three sites, all joined by 100 Mb/s, and a push from the first to the last.
catalog::Scenario push(catalog::FaultTime at) {
  catalog::Scenario scenario;
  scenario.name = "push";
  scenario.train.tokens = 3 * 200 * 256;
  scenario.train.outer = {.period = 20, .fragments = 2};
  for (const char* name : {"sfo", "fra", "tyo"}) scenario.sites.push_back({.name = name, .at = {}});
  for (const auto& [a, b] : {std::pair{0u, 1u}, {0u, 2u}, {1u, 2u}})
    scenario.links.push_back({.a = SiteId{a},
                              .b = SiteId{b},
                              .kind = catalog::LinkKind::wire,
                              .rate_ab = bits_per_second(1e8),
                              .rate_ba = bits_per_second(1e8),
                              .one_way = milliseconds(40),
                              .loss = 0.001});
  scenario.transfers.push_back({SiteId{0}, SiteId{2}, "model", "", size, at});
  return scenario;
}

struct Record {
  Outcome outcome;
  std::vector<catalog::TransferBegan> began;
  std::vector<catalog::TransferDone> done;
  std::vector<catalog::LeaseGranted> leases;
  std::vector<catalog::LeaseLost> lost;
  std::vector<std::uint64_t> kept;
  std::optional<Instant> trained, arrived;  ///< By the clock of the first site.
};

Record simulate(const catalog::Scenario& scenario) {
  Record record;
  Twin world{{.scenario = scenario,
              .links = *fabric::plan_links(scenario, {}, seconds(60)),
              .workers = std::vector<WorkerSpeed>(3),
              .note = [&](const catalog::FactOrigin& origin, const catalog::Fact& fact) {
                if (const auto* began = std::get_if<catalog::TransferBegan>(&fact))
                  record.began.push_back(*began);
                if (const auto* lease = std::get_if<catalog::LeaseGranted>(&fact))
                  record.leases.push_back(*lease);
                if (const auto* lost = std::get_if<catalog::LeaseLost>(&fact))
                  record.lost.push_back(*lost);
                if (const auto* moved = std::get_if<catalog::TransferProgressed>(&fact))
                  record.kept.push_back(moved->kept);
                if (std::holds_alternative<catalog::SiteFinished>(fact) && origin.site == "sfo")
                  record.trained = origin.at;
                const auto* done = std::get_if<catalog::TransferDone>(&fact);
                if (done == nullptr) return;
                record.done.push_back(*done);
                record.arrived = origin.at;
              }}};
  record.outcome = world.run(seconds(600));
  return record;
}

}  // namespace

TEST_CASE("twin: a push during the training takes what the gradients leave of its path") {
  const catalog::Scenario scenario = push(0.1);
  const Record first = simulate(scenario), second = simulate(scenario);
  REQUIRE(first.outcome.finished);
  CHECK(first.outcome.digest == second.outcome.digest);
  REQUIRE(first.began.size() == 1);
  CHECK(first.began[0].kept == 0);
  REQUIRE(first.done.size() == 1);
  CHECK(first.done[0].bytes == size);
  CHECK(first.done[0].to == "tyo");
  const double alone = static_cast<double>(size) / 12.5e6;
  CHECK(first.done[0].took.seconds() > alone);
  CHECK(first.done[0].took.seconds() < 1.5 * alone);
  REQUIRE(first.kept.size() >= 3);
  CHECK(std::ranges::is_sorted(first.kept));
  catalog::Scenario quiet = scenario;
  quiet.transfers.clear();
  CHECK(simulate(quiet).outcome.tokens == first.outcome.tokens);
}

TEST_CASE("twin: a push that begins when the training ends is waited for") {
  const Record record = simulate(push(1.0));
  CHECK(record.outcome.finished);
  REQUIRE(record.done.size() == 1);
  CHECK(*record.arrived > *record.trained + seconds(4));
}

TEST_CASE("twin: after a restart of the receiver nothing is sent that it did not ask for") {
  catalog::Scenario scenario = push(seconds(2));
  const auto took = [&] {
    const Record record = simulate(scenario);
    REQUIRE(record.done.size() == 1);
    return record.done[0].took;
  };
  const Duration undisturbed = took();
  const catalog::KillProcess kill{SiteId{2}, catalog::Process::agent};
  scenario.faults = {catalog::Fault{seconds(4), kill}};
  const Duration lost = took() - undisturbed;
  MESSAGE("a restart of the receiver costs ", lost.seconds(), " s");
  CHECK(lost < seconds(3));
}

TEST_CASE("twin: kills of the agents at both ends cost no byte that was kept") {
  catalog::Scenario scenario = push(seconds(2));
  const auto kill = [](std::int64_t at, std::uint32_t site) {
    return catalog::Fault{seconds(at), catalog::KillProcess{SiteId{site}, catalog::Process::agent}};
  };
  scenario.faults = {kill(4, 2), kill(8, 0), kill(11, 2)};
  const Record first = simulate(scenario), second = simulate(scenario);
  REQUIRE(first.outcome.finished);
  CHECK(first.outcome.digest == second.outcome.digest);
  REQUIRE(first.began.size() == 2);
  CHECK(first.began[1].kept > size / 5);
  REQUIRE(first.done.size() >= 1);
  CHECK(first.done[0].bytes == size);
}

TEST_CASE("twin: the record tells what a push had leased, of what demand, and that it ended") {
  catalog::Scenario scenario = push(seconds(2));
  scenario.train.tokens *= 2;
  const Record record = simulate(scenario);
  REQUIRE(record.leases.size() >= 2);
  const catalog::LeaseGranted &first = record.leases.front(), &last = record.leases.back();
  CHECK(first.from == "sfo");
  CHECK(first.to == "tyo");
  CHECK(first.waiting > size / 3);  // And not only the first piece.
  CHECK(first.lasts == seconds(4));
  REQUIRE_FALSE(first.paths.empty());
  CHECK(first.paths[0].path == "sfo-tyo wire");
  CHECK(first.paths[0].rate.value() < 12.5e6);
  CHECK(last.paths.empty());
  CHECK(last.sentence == "no bulk waits");
  CHECK(record.lost.empty());
}

TEST_CASE("twin: a cut takes its path's share of the lease, a dead controller all of it") {
  catalog::Scenario scenario = push(seconds(2));
  scenario.transfers[0].size = 150'000'000;
  scenario.faults = {
      {seconds(4), catalog::CutLink{LinkId{1}, seconds(4)}},
      {seconds(9), catalog::KillProcess{std::nullopt, catalog::Process::controller}}};
  const Record record = simulate(scenario);
  CHECK(record.outcome.finished);
  REQUIRE(record.lost.size() == 2);
  CHECK(record.lost[0].peer == "tyo");
  CHECK(record.lost[0].path == "sfo-tyo wire");
  CHECK(record.lost[1].path.empty());
}
