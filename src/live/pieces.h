#pragma once

#include <cstdint>
#include <map>

#include "axs/core/wire.h"

namespace axs::live {

/// The bytes of one message as they arrive, in any order, each of them once. They take as much
/// memory as there are, whatever the sender says is still to come, and a constant for each gap.
class Pieces {
 public:
  void put(std::uint64_t offset, ByteView bytes);
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
