#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "axs/core/id.h"
#include "axs/core/units.h"

namespace axs::twin {

using BundleId = Id<struct BundleTag>;

inline constexpr BytesPerSecond unlimited{std::numeric_limits<double>::infinity()};

/// Weighted max-min fair rates of bundles of flows over links (Bertsekas and Gallager, Data
/// Networks, 6.5.2), kept up to date as bundles and links change. A bundle stands for flows over
/// the same links with the same cap per weight: they all have the same rate per weight, the level.
/// Links saturate in the order of their levels, and a change moves nothing below the level at which
/// it is first felt (Ros-Giralt et al., "On the bottleneck structure of congestion-controlled
/// networks", SIGMETRICS 2020); so only what lies above, and shares a link with what changed, is
/// filled anew.
class FairShare {
 public:
  /// Of each link, by LinkId; finite.
  explicit FairShare(std::span<const BytesPerSecond> capacities);

  struct BundleConfig {
    std::span<const LinkId> path{};  ///< No link twice. Without a link the level is 0.
    BytesPerSecond cap = unlimited;  ///< Of the level.
    std::uint64_t weight = 1;  ///< > 0; the sum over its flows. Whole, so that sums are exact.
  };
  BundleId add(const BundleConfig& config);
  void remove(BundleId id);
  void set_weight(BundleId id, std::uint64_t weight);
  void set_path(BundleId id, std::span<const LinkId> path);
  /// 0 stops every bundle on the link.
  void set_capacity(LinkId id, BytesPerSecond capacity);

  /// Takes in what was changed since the last call; false if that is nothing. Until then levels and
  /// loads are the old ones.
  bool settle();
  /// After settle(): every bundle whose level or weight may have changed, maybe more than once or
  /// since removed, and every link whose load may have.
  std::span<const BundleId> touched_bundles() const { return opened_; }
  std::span<const LinkId> touched_links() const { return dirty_; }

  BytesPerSecond level(BundleId id) const { return BytesPerSecond{bundles_[id.value].level}; }
  BytesPerSecond load(LinkId id) const { return BytesPerSecond{links_[id.value].used}; }
  BytesPerSecond capacity(LinkId id) const { return BytesPerSecond{links_[id.value].capacity}; }

 private:
  /// Open: its level is being sought. Closed: found since the last call of settle().
  enum class State : std::uint8_t { old, open, closed };
  struct Bundle {
    double level{};
    double weight{};
    double cap{};
    State state{};
  };
  /// One link of a bundle's path, and where the bundle is among the link's members.
  struct Hop {
    std::uint32_t link;
    std::uint32_t position;
  };
  struct Member {
    std::uint32_t bundle;
    std::uint32_t hop;
  };
  struct Link {
    double capacity{};
    double used{};         ///< By members that have a level.
    double open_weight{};  ///< Of the others.
    std::uint32_t open_count{};
    std::uint32_t own{};      ///< The first members are those whose level this link decides.
    std::uint32_t touches{};  ///< Now and then `used` is added up anew, against rounding.
    bool dirty{};             ///< Its load may have changed.
    bool waiting{};           ///< To be put into the heap of stops.
    std::vector<Member> members;
  };
  /// Something that ends the rise of some levels, at the latest at `level`: a link, or a bundle's
  /// cap, by index, links first.
  struct Stop {
    double level;
    std::uint32_t index;
  };
  struct Later {
    bool operator()(const Stop& a, const Stop& b) const {
      return a.level > b.level || (a.level == b.level && a.index > b.index);
    }
  };

  void begin_changes();
  void attach(std::uint32_t bundle, std::span<const LinkId> path);
  void detach(std::uint32_t bundle);
  std::uint32_t move_member(Link& link, std::uint32_t from, std::uint32_t to);
  void open(std::uint32_t bundle);
  void open_members(std::uint32_t link, double above);
  void touch(std::uint32_t link);
  void spread();
  void push(Stop stop);
  Stop pop();
  double stop_level(const Link& link) const;
  void stop_at_link(std::uint32_t link);
  double recount(Link& link);
  void close(std::uint32_t bundle, double level);
  void make_own(Link& link, std::uint32_t position);

  std::vector<Bundle> bundles_;
  std::vector<std::vector<Hop>> hops_;  ///< By bundle.
  std::vector<Link> links_;
  std::vector<std::uint32_t> free_;

  std::vector<BundleId> opened_;
  std::vector<LinkId> dirty_;
  std::size_t spread_links_{};          ///< How many of dirty_ have opened their own bundles.
  std::size_t spread_bundles_{};        ///< How many of opened_ have put their cap into stops_.
  std::vector<std::uint32_t> waiting_;  ///< Links.
  std::vector<Stop> stops_;             ///< A heap, the lowest level on top.
  std::uint32_t open_bundles_{};
  bool settled_ = true;
};

}  // namespace axs::twin
