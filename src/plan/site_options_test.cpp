#include "axs/plan/site_options.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// Pure kinds of up to three types in nodes of eight or of others, whose groups do not fill them.
KindTable some_kinds(Rng& rng) {
  KindTable table;
  const std::uint64_t types = 1 + rng.below(3);
  for (std::uint32_t type = 0; type < types; ++type) {
    table.widths.push_back(node_widths(std::array{8u, 7u, 6u, 12u}[rng.below(4)]));
    auto& kinds = table.pure.emplace_back();
    for (std::uint64_t i = 1 + rng.below(6); i > 0; --i) {
      const std::uint32_t width = std::array{1u, 2u, 4u}[rng.below(3)];
      const auto stages = static_cast<std::uint32_t>(1 + rng.below(7));
      ReplicaKind kind{.stages = {stages, {type, width, 1, {}}},
                       .uses = {{.type = type}},
                       .fill = Seconds{1 + 4 * rng.uniform()},
                       .bottleneck = Seconds{0.2 + rng.uniform()}};
      kind.uses[0].add(table.widths[type], width, stages);
      kinds.push_back(std::move(kind));
    }
    std::ranges::sort(kinds, {}, &ReplicaKind::devices);
  }
  return table;
}

/// Of two types.
void add_mixed(Rng& rng, KindTable& table) {
  for (std::uint64_t i = 1 + rng.below(6); i > 0; --i) {
    ReplicaKind kind{.stages = {},
                     .uses = {{.type = 0}, {.type = 1}},
                     .fill = Seconds{1 + 3 * rng.uniform()},
                     .bottleneck = Seconds{0.1 + 0.5 * rng.uniform()}};
    for (TypeUse& use : kind.uses) {
      const std::uint32_t width = std::array{1u, 2u}[rng.below(2)];
      use.add(table.widths[use.type], width, 1 + rng.below(6));
    }
    table.mixed.push_back(std::move(kind));
  }
}

}  // namespace

TEST_CASE("site options: mixed kinds do no more than is said of them, and not much less") {
  int checked = 0, tight = 0, below_each = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng{seed};
    KindTable table = some_kinds(rng);
    if (table.pure.size() < 2) continue;
    add_mixed(rng, table);
    SiteDevices devices;
    for (std::size_t type = 0; type < table.pure.size(); ++type)
      devices.push_back(static_cast<std::uint32_t>(rng.below(40)));
    const SiteRoom room = rooms_of(devices, table.widths, 1);
    const KindsWithin kinds{table, Seconds{1 + 6 * rng.uniform()}, 1000};
    const auto n = static_cast<std::uint32_t>(1 + rng.below(8));
    SiteOptions options{kinds.types(), room, {0, n}};
    const Goal goal{1, kinds.most_of_one(), true};
    for (const Entry& entry : kinds.mixed()) options.try_mixed(*entry.kind, entry.value, goal);
    for (const Entry& a : kinds.mixed())
      for (const Entry& b : kinds.mixed())
        if (n > 1) options.try_two(a, b, goal);
    const auto done = static_cast<double>(options.values()[n]);
    const double most = kinds.most_of(room, {n, n});
    CAPTURE(seed);
    CHECK(most >= done * (1 - 1e-12));
    CHECK(kinds.most_of(room, {1, 8}) >= done * (1 - 1e-12));
    if (done <= 0) continue;
    ++checked;
    tight += most < 1.2 * done ? 1 : 0;
    below_each += most < 0.9 * static_cast<double>(n * kinds.most_of_one()) ? 1 : 0;
  }
  CHECK(checked > 200);
  CHECK(tight > checked / 3);
  CHECK(below_each > checked / 4);
}

TEST_CASE("site options: no number of a range does more than the range, and each may do some") {
  int tight = 0, checked = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Rng rng{seed};
    const KindTable table = some_kinds(rng);
    SiteDevices devices;
    for (std::size_t type = 0; type < table.pure.size(); ++type)
      devices.push_back(static_cast<std::uint32_t>(rng.below(rng.chance(0.5) ? 400 : 20)));
    const SiteRoom room = rooms_of(devices, table.widths, 1);
    const KindsWithin kinds{table, Seconds{1 + 6 * rng.uniform()}, 1000};
    const auto least = static_cast<std::uint32_t>(1 + rng.below(rng.chance(0.5) ? 150 : 12));
    const ReplicaRange range{least, least + static_cast<std::uint32_t>(rng.below(60))};
    const SiteOptions options{kinds.types(), room, {0, range.most}};
    std::int64_t most = 0;
    CAPTURE(seed);
    for (std::uint32_t n = range.least; n <= range.most; ++n) {
      const std::int64_t done = std::max<std::int64_t>(0, options.values()[n]);
      CHECK(SiteOptions{kinds.types(), room, {n, n}}.values()[n] == options.values()[n]);
      CHECK(kinds.most_of(room, {n, n}) >= static_cast<double>(done) * (1 - 1e-12));
      most = std::max(most, done);
    }
    CHECK(kinds.most_of(room, range) >= static_cast<double>(most) * (1 - 1e-12));
    if (most == 0) continue;
    ++checked;
    tight += kinds.most_of(room, range) < 1.1 * static_cast<double>(most) ? 1 : 0;
  }
  CHECK(checked > 300);
  CHECK(tight > checked / 3);
}

TEST_CASE("site options: many bundles of the only pool of a site are bounded as they are") {
  KindTable table{{{}}, {}, {node_widths(8)}};
  for (const std::uint32_t devices : {1u, 2u, 5u})
    table.pure[0].push_back({.stages = {{0, 1, 1, {}}},
                             .uses = {{.type = 0, .devices = devices}},
                             .fill = Seconds{6.0 / devices},
                             .bottleneck = Seconds{1}});
  const KindsWithin kinds{table, Seconds{3}, 1000};  // One of two devices does 1, one of five 2.
  const SiteRoom room = rooms_of({400}, table.widths, 1);
  CHECK(kinds.most_of(room, {70, 80}) == 160);
  CHECK(kinds.most_of(room, {81, 90}) == 90);
  CHECK(kinds.most_of(room, {150, 250}) == 200);
  CHECK(kinds.most_of(room, {201, 250}) == 0);
}
