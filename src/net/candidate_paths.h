#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/core/units.h"

namespace axs::net {

/// One direction of a link between two sites, which are numbered from 0.
struct DirectedLink {
  std::uint32_t from{};
  std::uint32_t to{};
  Duration latency{};
  BytesPerSecond capacity{};
};

/// Finds paths of any number of hops for traffic engineering. (`topology.h` lists those of at most
/// two links, which agents probe one by one.)
class CandidatePaths {
 public:
  /// As links, by their numbers, in the order of travel.
  using Path = std::vector<std::uint32_t>;

  /// Refuses a link with an unknown end, with both ends at one site, or with a negative latency.
  static Result<CandidatePaths> make(std::uint32_t sites, std::vector<DirectedLink> links);

  /// Up to `count` different loop-free paths: first the one of least latency, then each time the
  /// one of least latency where a link counts twice more for every path before it that uses it. So
  /// the paths part as far as that is not too long a way. Empty if there is no way at all.
  std::vector<Path> between(std::uint32_t from, std::uint32_t to, std::size_t count) const;

  std::span<const DirectedLink> links() const { return links_; }

 private:
  explicit CandidatePaths(std::uint32_t sites, std::vector<DirectedLink> links);
  void measure_to(std::uint32_t target);
  Path cheapest(std::uint32_t from, std::uint32_t to, const std::vector<int>& uses) const;

  std::uint32_t sites_;
  std::vector<DirectedLink> links_;
  std::vector<std::vector<std::uint32_t>> leaving_;   ///< By site.
  std::vector<std::vector<std::uint32_t>> arriving_;  ///< By site.
  std::vector<std::vector<std::int64_t>> to_go_;      ///< By target and site: the least latency.
};

}  // namespace axs::net
