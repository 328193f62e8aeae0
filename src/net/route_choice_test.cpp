#include "axs/net/route_choice.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/rng.h"

namespace axs::net {
namespace {

PathReport report(std::uint8_t path, std::int64_t rtt_ms) {
  return {.path = PathId{path}, .up = true, .rtt = milliseconds(rtt_ms)};
}

TEST_CASE("loss and jitter cost what a retransmission costs") {
  PathReport path = report(0, 100);
  CHECK(latency_cost(path) == milliseconds(100));
  path.jitter = milliseconds(5);
  CHECK(latency_cost(path) == milliseconds(110));
  path.loss = 0.5;
  CHECK(latency_cost(path) == milliseconds(230));
  path.loss = 1;
  CHECK(latency_cost(path) == seconds(3600));
}

TEST_CASE("better means five per cent and two milliseconds") {
  const Hysteresis rule;
  CHECK(rule.better(milliseconds(95), milliseconds(100)));
  CHECK_FALSE(rule.better(microseconds(95'001), milliseconds(100)));
  CHECK(rule.better(milliseconds(8), milliseconds(10)));
  CHECK_FALSE(rule.better(microseconds(8'001), milliseconds(10)));
}

TEST_CASE("a backup shares no link with the primary if there is such a path") {
  const auto path = [](std::uint8_t id, std::uint32_t first, std::uint32_t second) {
    return CandidatePath{.id = PathId{id}, .links = {LinkId{first}, LinkId{second}}, .hops = 2};
  };
  const std::vector<CandidatePath> paths{path(0, 1, 2), path(1, 1, 3), path(2, 4, 5)};
  std::vector<PathReport> reports{report(0, 50), report(1, 60), report(2, 90)};
  CHECK(choose_backup(PathId{0}, reports, paths) == PathId{2});
  CHECK(choose_backup(PathId{2}, reports, paths) == PathId{0});
  reports[2].up = false;
  CHECK(choose_backup(PathId{0}, reports, paths) == PathId{1});
  reports[1].up = false;
  CHECK_FALSE(choose_backup(PathId{0}, reports, paths));
  CHECK(cheapest(reports) == PathId{0});
  reports[0].up = false;
  CHECK_FALSE(cheapest(reports));
}

TEST_CASE("a new path attracts at once, one that flaps later and later") {
  FlapDamper damper;
  Instant now{-5};
  CHECK_FALSE(damper.attractive(now));
  damper.went_up(now);
  CHECK(damper.attractive(now));
  for (const int hold : {10, 20, 40, 80, 160, 300, 300}) {
    damper.went_down(now);
    now = now + seconds(1);
    damper.went_up(now);
    CHECK_FALSE(damper.attractive(now + seconds(hold) - nanoseconds(1)));
    now = now + seconds(hold);
    CHECK(damper.attractive(now));
  }
  damper.went_down(now + seconds(601));  // Long enough ago: forgiven.
  damper.went_up(now + seconds(602));
  CHECK(damper.attractive(now + seconds(612)));
}

TEST_CASE("a damped path becomes attractive at most once per period, however it flaps") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    FlapDamper damper;
    Instant now{};
    damper.went_up(now);
    bool was_attractive = true;
    std::optional<Instant> last;
    for (int i = 0; i < 2'000; ++i) {
      now = now + milliseconds(static_cast<std::int64_t>(rng.below(4'000)));
      if (rng.chance(0.2)) rng.chance(0.5) ? damper.went_up(now) : damper.went_down(now);
      const bool is = damper.attractive(now);
      if (is && !was_attractive) {
        RC_ASSERT((!last || now - *last >= seconds(10)));
        last = now;
      }
      was_attractive = is;
    }
  }));
}

}  // namespace
}  // namespace axs::net
