#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "axs/core/time.h"
#include "axs/core/units.h"

namespace axs::net {

/// What gradients take of the way to a peer: they come in bursts, so neither their mean nor their
/// peak says what they need, but a high quantile of what they took second by second in the last
/// minute, and the most that ever waited at once.
class GradientUse {
 public:
  /// So much waits, a new message included.
  void waits(std::uint64_t bytes) { burst_ = std::max(burst_, bytes); }
  /// So much has been sent in all. To be told every second or so.
  void sent(Instant now, std::uint64_t total) {
    if (since_ && now - *since_ < window) return;
    if (since_) {
      const auto bytes = static_cast<double>(total - base_);
      windows_[next_] = {bytes / (now - *since_).seconds(), burst_};
      next_ = (next_ + 1) % windows_.size();
      filled_ = std::min(filled_ + 1, windows_.size());
      burst_ = 0;
    }
    since_ = now;
    base_ = total;
  }

  /// 0 in the first second.
  BytesPerSecond rate() const {
    if (filled_ == 0) return {};
    std::array<double, count> rates{};
    for (std::size_t i = 0; i < filled_; ++i) rates[i] = windows_[i].rate;
    const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(filled_ - 1) + 0.5);
    std::sort(rates.begin(), rates.begin() + filled_);
    return BytesPerSecond{rates[rank]};
  }
  std::uint64_t burst() const {
    std::uint64_t most = burst_;
    for (const Window& held : windows_) most = std::max(most, held.burst);
    return most;
  }

 private:
  static constexpr Duration window = milliseconds(900);  ///< Reports come every second.
  static constexpr std::size_t count = 64;
  static constexpr double quantile = 0.95;

  struct Window {
    double rate{};  ///< Bytes per second.
    std::uint64_t burst{};
  };
  std::array<Window, count> windows_{};
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  std::optional<Instant> since_;
  std::uint64_t base_ = 0;
  std::uint64_t burst_ = 0;
};

}  // namespace axs::net
