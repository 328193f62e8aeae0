#include "axs/plan/apart_choice.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::plan;

TEST_CASE(
    "apart choice: counts of a site go up by a quarter at most and do not end with the fleet") {
  using Counts = std::vector<std::uint32_t>;
  CHECK(apart_counts(1) == Counts{1});
  CHECK(apart_counts(9) == Counts{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(apart_counts(41) == Counts{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40});
}

namespace {

/// A kind on one device of the only type.
ReplicaKind kind(std::uint32_t devices, double fill, double bottleneck) {
  return {.stages = {{0, 1, 1, {}}},
          .uses = {{.type = 0, .devices = devices}},
          .fill = Seconds{fill},
          .bottleneck = Seconds{bottleneck}};
}

KindTable table(ReplicaKind kind) {
  return {.pure = {{std::move(kind)}}, .mixed = {}, .widths = {node_widths(1)}};
}

}  // namespace

TEST_CASE("apart choice: a site's kinds are those of its own number of bundles") {
  // Alone a replica needs two devices, two that share one each.
  const KindTable alone = table(kind(2, 1, 1)), shared = table(kind(1, 1, 1));
  const std::vector<CountedKinds> kinds{{1, &alone}, {2, &shared}};
  const ReplicaDemand demand{4, 1, 4};
  const auto chosen_of = [&](const std::vector<SiteDevices>& sites, double limit,
                             std::size_t sites_max = 2) {
    const ApartChoice choice{kinds, demand, {1, 4}, sites, sites_max};
    return choice.within(Seconds{limit});
  };
  // Two devices at each: two replicas that share, not one of two with one elsewhere.
  const auto both = chosen_of({{2}, {2}}, 1);
  REQUIRE(both);
  REQUIRE(both->size() == 2);
  for (const ChosenReplicas& chosen : *both) {
    CHECK(chosen.bundles == 2);
    CHECK(chosen.kind == &shared.pure[0][0]);
  }
  // A device at a site of its own has nobody to share with.
  CHECK_FALSE(chosen_of({{3}, {1}}, 1));
  CHECK(chosen_of({{2}, {1}}, 2));
  CHECK_FALSE(chosen_of({{1}, {1}}, 4));
  CHECK_FALSE(chosen_of({{2}, {2}}, 1, 1));
}
