#include <doctest/doctest.h>

#include <algorithm>

#include "axs/core/rng.h"
#include "axs/plan/bundle_values.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// A few runs each of which goes up by the same, some impossible numbers in between.
Values some_values(Rng& rng, std::size_t size) {
  Values values{0};
  while (values.size() < size) {
    const bool is_possible = rng.chance(0.8);
    const auto each = static_cast<std::int64_t>(rng.below(7)) - 1;
    std::int64_t value = static_cast<std::int64_t>(rng.below(200));
    for (std::uint64_t n = 1 + rng.below(60); n > 0 && values.size() < size; --n)
      values.push_back(is_possible && value >= 0 ? value : impossible), value += each;
  }
  return values;
}

Values joined_one_by_one(const Values& a, const Values& b) {
  Values best(a.size(), impossible);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; i + j < a.size(); ++j)
      if (a[i] >= 0 && b[j] >= 0) best[i + j] = std::max(best[i + j], a[i] + b[j]);
  return best;
}

}  // namespace

TEST_CASE("bundles: the best of two parts together is that of all ways to share them out") {
  Rng rng{5};
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = 1 + rng.below(300);
    const Values a = some_values(rng, size), b = some_values(rng, size);
    CAPTURE(i);
    CHECK(joined(a, b) == joined_one_by_one(a, b));
    const auto number = static_cast<std::uint32_t>(rng.below(size));
    CHECK(joined_at(a, b, number) == joined(a, b)[number]);
  }
  CHECK(joined(no_values(3), {0, 2, impossible, 5}) == Values{0, 2, impossible, 5});
}
