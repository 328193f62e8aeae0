#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/simd.h"
#include "axs/orbit/sgp4.h"
#include "axs/orbit/sgp4_kernel.h"

namespace axs::orbit {

/// The states of a batch at one time; known by the index of the satellite.
class TemeStates {
 public:
  std::size_t size() const { return states_.size(); }
  TemeState operator[](std::size_t satellite) const;

 private:
  friend class Sgp4Batch;
  std::vector<TemeBlock> blocks_;
  std::vector<OrbitState> states_;
  std::vector<std::uint16_t> broken_;  ///< What the kernel left to do, a bit per lane.
};

/// Many satellites, propagated together with the vector instructions of the processor, with the
/// same bits at every SimdLevel. Nearly circular orbits near the earth go sixteen at a time, within
/// 0.1 mm of propagate() over a week; the others, and those that drag has changed much since their
/// epoch, are left to it.
class Sgp4Batch {
 public:
  /// All prepared with the same gravity model.
  explicit Sgp4Batch(std::vector<Sgp4> satellites, SimdLevel level = simd_level());

  std::span<const Sgp4> satellites() const { return satellites_; }
  /// All states at one time; `states` is made to fit and used again from call to call.
  void propagate(catalog::UtcTime at, TemeStates& states) const;

 private:
  void complete(std::size_t block, catalog::UtcTime at, TemeStates& states) const;

  std::vector<Sgp4> satellites_;
  SimdLevel level_;
  std::vector<Sgp4Block> blocks_;
  std::vector<std::uint16_t> left_out_;  ///< Not for the kernel, a bit per lane.
};

}  // namespace axs::orbit
