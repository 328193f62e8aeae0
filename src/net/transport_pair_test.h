#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "axs/core/digest.h"
#include "axs/net/simulated_link_test.h"
#include "axs/net/transport.h"

namespace axs::net::test {

/// Two transports joined by simulated links under a virtual clock, and the books that the tests
/// check: what was sent, stored, delivered and acknowledged, byte by byte.
class TransportPair {
 public:
  using Side = std::size_t;  ///< 0 or 1.
  using Key = std::pair<TrafficClass, std::uint64_t>;

  struct Incoming {
    std::uint32_t total{};
    RangeSet bytes;
  };
  struct End {
    std::unique_ptr<Transport> transport;
    Transport::Config config;
    std::map<Key, std::uint64_t> sending;  ///< Sent by this incarnation, with sizes.
    std::map<Key, Instant> acknowledged;
    std::map<Key, Incoming> partial;
    std::map<std::pair<Key, RepairBlock>, std::set<std::uint32_t>> repairs;
    std::map<Key, Instant> delivered;  ///< From the peer's present incarnation.
    /// What all incarnations have sent, with sizes.
    std::map<std::pair<std::uint32_t, Key>, std::uint64_t> ever_sent;
    std::uint32_t peer = 0;  ///< The peer's incarnation that this end has met.
    std::uint64_t refused = 0;
    Duration clock_offset{};
    std::map<PathId, std::uint32_t> packet_size;  ///< Where it is not the config's.
  };

  explicit TransportPair(Transport::Config config = {}) {
    for (auto& end : ends_) {
      end.config = config;
      end.transport = std::make_unique<Transport>(config);
    }
    // One clock shows less than 0 throughout, the other passes 0 during a test.
    ends_[0].clock_offset = seconds(-3600);
    ends_[1].clock_offset = seconds(-2);
  }

  /// Joins the two by a path, its two directions alike but for their draws.
  void add_path(PathId path, const LinkModel& model, std::uint64_t seed = 1) {
    for (Side side : {0u, 1u})
      links_.emplace(std::pair{side, path},
                     SimulatedLink{model, Rng{seed}.fork(2u * path.value + side)});
    for (Side side : {0u, 1u}) event(side, PathUp{path});
  }
  void route(PathId primary, std::optional<PathId> backup = {}) {
    routes_ = {primary, backup};
    for (Side side : {0u, 1u})
      for (auto traffic : {TrafficClass::control, TrafficClass::gradient, TrafficClass::bulk})
        event(side, RouteSet{traffic, primary, backup});
  }
  /// Bulk uses all of these at once.
  void spread(std::vector<PathId> paths) {
    spread_ = std::move(paths);
    for (Side side : {0u, 1u}) event(side, SpreadSet{TrafficClass::bulk, spread_});
  }
  /// Bulk uses these alone, each at its rate.
  void lease(std::vector<PathId> paths, const std::vector<std::uint64_t>& rates) {
    event(0, SpreadSet{TrafficClass::bulk, std::move(paths), rates});
  }
  void send(Side from, Key key, std::uint64_t size) {
    ends_[from].sending[key] = size;
    ends_[from].ever_sent[{ends_[from].config.incarnation, key}] = size;
    event(from, SendMessage{key.first, key.second, size});
  }
  /// The agent dies and comes back as its next incarnation, with nothing of the one before.
  void restart(Side side) {
    End& end = ends_[side];
    end.config.incarnation++;
    end.transport = std::make_unique<Transport>(end.config);
    end.sending.clear();
    end.acknowledged.clear();
    end.partial.clear();
    end.repairs.clear();
    end.delivered.clear();
    end.peer = 0;
    end.packet_size.clear();
    for (const auto& [key, link] : links_)
      if (key.first == side) event(side, PathUp{key.second});
    for (auto traffic : {TrafficClass::control, TrafficClass::gradient, TrafficClass::bulk})
      event(side, RouteSet{traffic, routes_.first, routes_.second});
    event(side, SpreadSet{TrafficClass::bulk, spread_});
  }

  void event(Side side, const Transport::Event& event) {
    if (const auto* set = std::get_if<PacketSizeSet>(&event))
      ends_[side].packet_size[set->path] = set->bytes;
    actions_.clear();
    const Instant local = now_ + ends_[side].clock_offset;
    ends_[side].transport->step(local, event, actions_);
    digest_.record(local, static_cast<std::uint32_t>(side), event, actions_);
    const auto* received = std::get_if<PacketReceived>(&event);
    for (const auto& action : actions_)
      std::visit([&](const auto& held) { perform(side, received, held); }, action);
  }

  /// Runs until `until`, or until `done()` says so. False if it came to `until`.
  template <class Done>
  bool run(Instant until, Done&& done) {
    while (!done()) {
      const Instant next = next_instant();
      if (next > until) {
        now_ = until;
        return false;
      }
      AXS_ASSERT(next >= now_);
      now_ = next;
      step_once();
    }
    return true;
  }
  void run(Instant until) {
    run(until, [] { return false; });
  }

  Instant now() const { return now_; }
  End& end(Side side) { return ends_[side]; }
  SimulatedLink& link(Side from, PathId path) { return links_.at({from, path}); }
  PathStatistics statistics(Side side, PathId path) const {
    return *ends_[side].transport->statistics(path);
  }
  /// Broken promises, in words; empty if all is well.
  const std::vector<std::string>& complaints() const { return complaints_; }
  const Digest& digest() const { return digest_; }

 private:
  struct Arrival {
    Side to{};
    Packet packet;
  };

  Instant next_instant() const {
    Instant next{INT64_MAX};
    if (!in_flight_.empty()) next = in_flight_.begin()->first.first;
    for (const auto& end : ends_)
      if (const auto at = end.transport->wakeup())
        next = std::min(next, std::max(*at - end.clock_offset, now_));
    return next;
  }
  void step_once() {
    if (!in_flight_.empty() && in_flight_.begin()->first.first <= now_) {
      const Arrival arrival = std::move(in_flight_.extract(in_flight_.begin()).mapped());
      return event(arrival.to, PacketReceived{arrival.packet});
    }
    for (Side side : {0u, 1u}) {
      const auto at = ends_[side].transport->wakeup();
      if (at && *at - ends_[side].clock_offset <= now_) return event(side, Wakeup{});
    }
  }

  void complain(bool broken, const char* what) {
    if (broken) complaints_.emplace_back(what);
  }

  void perform(Side side, const PacketReceived*, const Transmit& action) {
    complain(action.size != wire_size(action.packet), "size of a packet");
    const PathId path = action.packet.path;
    const End& end = ends_[side];
    const auto set = end.packet_size.find(path);
    const bool is_set = set != end.packet_size.end();
    complain(action.size > (is_set ? set->second : end.config.packet_size), "packet too large");
    for (const Instant at : links_.at({side, path}).send(now_, action.size))
      in_flight_.emplace(std::pair{at, sequence_++}, Arrival{1 - side, action.packet});
  }
  void perform(Side side, const PacketReceived* received, const Stored& action) {
    const auto& data = std::get<DataFrame>(received->packet.frames.at(action.frame));
    complain(action.offset < data.offset ||
                 action.offset + action.length > data.offset + data.length ||
                 data.message != action.message || data.traffic != action.traffic,
             "bytes stored that the frame does not have");
    Incoming& incoming = ends_[side].partial[{action.traffic, action.message}];
    complain(incoming.total != 0 && incoming.total != action.total, "total changed");
    incoming.total = action.total;
    const Range bytes{action.offset, action.offset + action.length};
    complain(incoming.bytes.insert(bytes) != action.length, "bytes stored twice");
  }
  void perform(Side side, const PacketReceived* received, const RepairStored& action) {
    const auto& frame = std::get<RepairFrame>(received->packet.frames.at(action.frame));
    complain(frame.block != action.block || frame.index != action.index ||
                 frame.message != action.message || frame.traffic != action.traffic,
             "a repair kept that the frame does not have");
    const Key key{action.traffic, action.message};
    complain(!ends_[side].repairs[{key, action.block}].insert(action.index).second,
             "a repair kept twice");
  }
  /// The lost symbols can be worked out: so many repairs are there, and all other symbols.
  void perform(Side side, const PacketReceived*, const Rebuilt& action) {
    const Key key{action.traffic, action.message};
    End& end = ends_[side];
    Incoming& incoming = end.partial[key];
    const auto kept = end.repairs.extract({key, action.block});
    complain(kept.empty(), "rebuilt without repairs");
    complain(action.lost.size() != action.repairs.size(), "rebuilt by fewer repairs than are lost");
    for (const std::uint32_t repair : action.repairs)
      complain(kept.empty() || !kept.mapped().contains(repair), "rebuilt by a repair not kept");
    std::uint32_t lost = 0;
    for (std::uint32_t i = 0; i < action.block.symbols(action.total); ++i) {
      const Range symbol = action.block.symbol(i, action.total);
      const bool is_lost = lost < action.lost.size() && action.lost[lost] == i;
      complain(!is_lost && !incoming.bytes.contains(symbol), "rebuilt from what is not there");
      if (is_lost) ++lost, incoming.bytes.insert(symbol);
    }
    complain(lost != action.lost.size(), "rebuilt what is no symbol");
  }
  void forget_repairs(Side side, Key key) {
    std::erase_if(ends_[side].repairs, [&](const auto& held) { return held.first.first == key; });
  }
  void perform(Side side, const PacketReceived*, const Deliver& action) {
    const Key key{action.traffic, action.message};
    End& end = ends_[side];
    const auto& sent = ends_[1 - side].ever_sent;
    const auto found = sent.find({end.peer, key});
    complain(found == sent.end() || found->second != action.total, "delivered what was not sent");
    complain(!end.delivered.emplace(key, now_).second, "delivered twice");
    const std::vector<Range> whole{{0, action.total}};
    complain(end.partial[key].bytes.ranges() != whole, "delivered with bytes missing");
    end.partial.erase(key);
    forget_repairs(side, key);
  }
  void perform(Side side, const PacketReceived*, const Acknowledged& action) {
    const Key key{action.traffic, action.message};
    complain(!ends_[side].acknowledged.emplace(key, now_).second, "acknowledged twice");
    complain(!ends_[side].sending.contains(key), "acknowledged what was not sent");
  }
  void perform(Side side, const PacketReceived*, const Discarded& action) {
    complain(ends_[side].partial.erase({action.traffic, action.message}) != 1,
             "discarded what is not there");
    forget_repairs(side, {action.traffic, action.message});
  }
  void perform(Side side, const PacketReceived*, const PeerStarted& action) {
    complain(action.incarnation <= ends_[side].peer, "the peer went back in time");
    ends_[side].peer = action.incarnation;
    ends_[side].partial.clear();
    ends_[side].repairs.clear();
    ends_[side].delivered.clear();
  }
  void perform(Side side, const PacketReceived*, const Refused&) { ++ends_[side].refused; }

  std::array<End, 2> ends_;
  std::map<std::pair<Side, PathId>, SimulatedLink> links_;
  std::pair<PathId, std::optional<PathId>> routes_;
  std::vector<PathId> spread_;
  std::map<std::pair<Instant, std::uint64_t>, Arrival> in_flight_;
  std::uint64_t sequence_ = 0;
  Instant now_;
  std::vector<Transport::Action> actions_;
  std::vector<std::string> complaints_;
  Digest digest_;
};

}  // namespace axs::net::test
