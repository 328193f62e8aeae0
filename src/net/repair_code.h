#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/wire.h"
#include "axs/net/range_set.h"

/// A code against erasures over the bytes of a message (Reed-Solomon in Cauchy's form: Bloemer et
/// al., "An XOR-based erasure-resilient coding scheme", 1995). What is sent first is the message as
/// it is; a repair is the sum of the symbols of a block, each times a factor that depends on the
/// two. As many symbols as there are repairs of the block can be got back, whichever are lost.
/// Memory and time to do so are bounded by the limits below.
namespace axs::net {

/// The symbols of `length` bytes that begin at first, first + stride * length, ... up to the end of
/// the message; what the last one has beyond it counts as 0. Blocks of one stride lie between each
/// other, so that a burst of losses is shared out over all of them.
struct RepairBlock {
  /// Of a block, and repairs of it: together they may not have more factors than the field.
  static constexpr std::uint32_t max_symbols = 192;
  static constexpr std::uint32_t max_repairs = 64;

  std::uint32_t first{};
  std::uint16_t length{};
  std::uint16_t stride{};
  auto operator<=>(const RepairBlock&) const = default;

  /// Whether there is such a block in a message of that size.
  bool fits(std::uint64_t total) const {
    return length > 0 && stride > 0 && first < total && symbols(total) <= max_symbols;
  }
  std::uint64_t step() const { return std::uint64_t{length} * stride; }
  std::uint64_t symbols(std::uint64_t total) const { return (total - first + step() - 1) / step(); }
  /// The bytes of the message that symbol `i` has.
  Range symbol(std::uint32_t i, std::uint64_t total) const {
    const std::uint64_t begin = first + i * step();
    return {begin, std::min(begin + length, total)};
  }
};

/// How many symbols of the block have bytes in `bytes`, which are not empty.
inline std::uint64_t symbols_in(const RepairBlock& block, Range bytes) {
  if (bytes.end <= block.first) return 0;
  const std::uint64_t begin = std::max<std::uint64_t>(bytes.first, block.first) - block.first;
  const std::uint64_t last = bytes.end - 1 - block.first;
  const std::uint64_t before = begin / block.step() + (begin % block.step() >= block.length);
  return last / block.step() + 1 - std::min(before, last / block.step() + 1);
}

/// By what symbol `symbol` is multiplied in repair `repair`: never 0.
std::uint8_t repair_factor(std::uint32_t repair, std::uint32_t symbol);

/// Adds what `bytes`, at `at` in symbol `symbol`, are in repair `repair`, which starts as zeros.
void add_to_repair(std::span<std::uint8_t> repair_bytes, std::uint32_t repair, std::uint32_t symbol,
                   std::size_t at, ByteView bytes);

/// Gets back the lost symbols of one block: given as many repairs, and all that the other symbols
/// have, the repairs become the lost symbols.
class Rebuilder {
 public:
  /// Both without repetition and in one number, at most RepairBlock::max_repairs.
  Rebuilder(std::vector<std::uint32_t> lost, std::vector<std::uint32_t> repairs);

  /// The bytes of repair `i` of the list; all of one length.
  void take_repair(std::size_t i, ByteView bytes) { sums_[i].assign(bytes.begin(), bytes.end()); }
  /// After all repairs: what is there of a symbol that is not lost. Nothing twice.
  void take(std::uint32_t symbol, std::size_t at, ByteView bytes);
  /// After all that: the bytes of the lost symbols, in the order of the list.
  std::vector<ByteVector> rebuild() &&;

 private:
  std::vector<std::uint32_t> lost_;
  std::vector<std::uint32_t> repairs_;
  std::vector<ByteVector> sums_;
};

}  // namespace axs::net
