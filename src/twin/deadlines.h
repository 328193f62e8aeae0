#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/time.h"

namespace axs::twin {

/// The earliest of many instants that change often, each known by an index; of equals the one with
/// the lowest index. A tournament tree: a change goes up only as far as it changes who wins, two
/// steps on average.
class Deadlines {
 public:
  static constexpr Instant never{INT64_MAX};

  void set(std::uint32_t index, Instant at) {
    while (index >= at_.size()) grow();
    at_[index] = at;
    for (std::size_t node = (at_.size() + index) / 2; node > 0; node /= 2) {
      const std::uint32_t winner = play(node);
      if (winner == winner_[node] && winner != index) return;
      winner_[node] = winner;
    }
  }
  std::uint32_t first() const { return winner_[1]; }
  Instant first_at() const { return at_[first()]; }

 private:
  std::uint32_t contestant(std::size_t node) const {
    return node < at_.size() ? winner_[node] : static_cast<std::uint32_t>(node - at_.size());
  }
  std::uint32_t play(std::size_t node) const {
    const std::uint32_t left = contestant(2 * node);
    const std::uint32_t right = contestant(2 * node + 1);
    return at_[left] <= at_[right] ? left : right;
  }
  void grow() {
    at_.resize(2 * at_.size(), never);
    winner_.resize(at_.size());
    for (std::size_t node = at_.size() - 1; node > 0; --node) winner_[node] = play(node);
  }

  std::vector<Instant> at_ = {never, never};  ///< Its size is a power of two.
  std::vector<std::uint32_t> winner_ = {0, 0};
};

}  // namespace axs::twin
