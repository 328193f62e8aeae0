#include "axs/net/repair_code.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <numeric>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::net;

namespace {

ByteVector random_bytes(Rng& rng, std::size_t size) {
  ByteVector bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
  return bytes;
}

/// `count` different numbers below `below`, in any order.
std::vector<std::uint32_t> some_of(Rng& rng, std::uint32_t below, std::size_t count) {
  std::vector<std::uint32_t> all(below);
  std::iota(all.begin(), all.end(), 0U);
  for (std::size_t i = 0; i < count; ++i) std::swap(all[i], all[i + rng.below(all.size() - i)]);
  all.resize(count);
  return all;
}

RepairBlock random_block(Rng& rng, std::uint64_t total) {
  for (;;) {
    const RepairBlock block{static_cast<std::uint32_t>(rng.below(total)),
                            static_cast<std::uint16_t>(1 + rng.below(100)),
                            static_cast<std::uint16_t>(1 + rng.below(9))};
    if (block.fits(total)) return block;
  }
}

ByteView bytes_of(const ByteVector& message, const RepairBlock& block, std::uint32_t symbol) {
  const Range range = block.symbol(symbol, message.size());
  return ByteView{message}.subspan(range.first, range.size());
}

ByteVector encode(const ByteVector& message, const RepairBlock& block, std::uint32_t repair) {
  ByteVector bytes(block.length);
  for (std::uint32_t i = 0; i < block.symbols(message.size()); ++i)
    add_to_repair(bytes, repair, i, 0, bytes_of(message, block, i));
  return bytes;
}

}  // namespace

TEST_CASE("repair code: any symbols that are lost come back from as many repairs") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const ByteVector message = random_bytes(rng, 1 + rng.below(10'000));
    const RepairBlock block = random_block(rng, message.size());
    const auto symbols = static_cast<std::uint32_t>(block.symbols(message.size()));
    const std::size_t count = 1 + rng.below(std::min(symbols, RepairBlock::max_repairs));
    const auto lost = some_of(rng, symbols, count);
    const auto repairs = some_of(rng, RepairBlock::max_repairs, count);
    Rebuilder rebuilder{lost, repairs};
    for (std::size_t i = 0; i < count; ++i)
      rebuilder.take_repair(i, encode(message, block, repairs[i]));
    for (std::uint32_t i = 0; i < symbols; ++i) {
      if (std::find(lost.begin(), lost.end(), i) != lost.end()) continue;
      const ByteView bytes = bytes_of(message, block, i);
      const std::size_t cut = rng.below(bytes.size() + 1);
      rebuilder.take(i, 0, bytes.first(cut));
      rebuilder.take(i, cut, bytes.subspan(cut));
    }
    const auto rebuilt = std::move(rebuilder).rebuild();
    for (std::size_t i = 0; i < count; ++i) {
      ByteVector want(bytes_of(message, block, lost[i]).begin(),
                      bytes_of(message, block, lost[i]).end());
      want.resize(block.length);
      RC_ASSERT(rebuilt[i] == want);
    }
  }));
}

TEST_CASE("repair code: the blocks of a stride have every byte from the first on, once") {
  constexpr std::uint64_t total = 10'007;
  constexpr std::uint16_t length = 100, stride = 7;
  RangeSet bytes;
  std::uint64_t sum = 0;
  for (std::uint32_t b = 0; b < stride; ++b) {
    const RepairBlock block{2'000 + b * length, length, stride};
    REQUIRE(block.fits(total));
    for (std::uint32_t i = 0; i < block.symbols(total); ++i)
      sum += bytes.insert(block.symbol(i, total));
  }
  CHECK(bytes.ranges() == std::vector<Range>{{2'000, total}});
  CHECK(sum == total - 2'000);
}

TEST_CASE("repair code: a block that cannot be is known") {
  CHECK(RepairBlock{0, 1, 1}.fits(RepairBlock::max_symbols));
  CHECK(!RepairBlock{0, 1, 1}.fits(RepairBlock::max_symbols + 1));
  CHECK(!RepairBlock{0, 0, 1}.fits(10));
  CHECK(!RepairBlock{0, 1, 0}.fits(10));
  CHECK(!RepairBlock{10, 1, 1}.fits(10));
  CHECK(RepairBlock{0xffff'fffe, 0xffff, 0xffff}.fits(0xffff'ffff));
}
