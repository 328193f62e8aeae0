#pragma once

#include <array>
#include <cstdint>
#include <span>

/// Splits floats into bytes of like meaning, which compress where the floats themselves do not:
/// plane 3 is the exponent, plane 2 the eight highest bits of the fraction, plane 0 the lowest
/// seven and the sign. (As ZipNN does, Hershcovitch et al. 2024, arXiv 2411.05239.)
namespace axs::codec {

/// planes[k][i] is byte k of value i; all spans are equally long.
using BytePlanes = std::array<std::span<std::uint8_t>, 4>;

void split_planes(std::span<const float> values, const BytePlanes& planes);

/// Undoes split_planes, bit by bit.
void join_planes(const BytePlanes& planes, std::span<float> values);

}  // namespace axs::codec
