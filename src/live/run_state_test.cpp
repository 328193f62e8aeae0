#include "axs/live/run_state.h"

#include <doctest/doctest.h>

#include <sqlite3.h>

#include <fstream>

#include "axs/host/temporary_folder.h"
#include "axs/live/fault_injector.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

Instant at(std::int64_t s) {
  return Instant{} + seconds(s);
}

/// A cut of five seconds at 10 s, and a kill at half of the tokens.
catalog::Scenario two_faults() {
  catalog::Scenario scenario;
  for (const char* name : {"sfo", "fra"}) scenario.sites.emplace_back().name = name;
  scenario.links.resize(1);
  scenario.links[0].b = {1};
  scenario.train.tokens = 1'000;
  scenario.faults.push_back({seconds(10), catalog::CutLink{LinkId{0}, seconds(5)}});
  scenario.faults.push_back({0.5, catalog::KillProcess{SiteId{1}, catalog::Process::worker}});
  return scenario;
}

/// One life of a launcher, from `begin` to `end` of the run's clock, as far as faults go.
std::vector<std::string> live_through(RunState& state, const catalog::Scenario& scenario,
                                      Instant begin, std::optional<std::uint64_t> merged) {
  std::vector<std::string> seen;
  const auto loop = must(host::Loop::create(host::RunClock{begin}));
  const auto injector = must(FaultInjector::open(
      *loop, state, scenario,
      {.begin =
           [&](std::uint32_t fault) {
             seen.push_back("begin " + std::to_string(fault));
             return std::string{"done"};
           },
       .end = [&](std::uint32_t fault) { seen.push_back("end " + std::to_string(fault)); },
       .note = [](const catalog::Fact&) {},
       .fail = [](const Error& error) { FAIL(error.what); }}));
  loop->after({}, [&] {
    if (merged) injector->merged(*merged);
    loop->after(milliseconds(1), [&] { loop->stop(); });
  });
  must(loop->run());
  return seen;
}

/// Runs SQL in a database that no RunState has opened; returns the last number that it selects.
std::int64_t run_sql(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  std::int64_t last = 0;
  const auto keep = [](void* out, int, char** values, char**) {
    *static_cast<std::int64_t*>(out) = std::atoll(values[0]);
    return 0;
  };
  CHECK(sqlite3_exec(database, sql, keep, &last, nullptr) == SQLITE_OK);
  sqlite3_close(database);
  return last;
}

}  // namespace

TEST_CASE("run state: a database of an older version is brought to this one") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "state.db";
  run_sql(path,
          "CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;"
          "INSERT INTO number VALUES ('version', 1), ('clock', 7), ('term', 4);");
  {
    RunState state = must(RunState::open(path));
    CHECK(must(state.clock()) == Instant{7});
    CHECK(must(state.next_term()) == 5);
    must(state.note_fault(1, {at(1), {}, "cut"}));
  }
  CHECK(run_sql(path, "PRAGMA user_version") == 2);
  CHECK(run_sql(path, "SELECT count(*) FROM number WHERE name = 'version'") == 0);
  CHECK(must(must(RunState::open(path)).faults()).size() == 1);
}

TEST_CASE("run state: a database of a newer version is refused, and left as it is") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "state.db";
  run_sql(path, "PRAGMA user_version = 9; CREATE TABLE other (x);");
  const auto state = RunState::open(path);
  REQUIRE_FALSE(state);
  CHECK(state.error().code == Errc::invalid);
  CHECK(state.error().what ==
        path + ": version 9, want at most 2; go on with the program that wrote it");
  CHECK(run_sql(path, "SELECT count(*) FROM sqlite_schema") == 1);
}

TEST_CASE("run state: what was noted is there after each new start") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "state.db";
  const host::ProcessIdentity identity{123, 456, {7, 8}};
  {
    RunState state = must(RunState::open(path));
    CHECK(must(state.phase()) == RunState::Phase::running);
    CHECK(must(state.clock()) == Instant{});
    CHECK_FALSE(must(state.process("agent of sfo")));
    CHECK(must(state.next_term()) == 1);
    must(state.note_clock(at(3)));
    must(state.note_process("agent of sfo", identity));
    must(state.note_fault(2, {at(1), {}, "cut"}));
  }
  RunState state = must(RunState::open(path));
  CHECK(must(state.next_term()) == 2);
  CHECK(must(state.clock()) == at(3));
  CHECK(must(state.process("agent of sfo")) == identity);
  must(state.note_fault(2, {at(1), at(4), "cut"}));
  const auto faults = must(state.faults());
  REQUIRE(faults.size() == 1);
  CHECK(faults.at(2).ended == at(4));
  CHECK(faults.at(2).done == "cut");
  must(state.note_phase(RunState::Phase::finished));
  CHECK(must(state.phase()) == RunState::Phase::finished);
}

TEST_CASE("run state: a file that is no database is named, and left as it is") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "state.db";
  std::ofstream{path} << std::string(4'000, 'x');
  const auto state = RunState::open(path);
  REQUIRE_FALSE(state);
  CHECK(state.error().code == Errc::corrupt);
  CHECK(state.error().what.starts_with(path));
}

TEST_CASE("faults: over several lives, each is inflicted once and ends in time") {
  const host::TemporaryFolder folder;
  RunState state = must(RunState::open(folder / "state.db"));
  const catalog::Scenario scenario = two_faults();
  using Seen = std::vector<std::string>;
  CHECK(live_through(state, scenario, at(1), 499) == Seen{});
  CHECK(live_through(state, scenario, at(2), 500) == Seen{"begin 1"});
  CHECK(live_through(state, scenario, at(3), 900) == Seen{});  // A kill never comes twice.
  CHECK(live_through(state, scenario, at(11), {}) == Seen{"begin 0"});
  CHECK(live_through(state, scenario, at(12), {}) == Seen{"begin 0"});  // The cut is still to last.
  CHECK(live_through(state, scenario, at(20), {}) == Seen{"begin 0", "end 0"});
  CHECK(live_through(state, scenario, at(21), {}) == Seen{});
  CHECK(must(state.faults()).at(0).began >= at(11));
  CHECK(must(state.faults()).at(0).began < at(12));
}
