#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/fabric/site.h"
#include "axs/live/enrolment_calls.h"
#include "axs/live/hello_price.h"
#include "axs/live/link_sockets.h"
#include "axs/live/peer_session.h"
#include "axs/net/mtu_search.h"

namespace axs::live {

/// What a sealed packet holds, in its first byte. packet: the record of a net::Packet, then the
/// payloads of its DataFrames. hello, reply: the probes of net::PathMonitor. width, width_reply:
/// the probes of net::MtuSearch, a WidthProbe.
enum class PayloadKind : std::uint8_t { packet, hello, reply, width, width_reply };

/// A probe is filled up with zeros to the size that it tries; the reply goes over the same path.
struct WidthProbe {
  net::PathId path;
  std::uint32_t number{};
};

/// The connections of one site: a secure session with every other one, over all paths between them.
/// Packets for another site are relayed, unread. A site that has no certificate yet is enrolled
/// first, by the home site's agent, over the same paths.
class Overlay {
 public:
  struct Config {
    std::string run;
    SiteId self;
    net::Incarnation incarnation{};
    const catalog::Scenario& scenario;  ///< Must outlive the overlay.
    const net::Topology& topology;      ///< Likewise.
    SiteIdentity identity;              ///< A newcomer is enrolled first.
    std::optional<StoredDesk> desk{};   ///< At the home site: enrols the others.
    SiteId home{};                      ///< Whose agent has the desk.
    std::vector<AgentLink> links;
    /// Nothing authentic from a peer for so long: its session is given up.
    Duration patience = seconds(15);
  };
  struct Callbacks {
    /// `payloads` is exactly as long as the packet's DataFrames say; `waited`: since it reached the
    /// machine.
    std::function<void(SiteId from, net::Packet, ByteView payloads, Duration waited)> packet;
    std::function<void(fabric::Site::Event)> event;
    std::function<void(catalog::Fact)> fact;
    /// What a newcomer has become: to be on the disk when this returns.
    std::function<Result<>(const Credentials&)> enrolled{};
    /// The site can have no certificate, or the disk no more records: nothing more will come.
    std::function<void(Error)> failed{};
  };

  /// Opens all sockets and begins to look for the peers as soon as the loop runs.
  static Result<std::unique_ptr<Overlay>> open(host::Loop& loop, Config config,
                                               Callbacks callbacks);
  Overlay(const Overlay&) = delete;
  ~Overlay();

  /// Seals the payload (a PayloadKind and what belongs to it) and queues it; lost if there is no
  /// session.
  void send(SiteId to, net::PathId path, ByteView plain);
  void send(SiteId to, const net::Hello& hello);
  void send(SiteId to, const net::HelloReply& reply);
  /// Since the start, for metrics.
  const LinkSockets& sockets() const { return *sockets_; }
  std::uint64_t relayed() const { return relayed_; }
  /// By peer: sealed packets that no key of the session opens.
  const std::map<SiteId, std::uint64_t>& unopened() const { return unopened_; }
  /// Sends what is queued, unless packets are being received: then it goes behind them.
  void flush();
  /// Hands over what has come and was left for later. To be called before Wakeup events, for which
  /// silence counts.
  void catch_up() { sockets_->catch_up(); }

 private:
  struct Peer {
    PeerSession session;
    std::span<const net::CandidatePath> paths;
    std::vector<net::MtuSearch> widths;  ///< By path.
    Instant heard_at{};
    bool up = false;
  };

  Overlay(host::Loop& loop, Config config, Callbacks callbacks);
  Result<> prepare();
  Result<> open_sockets();
  Result<> prepare_call(const Newcomer& newcomer);
  void begin();
  void add_peers(const Credentials& own);
  void open_tunnels();

  template <class Message>
  void send(SiteId to, PayloadKind kind, const Message& message);
  void receive(std::span<std::uint8_t> packet);
  void relay(std::span<std::uint8_t> packet);
  void put(LinkId link, ByteView packet);
  void receive_enrolment(SiteId from, const net::OuterPacket& packet);
  void receive_handshake(SiteId from, const net::OuterPacket& packet);
  void receive_sealed(SiteId from, const net::OuterPacket& packet);
  void receive_packet(SiteId from, ByteView plain);
  void receive_hello(SiteId from, ByteView plain);
  void receive_reply(SiteId from, ByteView plain);
  void receive_width(SiteId from, ByteView plain);
  void receive_width_reply(SiteId from, ByteView plain);

  void measure_width(SiteId to, net::PathId path, const net::MtuEvent& event);
  bool send_width_probe(SiteId to, net::PathId path, const net::SendMtuProbe& probe);
  void tell_width(SiteId to, net::PathId path);
  void wake_widths(SiteId id, Peer& peer);

  void wake();
  void wake_peer(SiteId id, Peer& peer);
  void attend(SiteId id);
  void attend_enrolment();
  void attend_call();
  void attend_desk();
  void join(const Result<Credentials>& outcome);
  void send_segment(SiteId to, const net::MarkKey& key, const net::HandshakeSegment& segment);
  void arm_timer();
  void price_hellos();
  const std::string& name(SiteId site) const { return config_.scenario.sites[site.value].name; }

  host::Loop& loop_;
  Config config_;
  Callbacks callbacks_;
  net::MarkKey handshake_key_;
  net::MarkKey enrolment_key_;
  std::unique_ptr<LinkSockets> sockets_;
  std::map<SiteId, Peer> peers_;      ///< Empty before the site is enrolled.
  std::unique_ptr<CallToDesk> call_;  ///< Until then.
  std::unique_ptr<CallsAtDesk> desk_;
  host::TimerId opening_{};
  std::optional<host::TimerId> timer_;
  std::optional<host::TimerId> pricing_;
  HelloPrice hello_price_;
  HelloPrice::Used used_;
  ByteVector plain_;  ///< Of the packet to be sealed; kept for its memory.
  bool receiving_ = false;
  /// Of the packet being received.
  struct Arrival {
    LinkId link;
    Duration waited{};
  };
  Arrival arrival_;
  bool rearm_ = true;  ///< The timer may have to ring earlier.
  std::uint64_t relayed_ = 0;
  std::map<SiteId, std::uint64_t> unopened_;
};

}  // namespace axs::live
