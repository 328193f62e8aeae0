#include "axs/codec/float_planes.h"

#include <bit>

#include "axs/core/assert.h"

namespace axs::codec {

void split_planes(std::span<const float> values, const BytePlanes& planes) {
  const std::size_t n = values.size();
  for (const auto plane : planes) AXS_ASSERT(plane.size() == n);
  std::uint8_t* __restrict p0 = planes[0].data();
  std::uint8_t* __restrict p1 = planes[1].data();
  std::uint8_t* __restrict p2 = planes[2].data();
  std::uint8_t* __restrict p3 = planes[3].data();
  for (std::size_t i = 0; i < n; ++i) {
    // The sign moves to the bottom, so that the exponent fills a byte of its own.
    const std::uint32_t bits = std::rotl(std::bit_cast<std::uint32_t>(values[i]), 1);
    p0[i] = static_cast<std::uint8_t>(bits);
    p1[i] = static_cast<std::uint8_t>(bits >> 8);
    p2[i] = static_cast<std::uint8_t>(bits >> 16);
    p3[i] = static_cast<std::uint8_t>(bits >> 24);
  }
}

void join_planes(const BytePlanes& planes, std::span<float> values) {
  const std::size_t n = values.size();
  for (const auto plane : planes) AXS_ASSERT(plane.size() == n);
  const std::uint8_t* p0 = planes[0].data();
  const std::uint8_t* p1 = planes[1].data();
  const std::uint8_t* p2 = planes[2].data();
  const std::uint8_t* p3 = planes[3].data();
  float* __restrict out = values.data();
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = std::uint32_t{p0[i]} | (std::uint32_t{p1[i]} << 8) |
                               (std::uint32_t{p2[i]} << 16) | (std::uint32_t{p3[i]} << 24);
    out[i] = std::bit_cast<float>(std::rotr(bits, 1));
  }
}

}  // namespace axs::codec
