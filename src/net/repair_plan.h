#pragma once

#include <cstdint>
#include <optional>

#include "axs/net/chance_loss.h"
#include "axs/net/repair_code.h"

namespace axs::net {

/// How a message was cut into packets: its full pieces have `symbol` bytes, and begin at `phase`
/// plus a multiple of that, as far as nothing shifted them.
class PieceGrid {
 public:
  /// The next piece of the message, from left to right.
  void add(Range piece);
  std::uint16_t symbol() const { return symbol_; }
  std::uint32_t phase() const { return phase_; }
  /// How many packets a symbol lies in, on the average: 1 if pieces and symbols are the same.
  double exposure() const;

 private:
  std::uint16_t symbol_ = 0;
  std::uint32_t phase_ = 0;
  std::uint64_t touched_ = 0;
  std::uint64_t bytes_ = 0;
};

/// The least number of repairs with which a block fails at most with the chance `allowed`, if so
/// many of its symbols, and the repairs, are still under way and losses are Poisson in runs of
/// loss.burst symbols. Never more than a quarter of the symbols (but one).
std::uint32_t repairs_needed(double symbols, const ChanceLoss& loss, double allowed);

/// The repairs of the end of one message: from `begin` on, where all has been sent that was not
/// yet. They take turns block by block, so that a burst hits each block as little as may be.
class RepairPlan {
 public:
  struct Tail {
    std::uint64_t number{};  ///< Of the message.
    std::uint64_t begin{};
    std::uint64_t total{};
    std::uint64_t at_risk{};  ///< Bytes from `begin` on that are not acknowledged.
    std::uint16_t symbol{};
    double exposure = 1;  ///< PieceGrid::exposure().
  };
  /// Nothing if nothing is worth it.
  static std::optional<RepairPlan> make(const Tail& tail, const ChanceLoss& loss);
  /// Of all blocks of a message together.
  static constexpr double allowed_failure = 1e-3;

  std::uint64_t number() const { return number_; }
  std::uint16_t symbol() const { return symbol_; }
  bool done() const { return next_ == std::uint64_t{repairs_} * stride_; }
  RepairBlock block() const {
    const auto skipped = static_cast<std::uint32_t>(next_ % stride_ * symbol_);
    return {begin_ + skipped, symbol_, stride_};
  }
  /// Of the next repair in that block.
  std::uint8_t index() const { return static_cast<std::uint8_t>(next_ / stride_); }
  void take() { ++next_; }

 private:
  std::uint64_t number_ = 0;
  std::uint32_t begin_ = 0;
  std::uint16_t symbol_ = 0;
  std::uint16_t stride_ = 1;
  std::uint32_t repairs_ = 0;  ///< Of each block.
  std::uint64_t next_ = 0;
};

}  // namespace axs::net
