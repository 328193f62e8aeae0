#include "axs/cli/run_folders.h"

#include <doctest/doctest.h>

#include "axs/catalog/model_presets.h"

using namespace axs;
using namespace axs::cli;
using State = RunEntry::State;

namespace {

RunEntry run(const std::string& id, std::int64_t started, State state) {
  return {.id = id, .started = seconds(started), .bytes = 1'000, .state = state};
}

const std::vector<RunEntry> four{run("a", 4, State::finished), run("b", 1, State::finished),
                                 run("c", 2, State::unfinished), run("d", 3, State::running)};

std::vector<std::string> names(const std::vector<RunEntry>& runs) {
  std::vector<std::string> all;
  for (const RunEntry& run : runs) all.push_back(run.id);
  return all;
}

}  // namespace

TEST_CASE("run folders: what is chosen by age or number goes only if it has finished") {
  using Names = std::vector<std::string>;
  const Removal but_one = beyond_newest(four, 1);
  CHECK(names(but_one.removed) == Names{"b"});
  CHECK(but_one.spared == 2);
  CHECK(names(beyond_newest(four, 0).removed) == Names{"a", "b"});
  CHECK(beyond_newest(four, 4).removed.empty());
  CHECK(names(older_than(four, seconds(3)).removed) == Names{"b"});
  CHECK(older_than(four, seconds(3)).spared == 1);
}

TEST_CASE("run folders: above the quota, in bytes or in runs, a person is told once") {
  CHECK(quota_note(four, "runs").empty());
  std::vector<RunEntry> many(quota_runs + 1, four.front());
  CHECK(quota_note(many, "runs") ==
        "21 earlier runs take 0.0 GB in runs; axs runs rm --keep 10 removes all but the newest");
  std::vector<RunEntry> large = four;
  large[1].bytes = quota_bytes;
  CHECK(quota_note(large, "x").starts_with("4 earlier runs take 10.7 GB in x; "));
}

TEST_CASE("run folders: the room that a run needs grows with its model, sites and syncs") {
  catalog::Scenario scenario;
  scenario.model = *catalog::model_preset("llama-1m");
  scenario.sites.resize(3);
  scenario.train.tokens = 1'500'000;
  const std::uint64_t need = disk_need(scenario);
  CHECK(need > 3 * 2 * 4 * 6 * catalog::parameter_count(scenario.model));
  CHECK(need < std::uint64_t{1} << 30);
  scenario.train.tokens *= 100;
  const std::uint64_t longer = disk_need(scenario);
  CHECK(longer > need);
  scenario.sites.resize(6);
  CHECK(disk_need(scenario) > longer);
}
