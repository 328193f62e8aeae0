#pragma once

#include <optional>
#include <vector>

#include "axs/live/tls.h"
#include "axs/net/seal.h"
#include "axs/net/tunnel.h"

namespace axs::live {

/// The secure session with one peer: performs what net::TunnelPolicy decides with real TLS, and
/// seals and opens the packets under its keys. It opens no socket: packets to send are taken from
/// it.
class PeerSession {
 public:
  struct Config {
    SiteId self;
    SiteId peer;
    net::Incarnation incarnation{};  ///< Of this agent, from 1.
    Identity identity;               ///< Whom the peer must prove to be.
    Credentials own;
    net::VersionRange versions = net::spoken_versions;
  };
  explicit PeerSession(Config config);

  /// Wants the session from now on.
  void open_tunnel(Instant now) { step(now, net::OpenTunnel{}); }
  /// Nothing authentic came for too long: begins again, with new keys.
  void restart(Instant now);
  std::optional<Instant> wakeup() const { return policy_.wakeup(); }
  void wake(Instant now) { step(now, Wakeup{}); }

  /// Takes a segment of a handshake packet, from anyone in the run; what makes no sense is ignored.
  void take_handshake(Instant now, net::HandshakeSegment segment) {
    step(now, net::SegmentArrived{std::move(segment)});
  }
  /// The plain text of a sealed packet, or nothing if it is no packet of this session. Valid until
  /// the next call.
  std::optional<ByteView> open(Instant now, const net::OuterPacket& packet);
  /// Seals into the beginning of `room` and says how large the packet is; nothing if there are no
  /// keys now, or no room.
  std::optional<std::size_t> seal(const net::RelayLinks& relays, ByteView plain,
                                  std::span<std::uint8_t> room);

  // What happened since it was last asked.
  /// Segments in the clear, each to be put into handshake_packet() for a path.
  std::vector<net::HandshakeSegment> take_segments() { return std::exchange(segments_, {}); }
  /// A session with this incarnation of the peer has come up.
  std::optional<net::Incarnation> take_established() { return std::exchange(established_, {}); }
  /// Gives the keys of that session away, to one who seals and opens by itself.
  std::optional<net::SecureSession> take_session() { return std::exchange(session_, {}); }
  /// Whether keys that were given away are to be replaced.
  bool take_rekey() { return std::exchange(rekey_, false); }
  /// Of the messages in the session that came up last.
  std::uint16_t version() const { return version_; }
  /// Why a handshake failed.
  std::optional<Error> take_failure() { return std::exchange(failure_, {}); }

 private:
  struct Handshake {
    net::HandshakeId id;
    TlsEndpoint tls;
  };

  void step(Instant now, const net::TunnelEvent& event);
  void perform(net::SendSegment& action);
  void perform(net::StartTls& action);
  void perform(net::FeedTls& action);
  void perform(net::DropTls& action);
  void perform(net::Establish& action);
  void perform(net::Rekey& action);
  void pump(const Result<>& fed);

  Config config_;
  net::TunnelPolicy policy_;
  std::optional<Handshake> handshake_;
  std::optional<net::SecureSession> session_;
  ByteVector plain_;
  std::vector<net::HandshakeSegment> segments_;
  std::optional<net::Incarnation> established_;
  bool rekey_ = false;
  std::uint16_t version_ = 0;
  std::optional<Error> failure_;
  Instant now_;
};

}  // namespace axs::live
