#include <doctest/doctest.h>

#include <algorithm>

#include "axs/plan/replica_kind.h"
#include "axs/plan/search_scenes_testing.h"

namespace {

using namespace axs;
using namespace axs::plan;

constexpr Seconds endless{1e15};
const auto never = [] { return false; };

/// A model of small_job() on devices of several types, with more layers than have all cuts looked
/// at.
struct Scene {
  explicit Scene(std::uint64_t seed) {
    Rng rng{seed};
    job = scenes::small_job(rng);
    job.shape.layers *= static_cast<std::uint32_t>(1 + rng.below(6));
    job.global_batch = 8;
    for (int i = 0; i < 2; ++i) {
      const double tflops = 100 + 900 * rng.uniform(), memory = 12 + 60 * rng.uniform();
      types.push_back(scenes::device("chip", tflops, memory, rng.chance(0.5) ? 4 : 6));
    }
    method.recompute = rng.chance(0.5) ? Recompute::full : Recompute::none;
    method.sharding = Sharding::optimizer;
  }
  KindBuilder builder(ReplicaRange replicas, std::vector<SiteDevices> sites = {{64, 64}}) const {
    return {job, types, method, replicas, std::move(sites), calibration};
  }

  Job job;
  std::vector<DeviceType> types;
  Method method;
  Calibration calibration = scenes::calibration();
};

TEST_CASE("families of kinds: no kind is better than its bound, nor are those of fewer replicas") {
  std::size_t seen = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Scene scene{seed};
    for (const ReplicaRange wide : {ReplicaRange{1, 4}, ReplicaRange{3, 3}}) {
      const auto families = scene.builder(wide).families({0, 1}, true, {});
      for (const std::uint32_t replicas : {wide.least, wide.most}) {
        const KindBuilder builder = scene.builder({replicas, replicas});
        for (const auto* some : {&families.pure, &families.mixed})
          for (const KindBuilder::Family& family : *some)
            for (const ReplicaKind& kind : builder.cut({family}, endless, never)) {
              CHECK(kind.fill >= family.fill);
              CHECK(kind.bottleneck >= family.bottleneck);
              ++seen;
            }
      }
    }
  }
  CHECK(seen > 10000);
}

TEST_CASE("families of kinds: bounds are near what the best cut of one type has") {
  double worst = 1;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const KindBuilder builder = Scene{seed}.builder({2, 2});
    for (const KindBuilder::Family& family : builder.families({0, 1}, false, {}).pure) {
      Seconds best = endless;
      for (const ReplicaKind& kind : builder.cut({family}, endless, never))
        best = std::min(best, kind.bottleneck);
      REQUIRE(best < endless);
      worst = std::max(worst, best / family.bottleneck);
    }
  }
  CHECK(worst < 1.3);
}

TEST_CASE("families of kinds: those that end too late or do too little are left out") {
  const KindBuilder builder = Scene{1}.builder({2, 2});
  const auto all = builder.families({0, 1}, true, {});
  Seconds quickest = endless, slowest{};
  for (const KindBuilder::Family& family : all.pure) {
    const Seconds end = builder.least(family).end(1);
    quickest = std::min(quickest, end);
    slowest = std::max(slowest, end);
  }
  REQUIRE(quickest < slowest);
  const auto quick = builder.families({0, 1}, true, {.limit = quickest});
  CHECK(quick.pure.size() < all.pure.size());
  CHECK_FALSE(quick.pure.empty());
  // One bundle must do all eight: only what does so in time is left.
  const KindNeed need{.limit = slowest, .bundles = 1, .micro_batches = 8};
  for (const KindBuilder::Family& family : builder.families({0, 1}, true, need).mixed)
    CHECK(family.fill + 7 * family.bottleneck <= slowest);
}

TEST_CASE("families of kinds: each has a place at one of the sites") {
  const std::vector<SiteDevices> sites{{64, 8}, {5, 64}};
  std::size_t left_out = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Scene scene{seed};
    const KindBuilder anywhere = scene.builder({2, 2});
    std::vector<ReplicaKind> wanted;
    const auto all = anywhere.families({0, 1}, true, {}).mixed;
    for (const KindBuilder::Family& family : all) {
      const ReplicaKind kind = anywhere.least(family);
      const auto has_room = [&](const SiteDevices& site) {
        return std::ranges::all_of(
            kind.uses, [&](const TypeUse& use) { return use.devices <= site[use.type]; });
      };
      if (std::ranges::any_of(sites, has_room)) wanted.push_back(kind);
    }
    const KindBuilder builder = scene.builder({2, 2}, sites);
    const auto found = builder.families({0, 1}, true, {}).mixed;
    REQUIRE(found.size() == wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(builder.least(found[i]).stages == wanted[i].stages);
    left_out += all.size() - found.size();
  }
  CHECK(left_out > 500);
}

TEST_CASE("families of kinds: a builder for other replicas is as if it had been made for them") {
  const std::vector<SiteDevices> sites{{64, 64}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Scene scene{seed};
    const KindBuilder alone = scene.builder({1, 1}, {});
    std::vector<ReplicaKind> last;
    for (const ReplicaRange replicas : {ReplicaRange{1, 4}, ReplicaRange{7, 7}}) {
      const KindBuilder made = scene.builder(replicas, sites), other = alone.with(replicas, sites);
      const auto kinds = [](const KindBuilder& builder) {
        return builder.cut(builder.families({0, 1}, true, {}).mixed, endless, never);
      };
      const std::vector<ReplicaKind> wanted = kinds(made), found = kinds(other);
      REQUIRE(found.size() == wanted.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].stages == wanted[i].stages);
        CHECK(found[i].fill == wanted[i].fill);
        CHECK(found[i].bottleneck == wanted[i].bottleneck);
      }
      CHECK((last.empty() || last.front().fill != found.front().fill));
      last = found;
    }
  }
}

TEST_CASE("families of kinds: who stops gets no more of them") {
  const KindBuilder builder = Scene{1}.builder({2, 2});
  const auto all = builder.families({0, 1}, true, {});
  int asked = 0;
  const auto soon = [&] { return ++asked > 3; };
  const auto some = builder.cut(all.mixed, endless, soon);
  CHECK(asked == 4);
  CHECK(some.size() < builder.cut(all.mixed, endless, never).size());
  CHECK(builder.cut(all.mixed, endless, [] { return true; }).empty());
}

}  // namespace
