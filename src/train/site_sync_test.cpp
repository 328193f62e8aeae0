#include "axs/train/site_sync.h"

#include "axs/train/site_world_testing.h"

using namespace axs;
using namespace axs::train;
using namespace axs::train::testing;

namespace {

/// Near what is true often enough to be let in.
std::uint64_t random_number(Rng& rng) {
  constexpr std::uint64_t bounds[] = {3, 20, 6000, 1u << 20, ~0ull};
  return rng.below(bounds[rng.below(5)]);
}

SiteId random_site(Rng& rng) {
  return {static_cast<std::uint32_t>(rng.below(4))};
}

Contribution random_contribution(Rng& rng) {
  const std::uint64_t a = random_number(rng), b = random_number(rng);
  return {random_site(rng), {a, b}, sha256(to_wire(a)), random_number(rng)};
}

Decision random_decision(Rng& rng) {
  Decision decision;
  while (rng.chance(0.5)) decision.members.push_back(random_contribution(rng));
  while (rng.chance(0.3)) decision.stops.push_back({random_site(rng), random_number(rng)});
  decision.last = rng.chance(0.02);
  return decision;
}

SyncMessage random_message(Rng& rng) {
  const Ballot ballot{static_cast<std::uint32_t>(random_number(rng)), random_site(rng)};
  const SyncId sync{random_number(rng)};
  switch (rng.below(11)) {
    case 0:
      return AgreementMessage{Prepare{ballot, sync}};
    case 1:
      return AgreementMessage{Promise{ballot, sync, {{sync, ballot, random_decision(rng)}}}};
    case 2:
      return AgreementMessage{Refuse{ballot}};
    case 3:
      return AgreementMessage{Accept{ballot, sync, random_decision(rng)}};
    case 4:
      return AgreementMessage{Accepted{ballot, sync}};
    case 5:
      return AgreementMessage{Heartbeat{ballot, sync}};
    case 6:
      return AgreementMessage{Ask{sync}};
    case 7:
      return Need{sync, random_site(rng)};
    case 8:
      return Status{rng.chance(0.5)};
    case 9:
      return StateHash{sync, {}};
    default:
      return Offer{sync, random_contribution(rng), {random_number(rng)}};
  }
}

}  // namespace

TEST_CASE("site sync: where nothing happens, each merge is foreseen as it is decided") {
  World world;
  world.run({seconds(300).ns});
  REQUIRE(world.finished() == world.sites().size());
  for (const auto& site : world.sites()) {
    std::size_t merges = 0, foreseen = 0;
    for (std::size_t sync = 0; sync < site.applied.size(); ++sync) {
      if (site.applied[sync].members.empty()) continue;
      ++merges;
      const auto found = site.foreseen.find(SyncId{sync});
      if (found == site.foreseen.end()) continue;
      ++foreseen;
      CHECK(found->second == site.applied[sync].members);
    }
    // At the end some have nothing left to offer.
    CHECK(merges > 10);
    CHECK(foreseen + 2 * world.job().fragments >= merges);
  }
}

TEST_CASE("site sync: what a decision overtakes is not asked for, it comes by itself") {
  World world{{.sending = milliseconds(30)}};
  // The leader is the last to capture, and decides at once.
  world.sites()[0].step_time = milliseconds(48);
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  // But at first nobody knows that anything comes.
  for (const auto& site : world.sites()) CHECK(site.needs <= 2);
  CHECK(exactly_the_budget(world));
}

TEST_CASE("site sync: what takes long is asked for no more often than it takes") {
  World world{{.steps = 200, .sending = seconds(4)}};
  for (auto& site : world.sites()) site.step_time = milliseconds(800);
  // The leader is the last to capture, and decides 4 s before its own part is anywhere else.
  world.sites()[0].step_time = milliseconds(960);
  world.run({seconds(400).ns});
  REQUIRE(world.finished() == 3);
  CHECK(exactly_the_budget(world));
  CHECK(world.sites()[1].applied.size() > 15);
  // Of the first part, of which nobody knows yet how long it takes.
  for (const auto& site : world.sites()) {
    CHECK(site.needs <= 4);
    CHECK(site.policy->asking_patience() < seconds(20));
  }
}

TEST_CASE("site sync: what a site was asked for that went down, another is asked for, at once") {
  SiteSync site{
      {.self = {2}, .sites = 3, .budget = {1u << 20, 256, 2, 20}, .records = {}, .stored = {}},
      Instant{}};
  std::vector<SiteSync::Action> actions;
  const auto asked = [&](const SiteSync::Event& event) {
    actions.clear();
    site.step(Instant{}, event, actions);
    std::vector<SiteId> peers;
    for (const auto& action : actions)
      if (const auto* send = std::get_if<SiteSync::Send>(&action);
          send != nullptr && std::holds_alternative<Need>(send->message))
        peers.push_back(send->to);
    return peers;
  };
  site.step(Instant{}, SiteSync::WorkerReady{}, actions);
  for (const std::uint32_t peer : {0u, 1u})
    site.step(Instant{}, SiteSync::PeerUp{SiteId{peer}}, actions);
  const Decision decision{{{{0}, {0, 256}, sha256(to_wire(1)), 10}}, {}, false};
  CHECK(asked(SiteSync::Received{{1}, AgreementMessage{Learn{{0}, decision}}}) ==
        std::vector{SiteId{0}});
  CHECK(asked(SiteSync::PeerDown{SiteId{0}}) == std::vector{SiteId{1}});
  CHECK(asked(Wakeup{}).empty());
  CHECK(asked(SiteSync::PeerUp{SiteId{0}}) == std::vector{SiteId{0}});
}

TEST_CASE("site sync: three equal sites train their budget to the token") {
  World world;
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  CHECK(exactly_the_budget(world));
  CHECK(world.sites()[1].applied == world.sites()[0].applied);
  CHECK(world.sites()[2].applied == world.sites()[0].applied);
  // 500 steps of 40 ms; overlap hides all but the start and the last exchange.
  CHECK(world.now().ns < seconds(22).ns);
}

TEST_CASE("site sync: a site three times slower is waited for by nobody") {
  World world;
  world.sites()[2].step_time = milliseconds(120);
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  CHECK(exactly_the_budget(world));
  // Speeds 1 + 1 + 1/3 share 1,500 steps: 643 of 40 ms at the best.
  CHECK(world.now().ns < seconds(28).ns);
  CHECK(world.sites()[0].longest_gap < milliseconds(2 * 10 * 40));
}

TEST_CASE("site sync: two sites three times slower keep up neither the third nor each other") {
  World world;
  for (const std::size_t slow : {1u, 2u}) world.sites()[slow].step_time = milliseconds(120);
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  CHECK(exactly_the_budget(world));
  // Speeds 1 + 1/3 + 1/3 share 1,500 steps: 900 of 40 ms at the best.
  CHECK(world.now().ns < seconds(38).ns);
  CHECK(world.sites()[0].longest_gap < milliseconds(2 * 10 * 40));
}

TEST_CASE("site sync: after a false alarm all are waited for as before") {
  World world;
  for (std::uint32_t i = 0; i < 3; ++i)
    world.at({seconds(5 + i).ns}, [&world, i] { world.miss(i, (i + 1) % 3, milliseconds(30)); });
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 3);
  CHECK(exactly_the_budget(world));
  const auto& decisions = world.sites()[0].applied;
  CHECK(std::ranges::count_if(decisions, [](const Decision& d) { return d.members.size() < 3; }) <=
        4);
}

TEST_CASE("site sync: what may not overlap an exchange is waited with") {
  for (const std::uint32_t overlap : {0u, 1u, 3u}) {
    CAPTURE(overlap);
    World world{{.overlap = overlap, .sending = milliseconds(200)}};
    world.run({seconds(60).ns});
    REQUIRE(world.finished() == 3);
    CHECK(exactly_the_budget(world));
    // 50 rounds of two syncs, each of which shows what 425 ms, of bytes and of three messages more
    // or fewer, are longer than the steps meanwhile.
    const Duration shown = (world.now() - Instant{} - milliseconds(500 * 40)) / 50;
    CHECK(shown > milliseconds(275) - overlap * milliseconds(40));
    CHECK(shown < milliseconds(500) - overlap * milliseconds(40));
  }
}

TEST_CASE("site sync: one site alone") {
  World world{{.sites = 1}};
  world.run({seconds(60).ns});
  REQUIRE(world.finished() == 1);
  CHECK(exactly_the_budget(world));
}

TEST_CASE("site sync: killed workers and sites cost no token and no sync") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    Job job;
    if (rng.chance(0.5)) job.overlap = static_cast<std::uint32_t>(rng.below(12));
    World world{job};
    for (auto& site : world.sites())
      site.step_time = milliseconds(20 + static_cast<std::int64_t>(rng.below(60)));
    for (int k = 0; k < 4; ++k) {
      const Instant when{
          milliseconds(2500 + 1800 * k + static_cast<std::int64_t>(rng.below(1200))).ns};
      const auto site = static_cast<std::uint32_t>(rng.below(3));
      const Duration down = milliseconds(300 + static_cast<std::int64_t>(rng.below(900)));
      if (rng.chance(0.5))
        world.at(when, [&world, site, down] { world.kill_worker(site, down); });
      else
        world.at(when, [&world, site, down] { world.kill_site(site, down); });
    }
    world.run({seconds(120).ns});
    RC_ASSERT(world.finished() == 3u);
    for (std::size_t i = 1; i < 3; ++i)
      RC_ASSERT(world.sites()[i].applied == world.sites()[0].applied);
    (void)tokens_merged(world);
  }));
}

TEST_CASE("site sync: everything killed at once goes on where it was") {
  CHECK(rc::check([](std::uint64_t seed) {
    World world;
    const Instant when{milliseconds(1500 + static_cast<std::int64_t>(Rng{seed}.below(3000))).ns};
    world.at(when, [&world] {
      for (std::uint32_t i = 0; i < 3; ++i) world.kill_site(i, milliseconds(600 + 50 * i));
    });
    world.run({seconds(120).ns});
    RC_ASSERT(world.finished() == 3u);
    RC_ASSERT(exactly_the_budget(world));
  }));
}

TEST_CASE("site sync: of offers that come too early, only the bytes of the newest are kept") {
  const std::uint64_t first = 1'000, kept = 12, count = 40;
  SiteSync site{
      {.self = {0}, .sites = 2, .budget = {1u << 20, 256, 2, 20}, .records = {}, .stored = {}},
      Instant{}};
  std::vector<SiteSync::Action> actions;
  std::set<Hash256> store;
  const auto offer = [&](std::uint64_t sync, std::uint64_t bytes) {
    const Contribution part{{1}, {sync, sync + 1}, sha256(to_wire(bytes)), 10};
    store.insert(part.content);
    actions.clear();
    site.step(Instant{}, SiteSync::Received{{1}, Offer{{sync}, part, {}}}, actions);
    for (const auto& action : actions)
      if (const auto* forget = std::get_if<SiteSync::Forget>(&action)) store.erase(forget->content);
  };
  for (std::uint64_t sync = first; sync < first + count; ++sync) offer(sync, sync);
  CHECK(store.size() == kept);
  // The same sync with other bytes, and other syncs with the same bytes.
  offer(first + count - 1, 7);
  CHECK(store.size() == kept);
  for (std::uint64_t sync = first + count; sync < first + 2 * count; ++sync) offer(sync, 8);
  CHECK(store.size() == 1);
  offer(first + 3 * count, 9);
  CHECK(store.size() == 2);
}

TEST_CASE("site sync: whatever a peer says, a site neither fails nor fills its store") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    World world{{.steps = 100}};
    // Site 2 is not what it should be: beside its own messages it sends what chance makes.
    for (int i = 0; i < 100; ++i) {
      const Instant when{milliseconds(static_cast<std::int64_t>(rng.below(6000))).ns};
      const auto to = static_cast<std::uint32_t>(rng.below(2));
      world.at(when, [&world, to, message = random_message(rng)] { world.say({2}, to, message); });
    }
    world.run({seconds(10).ns});
    (void)tokens_merged(world);
    RC_ASSERT(world.sites()[0].store.size() < 400u);
  }));
}
