#pragma once

#include <algorithm>
#include <cstdint>

namespace axs::net {

/// Of losses that are not congestion.
struct ChanceLoss {
  double rate = 0;   ///< Share of the packets.
  double burst = 1;  ///< How many go in a row, as the mean packet that is lost sees it.
};

/// What a path loses although no queue stands on it. The caller says so of every packet whose fate
/// shows while none does, and while it was not probing for more than the path has carried before:
/// then loss is not the path's way of saying that it is full. Half of what is older than 16,384
/// packets is forgotten, again and again, so that a path that loses nothing any more has no rate.
class ChanceLossEstimator {
 public:
  void arrived() { count(); }
  /// In the order of their numbers.
  void lost(std::uint64_t number) {
    run_ = lost_ > 0 && number == last_lost_ + 1 ? run_ + 1 : 1;
    last_lost_ = number;
    ++lost_;
    squares_ += 2 * run_ - 1;
    count();
  }
  /// One that was said to be lost has arrived after all.
  void was_late() {
    if (lost_ == 0) return;
    squares_ -= squares_ / lost_;
    --lost_;
  }

  ChanceLoss estimate() const {
    if (lost_ == 0) return {};
    const auto lost = static_cast<double>(lost_);
    return {lost / static_cast<double>(packets_),
            std::max(static_cast<double>(squares_) / lost, 1.0)};
  }

 private:
  static constexpr std::uint64_t memory = 16'384;

  void count() {
    if (++packets_ < memory) return;
    packets_ /= 2;
    lost_ /= 2;
    squares_ /= 2;
  }

  std::uint64_t packets_ = 256;  ///< As though so many had arrived: one loss is no rate yet.
  std::uint64_t lost_ = 0;
  std::uint64_t squares_ = 0;  ///< Of the lengths of runs of losses, summed up.
  std::uint64_t run_ = 0;
  std::uint64_t last_lost_ = 0;
};

}  // namespace axs::net
