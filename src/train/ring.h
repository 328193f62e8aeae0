#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "axs/core/id.h"
#include "axs/train/decision.h"
#include "axs/train/fragments.h"

/// The ring all-reduce of plain synchronous data parallelism (Patarasuk, Yuan 2009):
/// reduce-scatter, then all-gather, in pieces that follow each other without waiting.
namespace axs::train {

/// How a gradient is cut and travels. It is cut into a segment per site and each segment into
/// pieces. A piece of segment s goes from site s round the ring in 2(n - 1) hops: on the first
/// n - 1 each receiver adds its own values, on the others it copies the sum. So the sum of a
/// segment is always taken in the order s, s + 1, ..., whatever arrives when, and all sites end
/// with the same bits.
struct RingShape {
  std::uint32_t sites = 1;
  std::uint32_t pieces_per_segment = 1;
  std::uint64_t values = 0;

  std::uint32_t pieces() const { return sites * pieces_per_segment; }
  std::uint32_t hops() const { return 2 * (sites - 1); }
  /// Where the values of a piece lie in the gradient.
  FlatRange range(std::uint32_t piece) const;
  /// Who sends a piece on its hop; the next site receives it.
  SiteId sender(std::uint32_t piece, std::uint32_t hop) const;
  bool operator==(const RingShape&) const = default;
};

/// Pieces of about 64 KiB: small beside a segment, so that a link is never idle while the site
/// behind it waits for the rest, and large beside the cost of a message.
RingShape ring_shape(std::uint64_t values, std::uint32_t sites);

/// The site after this one on the ring.
constexpr SiteId right_of(SiteId site, std::uint32_t sites) {
  return {(site.value + 1) % sites};
}

/// One site's books of one all-reduce: what came, what is to be done with it, what is left.
class RingReduce {
 public:
  RingReduce(RingShape shape, SiteId self);

  enum class Use { add, copy };
  struct Taken {
    FlatRange range;
    Use use{};                              ///< add to the site's own values, or replace them
    std::optional<std::uint32_t> next_hop;  ///< on which the outcome goes to the next site
  };
  /// A piece has come. Nothing if no honest neighbour sends it, or if it came before.
  std::optional<Taken> take(std::uint32_t piece, std::uint32_t hop);
  /// The pieces that this site sends first, once its own gradient is there: [first, end).
  std::uint32_t first_own() const { return self_.value * shape_.pieces_per_segment; }
  std::uint32_t end_own() const { return first_own() + shape_.pieces_per_segment; }
  /// All sums are here.
  bool complete() const { return summed_ == shape_.pieces() || shape_.sites == 1; }
  const RingShape& shape() const { return shape_; }

 private:
  RingShape shape_;
  SiteId self_;
  std::vector<bool> came_;  ///< by piece, then added and copied
  std::uint32_t summed_ = 0;
};

}  // namespace axs::train
