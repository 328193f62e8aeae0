#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "axs/core/assert.h"
#include "axs/net/pipe.h"

namespace axs::net {

/// The packets that a Pipe has admitted and that have not arrived yet, in the order of their
/// arrival; packets of the same instant keep the order of admission. A ring that grows to the most
/// that was ever in flight and then allocates no more.
template <class Token>
class InFlight {
 public:
  struct Entry {
    Instant released_at;
    Instant departs_at;
    std::uint32_t size;
    Fate fate;
    Token token;  ///< The owner's name for the packet.
  };

  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  /// The i-th packet to arrive, i < size().
  const Entry& operator[](std::size_t i) const {
    AXS_ASSERT(i < count_);
    return at(i);
  }
  const Entry& front() const { return (*this)[0]; }
  void pop() {
    AXS_ASSERT(count_ > 0);
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
  }

  /// O(1) for a FIFO pipe; else O(packets that this one overtakes).
  void push(const Entry& entry) {
    if (count_ == ring_.size()) grow();
    std::size_t i = count_++;
    for (; i > 0 && at(i - 1).released_at > entry.released_at; --i) at(i) = at(i - 1);
    at(i) = entry;
  }

  /// Removes what has not left the queue by `now` and calls lost(entry) for each: see Pipe::cut().
  template <class Lost>
  void drop_queued(Instant now, Lost&& lost) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (at(i).departs_at > now)
        lost(at(i));
      else
        at(kept++) = at(i);
    }
    count_ = kept;
  }

 private:
  Entry& at(std::size_t i) { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  const Entry& at(std::size_t i) const { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  void grow() {
    std::vector<Entry> wider(ring_.empty() ? 64 : ring_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) wider[i] = at(i);
    ring_ = std::move(wider);
    head_ = 0;
  }

  std::vector<Entry> ring_;  ///< Its size is 0 or a power of two.
  std::size_t head_{};
  std::size_t count_{};
};

}  // namespace axs::net
