#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "axs/core/wire.h"

/// What every fuzz program defines, beside LLVMFuzzerTestOneInput(): what libFuzzer and the replay
/// of this folder need to know of it.
namespace axs::fuzz {

struct Target {
  /// Inputs that get past the first checks; mutations begin with them.
  std::vector<ByteVector> (*seeds)();
  /// How many mutations the replay tries: seconds of them under a sanitizer.
  std::size_t mutations = 10'000;
  /// An input of n bytes may make the program hold `base` + n * `per_byte` bytes of memory at once.
  std::size_t memory_base = 1 << 20;
  std::size_t memory_per_byte = 1 << 10;
};

extern const Target target;

inline ByteVector bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}
inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An input whose first byte says what the rest is.
inline ByteVector tagged(std::uint8_t tag, ByteView bytes) {
  ByteVector input(1 + bytes.size(), tag);
  std::copy(bytes.begin(), bytes.end(), input.begin() + 1);
  return input;
}

/// Takes an input apart: pieces, each with its size in 16 bits before it.
class Pieces {
 public:
  explicit Pieces(ByteView input) : rest_{input} {}
  bool empty() const { return rest_.empty(); }
  ByteView next() {
    std::size_t size = take();
    size |= static_cast<std::size_t>(take()) << 8;
    const ByteView piece = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(piece.size());
    return piece;
  }
  /// One byte, 0 at the end.
  std::uint8_t take() {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }

  static void append(ByteVector& input, ByteView piece) {
    input.push_back(static_cast<std::uint8_t>(piece.size()));
    input.push_back(static_cast<std::uint8_t>(piece.size() >> 8));
    input.insert(input.end(), piece.begin(), piece.end());
  }

 private:
  ByteView rest_;
};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
