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

KindTable table(ReplicaKind kind) {
  return {.pure = {{std::move(kind)}}, .mixed = {}, .widths = {node_widths(1)}};
}

}  // namespace

TEST_CASE("apart choice: a site's kinds are those of its own number of bundles") {
  // Alone a replica needs two devices, two that share one each.
  const KindTable alone = table(kind(2, 1, 1)), shared = table(kind(1, 1, 1));
  KindsByCount kinds{4, [&](ReplicaRange bundles, bool) { return bundles.most == 1 ? alone : shared; }};
  const auto chosen_of = [&](const std::vector<SiteDevices>& sites, double limit,
                             std::size_t sites_max = 2) {
    return ApartChoice{kinds, {{4, 1, 4}, sites_max}, sites}.within(Seconds{limit});
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
