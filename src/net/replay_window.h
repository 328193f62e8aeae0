#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace axs::net {

/// Which of the last packet numbers have been seen: a ring of bitmap words, as in RFC 6479. It is
/// wide because a switch from a slow path to a fast one reorders as many packets as the difference
/// of the delays holds: 10 Gb/s times 70 ms is 62,500 packets of 1,400 bytes.
class ReplayWindow {
  static constexpr std::uint64_t word_bits = 64;
  static constexpr std::uint64_t words = 1024;

 public:
  /// How far behind the newest a packet may be; one word of the ring is always being reused.
  static constexpr std::uint64_t width = (words - 1) * word_bits;

  /// Whether `number` is neither seen nor too old to tell.
  bool fresh(std::uint64_t number) const {
    if (number > newest_) return true;
    if (newest_ - number >= width) return false;
    return (word(number) >> (number % word_bits) & 1) == 0;
  }

  /// Notes a fresh number, after its packet proved authentic.
  void mark(std::uint64_t number) {
    if (number > newest_) slide_to(number);
    ring_[number / word_bits % words] |= std::uint64_t{1} << (number % word_bits);
  }

 private:
  std::uint64_t word(std::uint64_t number) const { return ring_[number / word_bits % words]; }

  void slide_to(std::uint64_t number) {
    const std::uint64_t first = newest_ / word_bits + 1;
    const std::uint64_t count = std::min(number / word_bits + 1 - first, words);
    for (std::uint64_t i = 0; i < count; ++i) ring_[(first + i) % words] = 0;
    newest_ = number;
  }

  std::array<std::uint64_t, words> ring_{};
  std::uint64_t newest_ = 0;
};

}  // namespace axs::net
