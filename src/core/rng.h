#pragma once

#include <cstdint>

namespace axs {

/// SplitMix64 (Steele, Lea, Flood 2014). <random> distributions are implementation-defined, so we
/// draw our own.
class Rng {
  __extension__ using Wide = unsigned __int128;

 public:
  constexpr explicit Rng(std::uint64_t seed) : seed_{seed}, state_{seed} {}

  constexpr std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1).
  constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform in [0, bound); bound > 0. Multiply-shift (Lemire 2019), bias below bound / 2^64.
  constexpr std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }
  /// True with probability p.
  constexpr bool chance(double p) { return uniform() < p; }
  /// An independent stream that depends on the seed and `stream` alone, not on the draws or forks
  /// before it.
  constexpr Rng fork(std::uint64_t stream) const {
    return Rng{Rng{seed_ ^ (stream * 0x9e3779b97f4a7c15)}.next()};
  }

 private:
  std::uint64_t seed_;
  std::uint64_t state_;
};

}  // namespace axs
