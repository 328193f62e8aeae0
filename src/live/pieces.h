#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "axs/core/wire.h"

namespace axs::live {

/// The bytes of one message as they arrive, in any order, each of them once. They take as much
/// memory as there are, whatever the sender says is still to come, and a constant for each gap.
class Pieces {
 public:
  void put(std::uint64_t offset, ByteView bytes);
  /// The same, but what is there already is left as it is.
  void fill(std::uint64_t offset, ByteView bytes);
  /// Calls take(offset, bytes) for what is there of the `size` bytes from `offset` on, in order.
  template <class Take>
  void read(std::uint64_t offset, std::uint64_t size, Take&& take) const {
    const std::uint64_t end = offset + size;
    auto at = pieces_.upper_bound(offset);
    if (at != pieces_.begin()) --at;
    for (; at != pieces_.end() && at->first < end; ++at) {
      const std::uint64_t first = std::max(offset, at->first);
      const std::uint64_t last = std::min(end, at->first + at->second.size());
      if (first < last) take(first, ByteView{at->second}.subspan(first - at->first, last - first));
    }
  }
  /// Of a message of which all has arrived.
  ByteVector whole() &&;
  std::size_t size() const { return size_; }
  std::size_t count() const { return pieces_.size(); }

 private:
  /// A shorter piece is joined to the one before it, so that bytes which come one by one, in
  /// whatever order, do not take a piece each; a longer one is not copied again and again.
  static constexpr std::size_t joined_below = 1 << 16;

  std::map<std::uint64_t, ByteVector>
      pieces_;  ///< By offset, no short one begins where another ends.
  std::size_t size_ = 0;
};

}  // namespace axs::live
