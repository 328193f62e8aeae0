#include "axs/net/repair_plan.h"

#include <cmath>
#include <limits>

#include "axs/core/assert.h"
#include "axs/core/dmath.h"

namespace axs::net {

namespace {

/// The chance that a Poisson variable of that mean is above `n`.
double poisson_tail(double mean, std::uint32_t n) {
  double term = dmath::exp(-mean);
  double sum = term;
  for (std::uint32_t k = 1; k <= n; ++k) {
    term *= mean / k;
    sum += term;
  }
  return 1 - sum;
}

/// How many symbols of one block a run of losses takes: runs are shared out over the blocks.
ChanceLoss as_a_block_sees(const ChanceLoss& loss, double exposure, double stride) {
  return {std::min(loss.rate * exposure, 0.5), std::max((loss.burst + exposure - 1) / stride, 1.0)};
}

}  // namespace

void PieceGrid::add(Range piece) {
  if (piece.size() > symbol_) {
    symbol_ = static_cast<std::uint16_t>(piece.size());
    phase_ = static_cast<std::uint32_t>(piece.first % symbol_);
    touched_ = bytes_ = 0;
  }
  const auto symbol_of = [&](std::uint64_t byte) { return (byte + symbol_ - phase_) / symbol_; };
  touched_ += symbol_of(piece.end - 1) - symbol_of(piece.first) + 1;
  bytes_ += piece.size();
}

double PieceGrid::exposure() const {
  const std::uint64_t symbols = (bytes_ + symbol_ - 1) / symbol_;
  return static_cast<double>(touched_) / static_cast<double>(symbols);
}

std::uint32_t repairs_needed(double symbols, const ChanceLoss& loss, double allowed) {
  const auto quarter = static_cast<std::uint32_t>(std::ceil(symbols / 4));
  const std::uint32_t most = std::min(std::max(quarter, 1U), RepairBlock::max_repairs);
  std::uint32_t repairs = 0;
  for (; repairs < most; ++repairs) {
    const double runs = (symbols + repairs) * loss.rate / loss.burst;
    const auto bearable = static_cast<std::uint32_t>((repairs + 0.5) / loss.burst);
    if (poisson_tail(runs, bearable) <= allowed) break;
  }
  return repairs;
}

std::optional<RepairPlan> RepairPlan::make(const Tail& tail, const ChanceLoss& loss) {
  AXS_ASSERT(tail.symbol > 0 && tail.begin < tail.total && tail.exposure > 0);
  const std::uint64_t symbols = (tail.total - tail.begin + tail.symbol - 1) / tail.symbol;
  const std::uint64_t stride = (symbols + RepairBlock::max_symbols - 1) / RepairBlock::max_symbols;
  if (stride > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  const auto blocks = static_cast<double>(stride);
  const double at_risk = static_cast<double>(tail.at_risk) / tail.symbol / blocks;
  RepairPlan plan;
  plan.number_ = tail.number;
  plan.begin_ = static_cast<std::uint32_t>(tail.begin);
  plan.symbol_ = tail.symbol;
  plan.stride_ = static_cast<std::uint16_t>(stride);
  plan.repairs_ = repairs_needed(at_risk, as_a_block_sees(loss, tail.exposure, blocks),
                                 allowed_failure / blocks);
  if (plan.repairs_ == 0) return std::nullopt;
  return plan;
}

}  // namespace axs::net
