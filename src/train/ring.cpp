#include "axs/train/ring.h"

#include <algorithm>

namespace axs::train {

namespace {
constexpr std::uint64_t piece_values = 16 * 1024;
}

FlatRange RingShape::range(std::uint32_t piece) const {
  const std::uint64_t begin = values * piece / pieces(), end = values * (piece + 1) / pieces();
  return {begin, end - begin};
}

SiteId RingShape::sender(std::uint32_t piece, std::uint32_t hop) const {
  return {(piece / pieces_per_segment + hop) % sites};
}

RingShape ring_shape(std::uint64_t values, std::uint32_t sites) {
  const std::uint64_t pieces = (values + piece_values * sites - 1) / (piece_values * sites);
  return {sites, static_cast<std::uint32_t>(std::max<std::uint64_t>(1, pieces)), values};
}

RingReduce::RingReduce(RingShape shape, SiteId self)
    : shape_{shape}, self_{self}, came_(std::size_t{2} * shape.pieces()) {}

std::optional<RingReduce::Taken> RingReduce::take(std::uint32_t piece, std::uint32_t hop) {
  if (piece >= shape_.pieces() || hop >= shape_.hops()) return std::nullopt;
  if (right_of(shape_.sender(piece, hop), shape_.sites) != self_) return std::nullopt;
  const bool adds = hop + 1 < shape_.sites;
  if (came_[2 * piece + (adds ? 0 : 1)]) return std::nullopt;
  came_[2 * piece + (adds ? 0 : 1)] = true;
  if (hop + 2 >= shape_.sites) ++summed_;
  Taken taken{shape_.range(piece), adds ? Use::add : Use::copy, std::nullopt};
  if (hop + 1 < shape_.hops()) taken.next_hop = hop + 1;
  return taken;
}

}  // namespace axs::train
