#include "axs/record/history.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <set>

#include "axs/core/rng.h"
#include "axs/record/clocks.h"

namespace axs::record {
namespace {

using catalog::Contributed;
using catalog::SyncApplied;

constexpr Duration hop = milliseconds(80);

/// Two sites whose clocks are wrong exchange syncs, 80 ms apart; the controller's is right.
struct World {
  Duration ahead_a, ahead_b;
  std::vector<Log> logs = std::vector<Log>(3);

  void note(std::size_t log, Duration true_time, catalog::Fact fact) {
    const std::string names[] = {"", "a", "b"};
    const Duration ahead[] = {{}, ahead_a, ahead_b};
    logs[log].push_back({{"run", names[log], Instant{} + true_time + ahead[log]}, std::move(fact)});
  }
  World(Duration a, Duration b) : ahead_a{a}, ahead_b{b} {
    note(0, {}, catalog::RunStarted{});
    note(1, milliseconds(20), catalog::SiteStarted{1, 1});
    note(2, milliseconds(20), catalog::SiteStarted{1, 2});
    for (std::uint64_t q = 0; q < 10; ++q) {
      const Duration start = seconds(1 + static_cast<std::int64_t>(q));
      const SyncApplied applied{q, {{"a", q, q + 1}, {"b", q, q + 1}}, {}};
      note(1, start, Contributed{q, q, q + 1, 10});
      note(2, start, Contributed{q, q, q + 1, 10});
      note(1, start + hop, applied);
      note(2, start + hop, applied);
    }
    note(1, seconds(20), catalog::SiteStopped{"finished"});
    note(2, seconds(20), catalog::SiteStopped{"finished"});
    note(0, seconds(20) + milliseconds(30), catalog::RunFinished{20});
  }
};

Duration distance(Duration a, Duration b) {
  return {std::abs(a.ns - b.ns)};
}

TEST_CASE("the clocks of sites are set right from what caused what") {
  CHECK(rc::check([](std::int32_t a_ms, std::int32_t b_ms) {
    const World world{milliseconds(a_ms), milliseconds(b_ms)};
    const History history = merge(world.logs);
    RC_ASSERT(distance(history.offsets.at("a"), world.ahead_a) <= hop);
    RC_ASSERT(distance(history.offsets.at("b"), world.ahead_b) <= hop);
    for (std::size_t i = 1; i < history.entries.size(); ++i)
      RC_ASSERT(history.entries[i - 1].at <= history.entries[i].at);
  }));
}

TEST_CASE("nothing is merged before it was contributed") {
  const World world{seconds(-7), seconds(3)};
  std::set<std::uint64_t> contributed;
  for (const Entry& entry : merge(world.logs).entries) {
    if (const auto* fact = std::get_if<Contributed>(&entry.fact)) contributed.insert(fact->sync);
    if (const auto* fact = std::get_if<SyncApplied>(&entry.fact))
      CHECK(contributed.contains(fact->sync));
  }
  CHECK(contributed.size() == 10);
}

TEST_CASE("the lines of one log keep their order though its clock goes back") {
  Log log;
  for (std::uint32_t i = 0; i < 5; ++i)
    log.push_back({{"run", "a", Instant{} - seconds(i)}, catalog::SiteStarted{i, 0}});
  std::uint32_t next = 0;
  for_each<catalog::SiteStarted>(
      merge({log, Log{}}),
      [&](const Entry&, const catalog::SiteStarted& fact) { CHECK(fact.incarnation == next++); });
  CHECK(next == 5);
}

TEST_CASE("every fact of every log is told once") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    std::vector<Log> logs(1 + rng.below(4));
    std::uint32_t count = 0;
    for (std::size_t l = 0; l < logs.size(); ++l)
      for (std::uint64_t i = rng.below(20); i > 0; --i)
        logs[l].push_back(
            {{"run", std::string(l, 'x'), Instant{static_cast<std::int64_t>(rng.below(100))}},
             catalog::SiteStarted{count++, 0}});
    std::set<std::uint32_t> told;
    for_each<catalog::SiteStarted>(
        merge(logs), [&](const Entry&, const auto& fact) { told.insert(fact.incarnation); });
    RC_ASSERT(told.size() == count);
  }));
}

TEST_CASE("a clock that is bounded from one side only is taken at the bound") {
  const std::vector<Order> orders{{"", Instant{}, "a", Instant{} + seconds(2)}};
  CHECK(clock_offsets(orders, "").at("a") == seconds(2));
  const std::vector<Order> back{{"a", Instant{} + seconds(5), "", Instant{} + seconds(2)}};
  CHECK(clock_offsets(back, "").at("a") == seconds(3));
}

}  // namespace
}  // namespace axs::record
