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
#include "axs/live/link_sockets.h"
#include "axs/live/peer_session.h"

namespace axs::live {

/// What a sealed packet holds, in its first byte. packet: the record of a net::Packet, then the
/// payloads of its DataFrames. hello, reply: the probes of net::PathMonitor.
enum class PayloadKind : std::uint8_t { packet, hello, reply };

/// The connections of one site: a secure session with every other one, over all paths between them.
/// Packets for another site are relayed, unread.
class Overlay {
 public:
  struct Config {
    std::string run;
    SiteId self;
    net::Incarnation incarnation{};
    const catalog::Scenario& scenario;  ///< Must outlive the overlay.
    const net::Topology& topology;      ///< Likewise.
    Credentials credentials;
    std::vector<AgentLink> links;
    /// Nothing authentic from a peer for so long: its session is given up.
    Duration patience = seconds(15);
  };
  struct Callbacks {
    /// `payloads` is exactly as long as the packet's DataFrames say.
    std::function<void(SiteId from, net::Packet, ByteView payloads)> packet;
    std::function<void(fabric::Site::Event)> event;
    std::function<void(catalog::Fact)> fact;
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
  /// Sends what is queued, unless packets are being received: then it goes behind them.
  void flush();

 private:
  struct Peer {
    PeerSession session;
    std::span<const net::CandidatePath> paths;
    Instant heard_at{};
    bool up = false;
  };

  Overlay(host::Loop& loop, Config config, Callbacks callbacks);
  void add_peer(SiteId peer);

  void receive(ByteView packet);
  void relay(ByteView packet);
  void receive_sealed(SiteId from, const net::OuterPacket& packet);
  void receive_packet(SiteId from, ByteView plain);
  void receive_hello(SiteId from, ByteView plain);
  void receive_reply(SiteId from, ByteView plain);

  void wake();
  void wake_peer(SiteId id, Peer& peer);
  void attend(SiteId id);
  void send_handshake(SiteId id, const net::HandshakeSegment& segment);
  void arm_timer();
  const std::string& name(SiteId site) const { return config_.scenario.sites[site.value].name; }

  host::Loop& loop_;
  Config config_;
  Callbacks callbacks_;
  net::MarkKey handshake_key_;
  std::unique_ptr<LinkSockets> sockets_;
  std::map<SiteId, Peer> peers_;
  host::TimerId opening_{};
  std::optional<host::TimerId> timer_;
  bool receiving_ = false;
};

}  // namespace axs::live
