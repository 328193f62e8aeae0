#include <doctest/doctest.h>

#include <numeric>
#include <utility>
#include <vector>

#include "axs/plan/gpt3_testing.h"
#include "axs/plan/memory.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;

namespace {

/// A model of GPT-2 XL's width with so many heads, columns and words.
Workload gpt2(std::uint32_t heads, std::uint32_t columns, std::uint32_t words) {
  Workload work = axs::plan::testing::gpt3_on_a100();
  work.shape = {.layers = 48,
                .hidden = 1600,
                .heads = heads,
                .kv_heads = heads,
                .head_width = 64,
                .feed_forward = columns,
                .vocabulary = words,
                .tied = true};
  work.plan.pipeline = 1;
  work.plan.sequence_parallel = true;
  return work;
}

}  // namespace

TEST_CASE("shape: what does not divide is dealt out in whole heads, and all have a share") {
  ModelShape shape;
  for (const std::uint32_t keys : {1u, 4u, 5u, 8u, 25u})
    for (const std::uint32_t queries : {1u, 4u, 5u}) {
      shape.kv_heads = keys;
      shape.heads = keys * queries;
      for (std::uint32_t tensor = 1; tensor <= shape.heads; ++tensor) {
        const std::vector<std::uint32_t> heads = heads_of_devices(shape, tensor);
        CAPTURE(shape.heads);
        CAPTURE(keys);
        CAPTURE(tensor);
        CHECK(heads.size() == tensor);
        CHECK(std::accumulate(heads.begin(), heads.end(), 0u) == shape.heads);
        CHECK(heads.front() == heads_here(shape, tensor).queries);
        CHECK(heads.back() > 0);
      }
    }
}

TEST_CASE("step: 25 heads over eight devices take as long and as much memory as 32 do") {
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
    Workload odd = gpt2(25, 6399, 50257), padded = gpt2(32, 6400, 50264);
    odd.plan.recompute = padded.plan.recompute = recompute;
    CHECK(heads_of_devices(odd.shape, 8) == std::vector<std::uint32_t>{4, 3, 3, 3, 3, 3, 3, 3});
    CHECK(step_time(odd, {})->total == step_time(padded, {})->total);
    CHECK(memory_use(odd, {})->total == memory_use(padded, {})->total);
    odd.plan.tensor = padded.plan.tensor = 1;
    CHECK(step_time(odd, {})->total < step_time(padded, {})->total);
  }
}

TEST_CASE("step: seven devices have 32 heads in fives and fours, six have 96 evenly") {
  Workload odd = gpt2(32, 6395, 50257), padded = gpt2(35, 6398, 50260);
  odd.accelerator.per_node = padded.accelerator.per_node = 7;
  odd.plan.tensor = padded.plan.tensor = 7;
  CHECK(heads_of_devices(odd.shape, 7) == std::vector<std::uint32_t>{5, 5, 5, 5, 4, 4, 4});
  CHECK(step_time(odd, {})->total == step_time(padded, {})->total);
  CHECK(memory_use(odd, {})->total == memory_use(padded, {})->total);
  const ModelShape even = axs::plan::testing::gpt3_shape();
  for (const std::uint32_t tensor : {3u, 6u})
    CHECK(layer_shards(even, tensor).parameters() * tensor ==
          doctest::Approx(layer_shards(even, 1).parameters()));
}

TEST_CASE("shape: queries stay with their keys and values") {
  ModelShape shape{.heads = 32, .kv_heads = 8, .head_width = 128};
  const auto here = [&](double tensor) {
    const HeadsHere heads = heads_here(shape, tensor);
    return std::pair{heads.queries, heads.keys};
  };
  CHECK(here(1) == std::pair{32.0, 8.0});
  CHECK(here(3) == std::pair{12.0, 3.0});
  CHECK(here(7) == std::pair{8.0, 2.0});
  CHECK(here(8) == std::pair{4.0, 1.0});
  // Of twelve devices four pairs share a group of four queries, others have one each.
  CHECK(here(12) == std::pair{4.0, 1.0});
  CHECK(heads_of_devices(shape, 12) ==
        std::vector<std::uint32_t>{4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2});
  CHECK(here(16) == std::pair{2.0, 1.0});
  CHECK(here(32) == std::pair{1.0, 1.0});
}
