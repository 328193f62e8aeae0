#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "axs/core/id.h"
#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/core/units.h"
#include "axs/net/frame.h"
#include "axs/net/packet.h"

/// Which sites there are, what joins them, and the ways between two sites that agents probe.
namespace axs::net {

/// One thing that can be cut: a fibre or a radio link between two sites. There may be several
/// between the same two.
struct UnderlayLink {
  LinkId id;
  SiteId a;
  SiteId b;
  /// What the link is expected to take one way, from its geometry. It only says which candidates to
  /// keep when there are too many.
  Duration nominal{};
  BytesPerSecond rate_ab{};  ///< 0 if not known.
  BytesPerSecond rate_ba{};
};

/// One way from a site to another: a link, or two links with a third site between them.
struct CandidatePath {
  static constexpr std::size_t max_hops = 2;
  PathId id;
  std::array<LinkId, max_hops> links{};  ///< As the packets meet them.
  std::uint8_t hops{};
  Duration nominal{};     ///< The sum over the links.
  BytesPerSecond rate{};  ///< The least of the links, 0 if one of them is not known.

  std::span<const LinkId> span() const { return {links.data(), hops}; }
  /// What the outer header of a packet on this path says; the sender itself sends on links[0].
  RelayLinks relay_links() const;
};

/// Whether no link is on both paths: one cut cannot take both.
bool link_disjoint(const CandidatePath& a, const CandidatePath& b);

/// The sites and links of a run, which every agent and the controller know alike.
class Topology {
 public:
  /// Transport::max_paths.
  static constexpr std::size_t max_paths = 16;

  /// Refuses a link with an unknown end, with both ends at one site, or with the id of another.
  static Result<Topology> make(std::vector<SiteId> sites, std::vector<UnderlayLink> links);

  std::span<const SiteId> sites() const { return sites_; }
  std::span<const UnderlayLink> links() const { return links_; }

  /// The candidates from one site to another, by PathId: direct links first, then the ways through
  /// one relay, each group by nominal delay and then by link ids; of more than max_paths the last
  /// are left out. Both ends number them alike; the far end sees the links in reverse. Both sites
  /// must be known; empty if no path of at most two links joins them.
  const std::vector<CandidatePath>& paths(SiteId from, SiteId to) const;

 private:
  /// A link as seen from one of its ends.
  struct Outgoing {
    LinkId id;
    Duration nominal{};
    BytesPerSecond rate{};
    BytesPerSecond rate_back{};
  };

  std::optional<std::size_t> index(SiteId site) const;
  std::size_t cell(std::size_t from, std::size_t to) const { return from * sites_.size() + to; }
  Result<> add(const UnderlayLink& link);
  void enumerate(std::size_t low, std::size_t high);

  std::vector<SiteId> sites_;                      ///< Sorted.
  std::vector<UnderlayLink> links_;                ///< Sorted by id.
  std::vector<std::vector<Outgoing>> outgoing_;    ///< By cell.
  std::vector<std::vector<CandidatePath>> paths_;  ///< By cell.
};

}  // namespace axs::net
