#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "axs/core/crypto.h"
#include "axs/core/id.h"

namespace axs::train {

/// The number of one synchronisation of one fragment. It only grows: sync q moves fragment q mod P,
/// so a round of the whole model is P syncs. It is also the slot of the agreement between sites,
/// and fences what is late.
struct SyncId {
  std::uint64_t value{};
  constexpr auto operator<=>(const SyncId&) const = default;
};
constexpr SyncId next(SyncId sync) {
  return {sync.value + 1};
}
constexpr std::uint32_t fragment_of(SyncId sync, std::uint32_t fragments) {
  return static_cast<std::uint32_t>(sync.value % fragments);
}

/// Tokens [begin, end) of the data shard of one site; a site reads its shard in this order, once.
struct TokenRange {
  std::uint64_t begin{};
  std::uint64_t end{};
  constexpr std::uint64_t count() const { return end - begin; }
  constexpr auto operator<=>(const TokenRange&) const = default;
};

/// What one site puts into one sync: the encoded pseudo-gradient of the fragment over these tokens.
struct Contribution {
  SiteId site;
  TokenRange tokens;
  Hash256 content{};  ///< SHA-256 of the encoded bytes
  std::uint64_t size{};
  auto operator<=>(const Contribution&) const = default;
};

/// Where a site stops near the end of the budget: the position in its shard.
struct StopAt {
  SiteId site;
  std::uint64_t position{};
  auto operator<=>(const StopAt&) const = default;
};

/// What all sites do at one sync: merge exactly these contributions, in the order of their sites,
/// weighted by their tokens. Empty: the fragment stays as it is.
struct Decision {
  std::vector<Contribution> members;
  std::vector<StopAt>
      stops;          ///< not empty once the end of the budget is in sight; the newest count
  bool last = false;  ///< nothing follows
  auto operator<=>(const Decision&) const = default;
};

/// Bytes of a contribution that a transport certainly carries.
inline constexpr std::uint64_t contribution_carried = std::uint64_t{1} << 29;

/// What the sites of a job have agreed on before they say anything.
struct Bounds {
  std::uint32_t sites = 1;
  std::uint64_t contribution = contribution_carried;  ///< none has more bytes
};

/// Whether this makes sense by itself, within these bounds: what comes from a peer is looked at
/// before it is believed. Members are in the order of their sites, each once.
bool well_formed(const Contribution& contribution, const Bounds& bounds);
bool well_formed(const Decision& decision, const Bounds& bounds);

}  // namespace axs::train
