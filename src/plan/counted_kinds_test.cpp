#include "axs/plan/counted_kinds.h"

#include <doctest/doctest.h>

#include <utility>

using namespace axs;
using namespace axs::plan;

TEST_CASE("counted kinds: what gets finer covers the same numbers, until they are exact") {
  std::uint32_t built = 0;
  KindsByCount kinds{23, [&](ReplicaRange, bool) {
                       ++built;
                       return KindTable{};
                     }};
  const auto first_in_doubt = [&] {
    for (const auto& [least, part] : kinds.parts())
      if (!part.are_exact) return least;
    return 0u;
  };
  const CountedKinds* exact = nullptr;
  while (const std::uint32_t least = first_in_doubt()) {
    for (const CountedKinds* part : kinds.refine(least))
      if (part->are_exact) exact = part;
    std::uint32_t next = 1;
    for (const auto& [begin, part] : kinds.parts()) {
      CHECK(begin == next);
      CHECK(part.bundles.least == begin);
      CHECK((part.bundles.is_one() || !part.are_exact));
      next = part.bundles.most + 1;
    }
    CHECK(next == 24);
  }
  CHECK(kinds.parts().size() == 23);
  CHECK(built == 2 * 23 - 1 + 23);  // Each range and number once, and the kinds of each number.
  CHECK(&kinds.parts().at(23) == exact);
}
