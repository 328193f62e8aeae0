#pragma once

#include <compare>
#include <optional>
#include <variant>
#include <vector>

#include "axs/core/crypto.h"
#include "axs/core/id.h"
#include "axs/core/policy.h"
#include "axs/net/handshake_stream.h"
#include "axs/net/packet.h"

/// How two sites come to share keys: a state machine for one peer that carries a TLS handshake over
/// lossy datagrams and says when its keys are to be used. The world owns the TLS object and the
/// keys; no secret passes through here.
namespace axs::net {

/// Counts the starts of a site's agent; a greater one replaces all that the lesser one had open.
/// From 1; 0 stands for not known.
using Incarnation = Id<struct IncarnationKind>;
/// Names one handshake of this agent; numbers only grow.
using HandshakeId = Id<struct HandshakeKind>;

/// ask: the TLS server wants a session, or has given up on `attempt`, and asks the client to begin.
/// stream: a piece of the attempt's byte stream, perhaps an empty one that only acknowledges.
enum class SegmentKind : std::uint8_t { ask, stream };

/// The payload of a handshake or enrolment packet, in to_wire() form.
struct HandshakeSegment {
  SegmentKind kind{};
  Incarnation from{};
  Incarnation to{};         ///< The receiver's incarnation, as far as the sender knows it.
  std::uint32_t attempt{};  ///< Counted by the TLS client.
  std::uint32_t offset{};
  std::uint32_t acknowledged{};  ///< The sender has all of the other direction before this.
  ByteVector data;
};

/// The key under which packets of one type that are not sealed are marked.
struct MarkKey {
  PacketType type{};
  Key256 value{};
};
/// For the handshake packets of one run: known to who knows the certificate of the run's authority,
/// which TLS 1.3 never shows on the wire. It keeps strangers and noise away from the handshake, as
/// mac1 does in WireGuard; it proves nobody's identity.
MarkKey handshake_key(const Hash256& authority);
/// Likewise for enrolment packets; no packet passes for one of the other type.
MarkKey enrolment_key(const Hash256& authority);

/// The whole packet that carries the segment, and a mark of 16 bytes over segment, source and
/// destination.
ByteVector handshake_packet(const MarkKey& key, const Envelope& envelope,
                            const HandshakeSegment& segment);
/// The segment in a packet of the key's type; corrupt if it is another packet or the mark is not
/// right.
Result<HandshakeSegment> parse_handshake(const MarkKey& key, const OuterPacket& packet);

/// The site with the lower id is the client, so both may open at once, unless the config says.
enum class TlsRole : std::uint8_t { client, server };

/// Somebody wants the session: keep trying until it is up, and again whenever it is lost.
struct OpenTunnel {};
/// Nothing authentic comes from the peer any more: the keys are dropped, begin again.
struct TunnelLost {};
struct SegmentArrived {
  HandshakeSegment segment;
};
/// The TLS object of this handshake has written something.
struct TlsOutput {
  HandshakeId handshake;
  ByteVector bytes;
};
/// The peer proved its identity and that it has the same keys. A server reports it when it has the
/// client's last flight; a client only when it has the server's confirmation after that, since in
/// TLS 1.3 it could not know otherwise that the server accepts its certificate.
struct TlsFinished {
  HandshakeId handshake;
};
/// The handshake cannot succeed; an alert for the peer came before as TlsOutput.
struct TlsFailed {
  HandshakeId handshake;
};
using TunnelEvent =
    std::variant<OpenTunnel, TunnelLost, SegmentArrived, TlsOutput, TlsFinished, TlsFailed, Wakeup>;

struct SendSegment {
  HandshakeSegment segment;
};
/// Make a TLS object for this handshake, in place of any other that is not finished; an established
/// session goes on meanwhile.
struct StartTls {
  HandshakeId handshake;
  TlsRole role{};
};
/// In-order bytes from the peer for the TLS object.
struct FeedTls {
  HandshakeId handshake;
  ByteVector bytes;
};
/// The handshake has come to nothing; forget its TLS object.
struct DropTls {
  HandshakeId handshake;
};
/// From now on packets are sealed and opened with the keys of this handshake only.
struct Establish {
  HandshakeId handshake;
  Incarnation peer;
};
/// Start the next key epoch: SecureSession::request_rekey().
struct Rekey {};
using TunnelAction = std::variant<SendSegment, StartTls, FeedTls, DropTls, Establish, Rekey>;

struct TunnelConfig {
  SiteId local{};
  SiteId peer{};
  Incarnation incarnation{};      ///< Of the local agent, from 1.
  std::optional<TlsRole> role{};  ///< The peer must have the other one.
  /// Unacknowledged bytes are sent again after this time, then after twice that, up to the maximum;
  /// progress resets it. RFC 9002 section 6.2.2 starts at 333 ms too.
  Duration resend_first = milliseconds(333);
  Duration resend_max = seconds(3);
  /// A handshake that takes longer has failed.
  Duration handshake_limit = seconds(20);
  /// The wait after a failure; each further failure doubles it, up to the maximum.
  Duration retry_first = seconds(1);
  Duration retry_max = seconds(30);
  /// The age at which a key is replaced; WireGuard and Rosenpass use the same two minutes.
  Duration rekey_after = seconds(120);
};

enum class TunnelPhase : std::uint8_t { idle, handshaking, up };

/// The session with one peer: idle, handshaking, up. A session stays up until a newer one is
/// established, so nobody can end it with forged handshake packets.
class TunnelPolicy {
 public:
  using Event = TunnelEvent;
  using Action = TunnelAction;

  /// The sites must differ.
  explicit TunnelPolicy(const TunnelConfig& config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const;

  TunnelPhase phase() const;
  TlsRole role() const {
    return config_.role.value_or(config_.local < config_.peer ? TlsRole::client : TlsRole::server);
  }

 private:
  enum class Stage { running, finished, failed };

  /// Orders attempts: a client's later attempts, and those of its later incarnations, are greater.
  struct AttemptKey {
    Incarnation client;
    std::uint32_t number{};
    auto operator<=>(const AttemptKey&) const = default;
  };
  struct Attempt {
    HandshakeId id;
    AttemptKey key;
    Incarnation peer{};  ///< Not known to a client before the first answer.
    Stage stage = Stage::running;
    Instant gives_up{};
    std::optional<Instant> resend_at{};
    Duration resend_after{};
    HandshakeStream stream{};
  };
  struct Session {
    AttemptKey key;
    Incarnation peer;
    std::optional<Instant> rekey_at;
  };

  void on(const OpenTunnel&);
  void on(const TunnelLost&);
  void on(const SegmentArrived& event);
  void on(const TlsOutput& event);
  void on(const TlsFinished& event);
  void on(const TlsFailed& event);
  void on(const Wakeup&);

  void on_ask(const HandshakeSegment& segment);
  bool belongs_to_attempt(const HandshakeSegment& segment);
  bool belongs_to_client_attempt(const HandshakeSegment& segment);
  bool belongs_to_server_attempt(const HandshakeSegment& segment);
  void take_stream(const HandshakeSegment& segment);

  bool running() const { return attempt_ && attempt_->stage == Stage::running; }
  bool live(HandshakeId id) const;
  void begin();
  void start_attempt(AttemptKey key);
  void fail_attempt();
  void ask_client(AttemptKey given_up);
  void retry_later();
  void send_pieces(const std::vector<HandshakeStream::Piece>& pieces);
  void send_piece(const HandshakeStream::Piece& piece);
  void rearm_resend();

  TunnelConfig config_;
  bool wanted_ = false;
  std::optional<Attempt> attempt_;  ///< The latest; kept when finished, to acknowledge repeats.
  std::optional<Session> session_;
  std::optional<Instant> retry_at_;
  Duration retry_after_;
  std::uint32_t attempts_ = 0;
  std::uint32_t handshakes_ = 0;
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
