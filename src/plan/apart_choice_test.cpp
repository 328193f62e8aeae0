#include "axs/plan/apart_choice.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::plan;

namespace {

/// A kind on one device of the only type.
ReplicaKind kind(std::uint32_t devices, double fill, double bottleneck) {
  return {.stages = {{0, 1, 1, {}}},
          .uses = {{.type = 0, .devices = devices}},
          .fill = Seconds{fill},
          .bottleneck = Seconds{bottleneck}};
}

const std::function<bool()> never_stopped = [] { return false; };

KindTable table(ReplicaKind kind) {
  return {.pure = {{std::move(kind)}}, .mixed = {}, .widths = {node_widths(1)}};
}

}  // namespace

TEST_CASE("apart choice: a site's kinds are those of its own number of bundles") {
  // Alone a replica needs two devices, two that share one each.
  const KindTable alone = table(kind(2, 1, 1)), shared = table(kind(1, 1, 1));
  KindsByCount kinds{
      4, [&](ReplicaRange bundles, bool) { return bundles.most == 1 ? alone : shared; }};
  const auto chosen_of = [&](const std::vector<SiteDevices>& sites, double limit,
                             std::size_t sites_max = 2) {
    return ApartChoice{kinds, {{4, 1, 4}, sites_max}, sites, never_stopped}.within(Seconds{limit});
  };
  // Two devices at each: two replicas that share, not one of two with one elsewhere.
  const auto both = chosen_of({{2}, {2}}, 1);
  REQUIRE(both);
  REQUIRE(both->size() == 2);
  for (const ChosenReplicas& chosen : *both) {
    CHECK(chosen.bundles == 2);
    CHECK(chosen.kind->devices() == 1);
  }
  // A device at a site of its own has nobody to share with.
  CHECK_FALSE(chosen_of({{3}, {1}}, 1));
  CHECK(chosen_of({{2}, {1}}, 2));
  CHECK_FALSE(chosen_of({{1}, {1}}, 4));
  CHECK_FALSE(chosen_of({{2}, {2}}, 1, 1));
}

TEST_CASE("apart choice: what did its share in more time may do nothing in less") {
  // A replica alone takes five seconds, one of two a second.
  KindsByCount kinds{
      3, [&](ReplicaRange bundles, bool) { return table(kind(1, bundles.most == 1 ? 5 : 1, 1)); }};
  ApartChoice choice{kinds, {{3, 1, 3}, 2}, {{1}, {2}}, never_stopped};
  CHECK(choice.is_possible(Seconds{10}));
  CHECK(choice.is_possible(Seconds{4}));
  CHECK_FALSE(choice.is_possible(Seconds{1}));
  const auto chosen = choice.within(Seconds{2});
  REQUIRE(chosen);
  REQUIRE(chosen->size() == 1);
  CHECK(chosen->front().site == 1);
  CHECK(chosen->front().bundles == 2);
}

TEST_CASE("apart choice: where sites would have more bundles than work, some get fewer") {
  // Each replica does one micro-batch in time, and there are more devices than micro-batches.
  KindsByCount kinds{
      5, [&](ReplicaRange bundles, bool) { return table(kind(bundles.most == 1 ? 9 : 1, 1, 10)); }};
  const auto counts_of = [&](const std::vector<SiteDevices>& sites) {
    ApartChoice choice{kinds, {{5, 1, 5}, 2}, sites, never_stopped};
    std::vector<std::uint32_t> counts;
    const auto chosen = choice.within(Seconds{2});
    if (chosen)
      for (const ChosenReplicas& some : *chosen) counts.push_back(some.bundles);
    return counts;
  };
  using Counts = std::vector<std::uint32_t>;
  CHECK(counts_of({{3}, {4}}) == Counts{3, 2});
  CHECK(counts_of({{4}, {4}}) == Counts{3, 2});  // One alone has no device with enough memory.
  CHECK(counts_of({{4}, {1}}).empty());
}

TEST_CASE("apart choice: asked again and again it says what it would if it were asked first") {
  // Two pools at a site, kinds of several sizes that are the quicker the more bundles share.
  const auto table_of = [](ReplicaRange bundles, bool) {
    KindTable table{{{}, {}}, {}, {node_widths(1), node_widths(1)}};
    for (std::uint32_t type = 0; type < 2; ++type)
      for (const std::uint32_t devices : {1u, 2u, 3u, 5u}) {
        const double quick = devices * (1 + 0.3 * type);
        ReplicaKind one = kind(devices, (3 + 4.0 / bundles.most) / quick, 1.1 / quick);
        one.stages[0].type = one.uses[0].type = type;
        table.pure[type].push_back(std::move(one));
      }
    return table;
  };
  const std::vector<SiteDevices> sites{{11, 7}, {6, 9}};
  const ApartDemand demand{{20, 1, 60}, 2};
  KindsByCount kinds{20, table_of};
  ApartChoice choice{kinds, demand, sites, never_stopped};
  REQUIRE(choice.is_possible(Seconds{100}));
  double low = 0, high = 100;
  for (int i = 0; i < 30; ++i) {
    const Seconds middle{0.5 * (low + high)};
    KindsByCount others{20, table_of};
    ApartChoice fresh{others, demand, sites, never_stopped};
    const bool possible = fresh.is_possible(middle);
    CAPTURE(i);
    CHECK(choice.is_possible(middle) == possible);
    (possible ? high : low) = middle.value();
  }
  KindsByCount others{20, table_of};
  const auto found = choice.within(Seconds{high});
  const auto wanted = ApartChoice{others, demand, sites, never_stopped}.within(Seconds{high});
  REQUIRE(found);
  REQUIRE(wanted);
  REQUIRE(found->size() == wanted->size());
  for (std::size_t i = 0; i < found->size(); ++i) {
    CHECK((*found)[i].site == (*wanted)[i].site);
    CHECK((*found)[i].bundles == (*wanted)[i].bundles);
    CHECK((*found)[i].kind->devices() == (*wanted)[i].kind->devices());
  }
  CHECK(high < 20);
  CHECK(low > 1);
}

TEST_CASE("apart choice: stopped, it has nothing") {
  KindsByCount kinds{2, [&](ReplicaRange, bool) { return table(kind(1, 1, 1)); }};
  const std::function<bool()> stopped = [] { return true; };
  CHECK_FALSE(ApartChoice{kinds, {{2, 1, 2}, 1}, {{2}}, stopped}.is_possible(Seconds{10}));
}

TEST_CASE("apart choice: in nodes that leave a rest two widths hold more bundles than one") {
  // Of four nodes of seven, four groups of four leave room for one kind of four groups of two.
  const NodeWidths widths = node_widths(7);
  const auto table_of = [&](ReplicaRange, bool) {
    ReplicaKind wide = kind(1, 1, 10), narrow = kind(1, 1, 10);
    wide.stages = {{0, 4, 1, {}}};
    narrow.stages = std::vector<PlannedStage>(4, {0, 2, 1, {}});
    for (ReplicaKind* one : {&wide, &narrow}) {
      one->uses = {{.type = 0}};
      one->uses[0].add(widths, one->stages[0].tensor, one->stages.size());
    }
    return KindTable{{{wide, narrow}}, {}, {widths}};
  };
  KindsByCount kinds{5, table_of};
  const auto chosen = ApartChoice{kinds, {{5, 1, 5}, 1}, {{28}}, never_stopped}.within(Seconds{1});
  REQUIRE(chosen);
  std::uint32_t bundles = 0;
  for (const ChosenReplicas& some : *chosen) bundles += some.bundles;
  CHECK(bundles == 5);
}

TEST_CASE("apart choice: where few replicas fit nowhere, not every number is looked at") {
  constexpr std::uint32_t work = 2000;
  std::uint32_t built = 0;
  // Each replica does one micro-batch; fewer than fifty at a site find no device large enough.
  KindsByCount kinds{work, [&](ReplicaRange bundles, bool) {
                       ++built;
                       return table(kind(bundles.most < work / 40 ? 9999 : 1, 1, 10));
                     }};
  ApartChoice choice{kinds, {{work, 1, work}, 2}, {{work - 5}, {work / 2}}, never_stopped};
  const auto chosen = choice.within(Seconds{1});
  REQUIRE(chosen);
  std::uint32_t bundles = 0;
  for (const ChosenReplicas& some : *chosen) bundles += some.bundles;
  CHECK(bundles == work);
  CHECK(built < 200);
}
