#pragma once

#include <optional>

#include "axs/core/crypto.h"
#include "axs/core/time.h"
#include "axs/net/packet.h"
#include "axs/net/replay_window.h"

/// Sealing and opening of packets under keys that both ends derive from one secret of the TLS
/// handshake. Per packet there is no allocation and no clock.
///
/// Key schedule, with HKDF-Expand: the secret of a direction in epoch 0 comes from the handshake's
/// secret, that of epoch n + 1 from that of epoch n, which is then forgotten; the packet key comes
/// from the secret of its epoch. Whoever steals the present secret cannot read past epochs.
namespace axs::net {

enum class Direction : std::uint8_t { client_to_server, server_to_client };

constexpr Direction reverse(Direction direction) {
  return direction == Direction::client_to_server ? Direction::server_to_client
                                                  : Direction::client_to_server;
}

/// The number by which both ends tell the packets of this session from those of an earlier one.
std::uint32_t session_of(const Key256& handshake_secret);

/// One direction's key and what the next epoch's comes from.
class EpochKey {
 public:
  static EpochKey first(const Key256& handshake_secret, Direction direction);
  EpochKey next() const;
  std::uint32_t epoch() const { return epoch_; }
  Aead& aead() { return aead_; }

 private:
  EpochKey(const Key256& secret, std::uint32_t epoch);
  Key256 secret_;
  std::uint32_t epoch_;
  Aead aead_;
};

/// The sending half of a session. Packet numbers never repeat, in no epoch, so neither does a
/// nonce.
class Sealer {
 public:
  /// After so many packets under one key it is time for the next epoch (RFC 9001 section 6.6).
  static constexpr std::uint64_t rekey_limit = std::uint64_t{1} << 23;
  /// After so many packets of at most `max_plain` bytes nothing more is sealed under one key: 2^35
  /// blocks of 16 bytes, which is what RFC 9001 appendix B.1.1 comes to for every size of packet.
  static constexpr std::uint64_t hard_limit = std::uint64_t{1} << 25;
  static constexpr std::size_t max_plain = std::size_t{1} << 14;

  Sealer(const Key256& handshake_secret, Direction direction);

  std::uint32_t epoch() const { return key_.epoch(); }
  std::uint64_t packets_in_epoch() const { return number_ - epoch_start_; }
  static std::size_t packet_size(const Envelope& envelope, std::size_t plain_size);

  /// Writes a whole packet, of packet_size() bytes, into `packet`. False if the key is used up: the
  /// session must rekey or end. `plain` has at most max_plain bytes; it may lie where its
  /// ciphertext goes.
  [[nodiscard]] bool seal(const Envelope& envelope, ByteView plain, std::span<std::uint8_t> packet);
  /// Seals all further packets under the key of the next epoch.
  void rekey();

 private:
  EpochKey key_;
  std::uint32_t session_;
  std::uint64_t number_ = 0;
  std::uint64_t epoch_start_ = 0;
};

enum class OpenVerdict : std::uint8_t {
  accepted,
  replayed,     ///< Seen before, or too far behind to tell.
  unknown_key,  ///< Of another session, or of an epoch long past or not yet due.
  forged,       ///< Not sealed by the peer, or altered on the way.
};

/// The receiving half of a session: accepts each packet at most once, under the present epoch, the
/// next one (which then becomes the present) and, for a grace time, the one before.
class Opener {
 public:
  /// How long packets of the epoch before are still accepted: far above any reordering.
  static constexpr Duration grace = seconds(10);

  Opener(const Key256& handshake_secret, Direction direction);

  /// The newest epoch of which a packet has been accepted.
  std::uint32_t epoch() const { return present_.epoch(); }
  std::uint64_t packets_in_epoch() const { return accepted_in_epoch_; }

  /// Opens a sealed packet into `plain`, which is tag_size shorter than the payload and may start
  /// where the payload does. Unless the verdict is `accepted`, `plain` is not to be used.
  OpenVerdict open(Instant now, const OuterPacket& packet, std::span<std::uint8_t> plain);

 private:
  EpochKey* key_for(Instant now, std::uint8_t epoch);
  void advance(Instant now);

  EpochKey present_;
  EpochKey next_;
  std::optional<EpochKey> previous_;
  Instant previous_ends_;
  std::uint32_t session_;
  std::uint64_t accepted_in_epoch_ = 0;
  ReplayWindow window_;
};

/// Both halves of a session, for one thread at a time, and when they rekey. The TLS client alone
/// starts an epoch, and only once it has seen the server use the present one; the server follows.
/// So neither end can run two epochs ahead of what the other has, however long the link was down.
class SecureSession {
 public:
  /// `sending` is this end's own direction.
  SecureSession(const Key256& handshake_secret, Direction sending);

  std::uint32_t id() const { return id_; }
  std::uint32_t epoch() const { return sealer_.epoch(); }

  /// As Sealer::seal; goes to the next epoch first when that is due and the peer is ready.
  [[nodiscard]] bool seal(const Envelope& envelope, ByteView plain, std::span<std::uint8_t> packet);
  /// As Opener::open; follows the peer into its epoch.
  OpenVerdict open(Instant now, const OuterPacket& packet, std::span<std::uint8_t> plain);
  /// Time for fresh keys: the client's next packet to which that is open starts an epoch. Nothing
  /// happens at the server, which follows.
  void request_rekey() { rekey_requested_ = true; }

 private:
  bool rekey_due() const;

  Direction sending_;
  std::uint32_t id_;
  Sealer sealer_;
  Opener opener_;
  bool rekey_requested_ = false;
};

}  // namespace axs::net
