#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "axs/twin/twin.h"

namespace axs::twin {

/// Keeps the books of a twin's network and says which promise was broken:
/// - no loop: no packet comes back to where it left, or crosses more links than a path has;
/// - no plaintext: nothing that a message says is to be read on a link;
/// - every message between two incarnations of two agents is delivered once, and acknowledged once
///   after it was delivered;
/// - no black hole: traffic stays no longer than the bound on a path that is dead while another is
///   known to live;
/// - after the last fault all tunnels and paths are up again in time, and nothing is left unsaid.
class Promises final : public Witness {
 public:
  /// So long after the last fault: a lost session is tried again every four seconds.
  static constexpr Duration convergence_limit = seconds(20);

  void started(SiteId site) override;
  void died(SiteId site) override;
  void decided(SiteId site, const fabric::Site::Action& action) override;
  void on_wire(SiteId site, LinkId link, ByteView packet) override;
  void arrived(SiteId from, SiteId to, SiteId at, std::uint32_t links) override;

  /// Looks for traffic on dead paths; to be called every look_every.
  static constexpr Duration look_every = milliseconds(50);
  void look(const Twin& world, Instant now);
  /// Whether every agent has keys for, and hears, every other one over every path.
  static bool converged(const Twin& world);
  /// Looks for messages that have waited since before `calm`; all agents live.
  void settle(Instant calm);

  /// In words; empty if all is well. At most some dozens are kept.
  const std::vector<std::string>& complaints() const { return complaints_; }
  void complain(const std::string& what);
  /// The longest that traffic stayed on a dead path, as a share of what was allowed.
  double worst_black_hole() const { return worst_black_hole_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t delivered() const { return delivered_count_; }

 private:
  using Pair = std::pair<SiteId, SiteId>;  ///< Sender, receiver.
  using Key = std::pair<net::TrafficClass, std::uint64_t>;
  using Where = std::tuple<SiteId, SiteId, std::size_t>;  ///< From, to, class of traffic.
  struct Books {
    std::map<Key, Instant> waiting;  ///< Said by the sender's incarnation, not acknowledged.
    std::set<Key> said;              ///< By any incarnation of the sender.
    std::set<Key> delivered;         ///< Between these two incarnations.
    std::set<Key> ever_delivered;    ///< Of the sender's incarnation, to any of the receiver.
  };
  struct Hole {
    net::PathId path;
    Instant since;
    std::uint32_t others;  ///< Paths that have lived all the time, a bit each.
  };

  void on(SiteId site, const fabric::Site::HoldMessage& action);
  void on(SiteId site, const fabric::Site::ReadMessage& action);
  void on(SiteId site, const fabric::Site::ReleaseMessage& action);
  void on(SiteId site, const fabric::Site::DropBytes& action);
  template <class Other>
  void on(SiteId, const Other&) {}
  void look_at(const Twin& world, Pair pair);
  void look_at(const Twin& world, const Where& where, const net::PathMonitor& monitor);

  std::map<Pair, Books> books_;
  std::map<Where, Hole> holes_;
  std::vector<std::string> complaints_;
  Instant now_{};
  double worst_black_hole_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t delivered_count_ = 0;
};

}  // namespace axs::twin
