#include "axs/learn/batcher.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::learn;

namespace {

std::vector<std::uint8_t> some_text(std::size_t size) {
  Rng rng{1};
  std::vector<std::uint8_t> text(size);
  for (auto& byte : text) byte = static_cast<std::uint8_t>(rng.below(256));
  return text;
}

}  // namespace

TEST_CASE("batcher: in one epoch of all shards no byte is input twice, and few are left out") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const ShardPlan plan{.seed = rng.next(),
                         .shards = static_cast<std::uint32_t>(1 + rng.below(4)),
                         .context = 1 + rng.below(20)};
    const std::size_t blocks = plan.shards + rng.below(20);
    const auto text = some_text(blocks * 16 * plan.context + 1 + rng.below(16 * plan.context));
    auto batcher = *Batcher::create(text, plan);
    const std::uint64_t epoch = rng.below(3);
    std::vector<int> read(text.size());
    for (std::uint32_t shard = 0; shard < plan.shards; ++shard) {
      const auto n = batcher.sequences_per_epoch(shard);
      for (std::uint64_t i = epoch * n; i < (epoch + 1) * n; ++i)
        for (std::size_t c = 0; c < plan.context; ++c) ++read.at(batcher.position(shard, i) + c);
    }
    RC_ASSERT(std::ranges::max(read) == 1);
    RC_ASSERT(static_cast<std::size_t>(std::ranges::count(read, 1)) == blocks * 15 * plan.context);
  }));
}

TEST_CASE("batcher: shards never meet, in any epoch") {
  const auto text = some_text(16 * 4 * 10 + 1);
  auto batcher = *Batcher::create(text, {.seed = 3, .shards = 3, .context = 4});
  std::vector<int> owner(text.size(), -1);
  for (std::uint32_t shard = 0; shard < 3; ++shard) {
    for (std::uint64_t n = 0; n < 5 * batcher.sequences_per_epoch(shard); ++n) {
      for (std::size_t c = 0; c < 4; ++c) {
        int& seen = owner[batcher.position(shard, n) + c];
        CHECK((seen == -1 || seen == static_cast<int>(shard)));
        seen = static_cast<int>(shard);
      }
    }
  }
}

TEST_CASE("batcher: a sequence depends on its number alone, not on what was read before") {
  const auto text = some_text(16 * 8 * 9 + 1);
  const ShardPlan plan{.seed = 7, .shards = 2, .context = 8};
  auto forward = *Batcher::create(text, plan), jumping = *Batcher::create(text, plan);
  std::vector<std::size_t> positions;
  for (std::uint64_t n = 0; n < 300; ++n) positions.push_back(forward.position(1, n));
  Rng rng{5};
  for (int i = 0; i < 100; ++i) {
    (void)jumping.position(0, rng.below(300));
    const auto n = rng.below(300);
    CHECK(jumping.position(1, n) == positions[n]);
  }
  auto other = *Batcher::create(text, {.seed = 8, .shards = 2, .context = 8});
  CHECK(other.batch(1, 0, 20).inputs != forward.batch(1, 0, 20).inputs);
  const auto epoch = forward.sequences_per_epoch(1);
  CHECK(forward.batch(1, 0, 20).inputs != forward.batch(1, epoch, 20).inputs);
}

TEST_CASE("batcher: targets are the inputs one byte later") {
  const auto text = some_text(16 * 8 * 3 + 1);
  auto batcher = *Batcher::create(text, {.seed = 7, .shards = 1, .context = 8});
  const auto batch = batcher.batch(0, 40, 3);
  REQUIRE(batch.inputs.size() == 24);
  for (std::size_t row = 0; row < 3; ++row) {
    const auto position = batcher.position(0, 40 + row);
    for (std::size_t c = 0; c < 8; ++c) {
      CHECK(batch.inputs[row * 8 + c] == text[position + c]);
      CHECK(batch.targets[row * 8 + c] == text[position + c + 1]);
    }
  }
}

TEST_CASE("batcher: a text that is too small is refused") {
  const auto text = some_text(100);
  CHECK(Batcher::create(text, {.shards = 3, .context = 64}).error().what ==
        "corpus: 100 bytes for training, want at least 3073 for 3 sites of context 64");
  CHECK_FALSE(Batcher::create(text, {.shards = 0, .context = 1}));
}
