#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "axs/twin/dead_paths.h"
#include "axs/twin/twin.h"

namespace axs::twin {

/// Keeps the books of a twin's network and says which promise was broken:
/// - no loop: no packet comes back to where it left, or crosses more links than a path has;
/// - no plaintext: nothing that a message says is to be read on a link;
/// - every message between two incarnations of two agents is delivered once, and acknowledged once
///   after it was delivered;
/// - no black hole: no data leaves on a path that has been dead for longer than its own monitor
///   allowed it to be silent when it died, and one propagation, while the peer was heard on
///   another.
/// What follows after the last fault is in convergence.h.
class Promises final : public Witness {
 public:
  /// Watches for black holes too, which it judges by what the agents of this world believe.
  void attend(const Twin& world) { world_ = &world; }

  void started(SiteId site) override;
  void died(SiteId site) override;
  void cut_or_healed(LinkId link) override;
  void learns(SiteId site, const fabric::Site::Event& event) override;
  void decided(SiteId site, const fabric::Site::Action& action) override;
  void on_wire(SiteId site, LinkId link, ByteView packet) override;
  void arrived(SiteId from, SiteId to, SiteId at, std::uint32_t links) override;

  /// Data left on a way that is dead.
  void judge(const Way& way, const DeadPaths::Use& use);
  /// Looks for messages that have waited since before `calm`; all agents live.
  void settle(Instant calm);

  /// In words; empty if all is well. At most some dozens are kept.
  const std::vector<std::string>& complaints() const { return complaints_; }
  void complain(const std::string& what);
  /// The longest that data stayed on a dead path, as a share of what was allowed.
  double worst_black_hole() const { return worst_black_hole_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t delivered() const { return delivered_count_; }

 private:
  using Pair = std::pair<SiteId, SiteId>;  ///< Sender, receiver.
  using Key = std::pair<net::TrafficClass, std::uint64_t>;
  struct Books {
    std::map<Key, Instant> waiting;  ///< Said by the sender's incarnation, not acknowledged.
    std::set<Key> said;              ///< By any incarnation of the sender.
    std::set<Key> delivered;         ///< Between these two incarnations.
    std::set<Key> ever_delivered;    ///< Of the sender's incarnation, to any of the receiver.
  };

  void on(SiteId site, const fabric::Site::TransmitPacket& action);
  void on(SiteId site, const fabric::Site::HoldMessage& action);
  void on(SiteId site, const fabric::Site::ReadMessage& action);
  void on(SiteId site, const fabric::Site::ReleaseMessage& action);
  void on(SiteId site, const fabric::Site::DropBytes& action);
  template <class Other>
  void on(SiteId, const Other&) {}
  Instant now() const { return world_ != nullptr ? world_->now() : Instant{}; }
  void hears(const Way& way);
  void survey();
  const net::CandidatePath& path_of(const Way& way) const;
  Duration allowance(const Way& way) const;
  Instant judged(const Way& way) const;

  const Twin* world_ = nullptr;
  std::map<Pair, Books> books_;
  DeadPaths dead_paths_;
  std::vector<std::string> complaints_;
  double worst_black_hole_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t delivered_count_ = 0;
};

}  // namespace axs::twin
