#include "axs/train/site_world_testing.h"

// How a run ends, whatever happens shortly before.

using namespace axs;
using namespace axs::train;
using namespace axs::train::testing;

namespace {

/// So many tokens more than the budget may be merged for each absence: what a site did unheard.
std::uint64_t unheard(const Job& job) {
  return 2 * job.period * tokens_per_step;
}

enum class Kill { worker, site };

/// Kills at `share` of the time that the run takes, for `down`.
void kill_late(World& world, Kill what, std::uint32_t site, double share, Duration down) {
  const double steps = static_cast<double>(world.job().steps) * share;
  world.at(Instant{} + milliseconds(500) + scaled(milliseconds(40), steps),
           [&world, what, site, down] {
             if (what == Kill::worker)
               world.kill_worker(site, down);
             else
               world.kill_site(site, down);
           });
}

}  // namespace

TEST_CASE("site sync: a kill in the last third loses no token and adds few") {
  for (const Kill what : {Kill::worker, Kill::site})
    for (std::uint32_t site = 0; site < 3; ++site)
      for (const double share : {0.7, 0.8, 0.88, 0.92, 0.95, 0.97, 0.99, 1.0})
        for (const Duration down : {milliseconds(500), seconds(3)}) {
          CAPTURE(static_cast<int>(what));
          CAPTURE(site);
          CAPTURE(share);
          CAPTURE(down.seconds());
          World world;
          kill_late(world, what, site, share, down);
          world.run({seconds(120).ns});
          REQUIRE(world.finished() == 3);
          for (const std::uint64_t sum : tokens_merged(world)) {
            CHECK(sum + unheard(world.job()) >= world.job().tokens());
            CHECK(sum <= world.job().tokens() + unheard(world.job()));
          }
          const auto sums = tokens_merged(world);
          CHECK(*std::max_element(sums.begin(), sums.end()) >= world.job().tokens());
          CHECK(world.sites()[1].applied == world.sites()[0].applied);
          CHECK(world.sites()[2].applied == world.sites()[0].applied);
        }
}

TEST_CASE("site sync: who never comes back is replaced by those who are here") {
  for (const double share : {0.1, 0.5, 0.9, 0.98}) {
    CAPTURE(share);
    World world;
    kill_late(world, Kill::site, 0, share, seconds(3600));
    world.run({seconds(120).ns});
    CHECK(world.finished() == 2);
    const auto sums = tokens_merged(world, 1);
    CHECK(*std::max_element(sums.begin(), sums.end()) == world.job().tokens());
    CHECK(world.sites()[2].applied == world.sites()[1].applied);
    // Two sites do the work of three; the absence itself costs no more than a few seconds.
    CHECK(world.sites()[1].longest_gap < seconds(5));
    CHECK(world.finished_at() < Instant{} + seconds(36));
  }
}

// It had offered to a fragment whose turn was not yet when the others had all stopped.
TEST_CASE("site sync: what a site offered before it went for ever is not done again") {
  for (std::uint32_t site = 0; site < 3; ++site)
    for (int late = 0; late < 80; ++late) {
      CAPTURE(site);
      CAPTURE(late);
      World world{{.steps = 100, .fragments = 4}};
      kill_late(world, Kill::site, site, 0.8 + 0.003 * late, seconds(3600));
      world.run({seconds(60).ns});
      REQUIRE(world.finished() >= 2);
      const auto sums = tokens_merged(world, site == 0 ? 1 : 0);
      CHECK(*std::max_element(sums.begin(), sums.end()) == world.job().tokens());
    }
}

/// A site whose worker has stopped, and another one that only votes. The third was to go on to 100
/// tokens when it went for ever.
struct Leader {
  static constexpr SiteId self{0}, voter{1}, gone{2};

  Leader() {
    step(SiteSync::WorkerReady{{3}, {}});
    step(SiteSync::PeerUp{voter});
  }
  static SiteSync::Config config() {
    SiteSync::Config config{
        .self = self, .sites = 3, .budget = {200, 1, 3, 30}, .records = {}, .stored = {}};
    for (std::uint64_t sync = 0; sync < 3; ++sync)
      config.records.push_back(Choice{{sync},
                                      {.members = {{self, {0, 100}, sha256(to_wire(sync)), 1},
                                                   {gone, {0, 50}, sha256(to_wire(~sync)), 1}},
                                       .stops = {{self, 100}, {gone, 100}}}});
    return config;
  }
  void step(const SiteSync::Event& event) {
    std::vector<SiteSync::Action> actions;
    site.step(now, event, actions);
    for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
  }
  void run(Duration span) {
    for (const Instant end = now + span; site.wakeup() && *site.wakeup() <= end;) {
      now = std::max(now, *site.wakeup());
      step(Wakeup{});
    }
  }
  void perform(const SiteSync::Persist& action) { step(SiteSync::Persisted{action.sequence}); }
  void perform(const SiteSync::Apply& action) {
    farthest = std::max(farthest, action.stop.value_or(0));
    step(SiteSync::Applied{action.sync, {}});
  }
  void perform(const SiteSync::Send& action) {
    const auto* message = std::get_if<AgreementMessage>(&action.message);
    if (message == nullptr || action.to != voter) return;
    if (const auto* asked = std::get_if<Prepare>(message))
      step(SiteSync::Received{voter, AgreementMessage{Promise{asked->ballot, {3}, {}}}});
    if (const auto* asked = std::get_if<Accept>(message))
      step(SiteSync::Received{voter, AgreementMessage{Accepted{asked->ballot, asked->sync}}});
  }
  void perform(const SiteSync::Finished&) { finished = true; }
  template <class Other>
  void perform(const Other&) {}

  Instant now;
  SiteSync site{config(), now};
  std::uint64_t farthest = 0;  ///< Stop that the worker was told.
  bool finished = false;
};

// Messages overtake each other: what it had offered to the sync before never came.
TEST_CASE("site sync: what a site that is gone offered to a later sync is not done again") {
  Leader leader;
  leader.step(SiteSync::PeerUp{Leader::gone});
  leader.step(SiteSync::Received{Leader::gone, Status{true}});
  const Contribution offered{Leader::gone, {50, 100}, sha256(to_wire(7)), 1};
  leader.step(SiteSync::Received{Leader::gone, Offer{{4}, offered, {3}}});
  leader.step(SiteSync::PeerDown{Leader::gone});
  leader.run(seconds(60));
  CHECK(leader.finished);
  CHECK(leader.farthest == 100);
  CHECK(leader.site.merged_tokens() == 200);
  REQUIRE(leader.site.decision({4}) != nullptr);
  CHECK(leader.site.decision({4})->members == std::vector{offered});
}

TEST_CASE("site sync: with no worker at work nothing ends") {
  World world;
  for (std::uint32_t site = 0; site < 3; ++site)
    kill_late(world, Kill::worker, site, 0.9, seconds(40));
  world.run({seconds(50).ns});
  CHECK(world.finished() == 0);
  world.run({seconds(120).ns});
  CHECK(world.finished() == 3);
  CHECK(exactly_the_budget(world));
}

TEST_CASE("site sync: a frozen worker beside a dead site holds up nobody") {
  World world;
  world.at(Instant{seconds(6).ns}, [&] { world.sites()[2].step_time = seconds(3600); });
  kill_late(world, Kill::site, 0, 0.5, seconds(3600));
  world.run({seconds(60).ns});
  // The frozen site has no end, the dead one neither.
  CHECK(world.sites()[1].longest_gap < seconds(5));
  const auto sums = tokens_merged(world, 1);
  CHECK(sums[0] > world.job().tokens() * 8 / 10);
}

TEST_CASE("site sync: who was away for long catches up in a few round trips") {
  World world{{.steps = 1500}};
  kill_late(world, Kill::site, 1, 0.1, seconds(40));
  std::size_t missing = 0;
  world.at(Instant{seconds(45).ns}, [&] { missing = world.sites()[1].applied.size(); });
  world.at(Instant{seconds(50).ns}, [&] {
    CHECK(world.sites()[0].applied.size() > missing + 40);
    CHECK(world.sites()[1].applied.size() + 4 > world.sites()[0].applied.size());
  });
  world.run({seconds(200).ns});
  CHECK(world.finished() == 3);
}

TEST_CASE("site sync: any number of sites and fragments ends on the token") {
  for (const std::uint32_t sites : {1u, 2u, 3u, 5u, 10u})
    for (const std::uint32_t fragments : {1u, 2u, 4u, 10u, 20u}) {
      CAPTURE(sites);
      CAPTURE(fragments);
      World world{{.sites = sites, .steps = 200, .fragments = fragments}};
      world.run({seconds(60).ns});
      REQUIRE(world.finished() == sites);
      CHECK(exactly_the_budget(world));
      // No rounds of nothing at the end: as many as it takes, and a few.
      CHECK(world.sites()[0].applied.size() < 200 / 20 * fragments + 4 * fragments + 8);
      CHECK(world.now() < Instant{} + seconds(12));
    }
}
