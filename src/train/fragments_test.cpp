#include "axs/train/fragments.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::train;

namespace {

struct Example {
  std::vector<ParameterTensor> tensors;
  std::size_t layers{};
  std::size_t total{};
  std::size_t largest_unit{};  ///< A layer, or a tensor outside the layers.
};

Example random_model(Rng& rng) {
  Example model;
  model.layers = 1 + rng.below(9);
  const std::size_t layer_size = 3 + rng.below(50);
  const std::size_t embedding = 1 + rng.below(300);
  model.tensors.push_back({"embedding", embedding, {}});
  for (std::uint32_t layer = 0; layer < model.layers; ++layer) {
    model.tensors.push_back({"a", layer_size - 2, layer});
    model.tensors.push_back({"b", 2, layer});
  }
  model.tensors.push_back({"norm", 5, {}});
  model.total = embedding + model.layers * layer_size + 5;
  model.largest_unit = std::max({embedding, layer_size, std::size_t{5}});
  return model;
}

}  // namespace

TEST_CASE("fragments: every value is in exactly one, and they are balanced") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const auto model = random_model(rng);
    const std::size_t count = 1 + rng.below(model.layers);
    const auto fragments = *split_into_fragments(model.tensors, count);
    RC_ASSERT(fragments.size() == count);
    std::vector<int> seen(model.total);
    std::size_t smallest = model.total, largest = 0;
    for (const auto& fragment : fragments) {
      for (const auto& [begin, size] : fragment)
        for (std::size_t i = begin; i < begin + size; ++i) ++seen.at(i);
      smallest = std::min(smallest, fragment_size(fragment));
      largest = std::max(largest, fragment_size(fragment));
    }
    RC_ASSERT(std::ranges::all_of(seen, [](int n) { return n == 1; }));
    RC_ASSERT(largest - smallest <= model.largest_unit);
  }));
}

TEST_CASE("fragments: layers are dealt out in turn, touching ranges are one") {
  const std::vector<ParameterTensor> tensors{{"embed", 10, {}}, {"l0.a", 3, 0}, {"l0.b", 4, 0},
                                             {"l1", 7, 1},      {"l2", 7, 2},   {"l3", 7, 3},
                                             {"norm", 2, {}}};
  const auto fragments = *split_into_fragments(tensors, 2);
  // The embedding goes to the first of two equals; the norm then to the smaller one.
  CHECK(fragments[0] == Fragment{{0, 17}, {24, 7}});
  CHECK(fragments[1] == Fragment{{17, 7}, {31, 9}});
}

TEST_CASE("fragments: what cannot be split is refused") {
  const std::vector<ParameterTensor> tensors{{"l0", 3, 0}, {"l1", 3, 1}};
  CHECK_FALSE(split_into_fragments(tensors, 0));
  CHECK(split_into_fragments(tensors, 3).error().what ==
        "fragments: 3, want 1..2, at most one per layer");
}

TEST_CASE("fragments: gather and scatter are inverse and touch nothing else") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const auto model = random_model(rng);
    const auto fragments = *split_into_fragments(model.tensors, 1 + rng.below(model.layers));
    std::vector<float> flat(model.total), copy(model.total, -1.0F);
    std::iota(flat.begin(), flat.end(), 0.0F);
    for (const auto& fragment : fragments) {
      std::vector<float> values(fragment_size(fragment));
      gather(flat, fragment, values);
      RC_ASSERT(std::ranges::is_sorted(values));
      scatter(values, fragment, copy);
    }
    RC_ASSERT(copy == flat);
  }));
}
