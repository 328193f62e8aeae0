#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/assert.h"

/// Packets that lie one behind the other and cross the kernel as one: what a send with UDP_SEGMENT
/// takes and a receive with UDP_GRO gives.
namespace axs::net {

/// All packets have `segment` bytes, only the last may be shorter.
struct Train {
  std::span<std::uint8_t> bytes;
  std::size_t segment{};
};

/// Calls `take` with each packet of the train, in order.
template <class Take>
void for_each_packet(const Train& train, const Take& take) {
  AXS_ASSERT(train.segment > 0 || train.bytes.empty());
  for (std::size_t at = 0; at < train.bytes.size(); at += train.segment)
    take(train.bytes.subspan(at, std::min(train.segment, train.bytes.size() - at)));
}

/// Which packets may ride together.
class TrainShape {
 public:
  /// The kernel's UDP_MAX_SEGMENTS, and what a UDP payload holds besides any IP options.
  static constexpr std::size_t packets_max = 64;
  static constexpr std::size_t bytes_max = 65'000;

  /// Counts a packet of `size` > 0 bytes in, at the end. False, and nothing changed, if it cannot
  /// ride in this train.
  bool admit(std::size_t size) {
    if (packets_ > 0 && !fits(size)) return false;
    if (packets_ == 0) segment_ = size;
    open_ = size == segment_;
    bytes_ += size;
    ++packets_;
    return true;
  }
  std::size_t packets() const { return packets_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t segment() const { return segment_; }
  /// No packet as long as the first can follow.
  bool full() const { return packets_ > 0 && !fits(segment_); }

 private:
  bool fits(std::size_t size) const {
    return open_ && size <= segment_ && packets_ < packets_max && bytes_ + size <= bytes_max;
  }

  std::size_t packets_ = 0;
  std::size_t bytes_ = 0;
  std::size_t segment_ = 0;
  bool open_ = true;  ///< No shorter packet has ended it.
};

/// A train in the making, in memory of its own that is never enlarged. A packet is written where it
/// will lie before its size is known.
class TrainBuilder {
 public:
  /// For packets of up to `packet_max` bytes.
  explicit TrainBuilder(std::size_t packet_max)
      : memory_(TrainShape::bytes_max + packet_max), packet_max_{packet_max} {}

  /// Where the next packet begins.
  std::span<std::uint8_t> room() { return std::span{memory_}.subspan(shape_.bytes(), packet_max_); }
  /// Takes the first `size` bytes of room() in as a packet. False: it cannot ride in this train.
  bool append(std::size_t size) {
    AXS_ASSERT(size > 0 && size <= packet_max_);
    return shape_.admit(size);
  }
  /// The train so far; valid until the next call that changes something.
  Train train() { return {std::span{memory_}.first(shape_.bytes()), shape_.segment()}; }
  const TrainShape& shape() const { return shape_; }
  /// Begins the next train with the first `size` bytes of room(), which did not fit this one, still
  /// in room().
  void restart(std::size_t size) {
    AXS_ASSERT(size <= packet_max_);
    std::copy_n(room().begin(), size, memory_.begin());
    shape_ = {};
  }

 private:
  std::vector<std::uint8_t> memory_;
  std::size_t packet_max_;
  TrainShape shape_;
};

}  // namespace axs::net
