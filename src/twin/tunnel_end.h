#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "axs/core/digest.h"
#include "axs/core/rng.h"
#include "axs/net/seal.h"
#include "axs/net/tunnel.h"

namespace axs::twin {

/// Stands in for TLS 1.3: four flights of about its sizes, client first, and keys that follow from
/// the nonces of both ends. It proves nobody's identity.
class HandshakeModel {
 public:
  HandshakeModel(net::TlsRole role, std::uint64_t nonce);
  void feed(ByteView bytes);
  ByteVector take_output() { return std::exchange(output_, {}); }
  bool finished() const { return finished_; }
  /// Once it has finished.
  Key256 secret() const;

 private:
  void send_next();

  net::TlsRole role_;
  std::uint64_t nonce_;
  std::uint64_t peer_nonce_ = 0;
  std::size_t next_flight_;
  ByteVector incoming_, output_;
  bool finished_ = false;
};

/// One end of the tunnel between two sites: performs what net::TunnelPolicy decides. It is what
/// the live agents have in live/peer_session.h, with a model in the place of TLS.
class TunnelEnd {
 public:
  struct Config {
    SiteId self;
    SiteId peer;
    net::Incarnation incarnation{};
    Duration rekey_after = net::TunnelConfig{}.rekey_after;
    std::uint64_t seed = 0;
  };
  /// As live agents have it: a peer that was away is found again soon.
  static constexpr Duration retry_max = seconds(4);

  TunnelEnd(const Config& config, Digest& digest);

  /// Wants the tunnel from now on.
  void open(Instant now);
  void take(Instant now, net::HandshakeSegment segment);
  void wake(Instant now);
  std::optional<Instant> wakeup() const;
  /// Each to be sent over all paths.
  std::vector<net::HandshakeSegment> take_segments() { return std::exchange(segments_, {}); }

  /// Which keys it holds; none: nothing can be sent.
  std::optional<std::uint32_t> session() const;
  /// Seals into `packet`; false if there are no keys.
  bool seal(const net::RelayLinks& relays, ByteView plain, ByteVector& packet);
  /// The plain text of a packet of this session.
  std::optional<ByteVector> open_packet(Instant now, const net::OuterPacket& packet);
  /// Something authentic came.
  void heard(Instant now) { heard_at_ = now; }

  std::optional<Instant> wakes_at{};  ///< For the world: the wakeup that it has scheduled.

 private:
  void step(Instant now, const net::TunnelEvent& event);
  void perform(net::SendSegment& action) { segments_.push_back(std::move(action.segment)); }
  void perform(const net::StartTls& action);
  void perform(const net::FeedTls& action);
  void perform(const net::DropTls& action);
  void perform(const net::Establish&);
  void perform(const net::Rekey&);
  void pump();

  Config config_;
  Digest* digest_;
  net::TunnelPolicy policy_;
  std::optional<std::pair<net::HandshakeId, HandshakeModel>> handshake_;
  std::uint64_t handshakes_ = 0;
  std::optional<net::SecureSession> session_;
  std::vector<net::HandshakeSegment> segments_;
  Instant heard_at_{};
  Instant now_{};
};

}  // namespace axs::twin
