#include "axs/net/repair_code.h"

#include "axs/core/assert.h"
#include "axs/net/galois.h"

namespace axs::net {

std::uint8_t repair_factor(std::uint32_t repair, std::uint32_t symbol) {
  static_assert(RepairBlock::max_symbols + RepairBlock::max_repairs <= 256);
  AXS_ASSERT(repair < RepairBlock::max_repairs && symbol < RepairBlock::max_symbols);
  return galois::inverse(static_cast<std::uint8_t>((RepairBlock::max_symbols + repair) ^ symbol));
}

void add_to_repair(std::span<std::uint8_t> repair_bytes, std::uint32_t repair, std::uint32_t symbol,
                   std::size_t at, ByteView bytes) {
  galois::multiply_add(repair_bytes.subspan(at, bytes.size()), bytes,
                       repair_factor(repair, symbol));
}

Rebuilder::Rebuilder(std::vector<std::uint32_t> lost, std::vector<std::uint32_t> repairs)
    : lost_{std::move(lost)}, repairs_{std::move(repairs)}, sums_(repairs_.size()) {
  AXS_ASSERT(lost_.size() == repairs_.size() && repairs_.size() <= RepairBlock::max_repairs);
}

void Rebuilder::take(std::uint32_t symbol, std::size_t at, ByteView bytes) {
  for (std::size_t i = 0; i < repairs_.size(); ++i)
    add_to_repair(sums_[i], repairs_[i], symbol, at, bytes);
}

/// Gauss and Jordan's elimination. Every square part of a Cauchy matrix has an inverse, also the
/// part that the first rows and columns are, so what is divided by is never 0.
std::vector<ByteVector> Rebuilder::rebuild() && {
  const std::size_t n = lost_.size();
  std::vector<ByteVector> matrix(n, ByteVector(n));
  for (std::size_t row = 0; row < n; ++row)
    for (std::size_t column = 0; column < n; ++column)
      matrix[row][column] = repair_factor(repairs_[row], lost_[column]);
  for (std::size_t pivot = 0; pivot < n; ++pivot) {
    const std::uint8_t by = galois::inverse(matrix[pivot][pivot]);
    galois::scale(matrix[pivot], by);
    galois::scale(sums_[pivot], by);
    for (std::size_t row = 0; row < n; ++row) {
      const std::uint8_t factor = matrix[row][pivot];
      if (row == pivot || factor == 0) continue;
      galois::multiply_add(matrix[row], matrix[pivot], factor);
      galois::multiply_add(sums_[row], sums_[pivot], factor);
    }
  }
  return std::move(sums_);
}

}  // namespace axs::net
