#include "axs/net/seal.h"

#include <cstring>

namespace axs::net {

namespace {

/// The number alone: keys are never shared between directions, epochs or sessions.
Nonce96 nonce_of(std::uint64_t number) {
  Nonce96 nonce{};
  std::memcpy(nonce.data() + 4, &number, sizeof number);
  return nonce;
}

}  // namespace

std::uint32_t session_of(const Key256& handshake_secret) {
  const Key256 derived = hkdf_expand(handshake_secret, "axs session");
  std::uint32_t session;
  std::memcpy(&session, derived.data(), sizeof session);
  return session;
}

EpochKey EpochKey::first(const Key256& handshake_secret, Direction direction) {
  return {hkdf_expand(handshake_secret, direction == Direction::client_to_server
                                            ? "axs datagrams client to server"
                                            : "axs datagrams server to client"),
          0};
}

EpochKey EpochKey::next() const {
  return {hkdf_expand(secret_, "axs next epoch"), epoch_ + 1};
}

EpochKey::EpochKey(const Key256& secret, std::uint32_t epoch)
    : secret_{secret}, epoch_{epoch}, aead_{hkdf_expand(secret, "axs packet key")} {}

Sealer::Sealer(const Key256& handshake_secret, Direction direction)
    : key_{EpochKey::first(handshake_secret, direction)}, session_{session_of(handshake_secret)} {}

std::size_t Sealer::packet_size(const Envelope& envelope, std::size_t plain_size) {
  return OuterHeader{.relays = envelope.relays}.size() + plain_size + Aead::tag_size;
}

bool Sealer::seal(const Envelope& envelope, ByteView plain, std::span<std::uint8_t> packet) {
  AXS_ASSERT(plain.size() <= max_plain);
  if (packets_in_epoch() >= hard_limit) return false;
  const OuterHeader header{.type = PacketType::sealed,
                           .epoch = static_cast<std::uint8_t>(key_.epoch()),
                           .source = envelope.source,
                           .destination = envelope.destination,
                           .session = session_,
                           .number = number_++,
                           .relays = envelope.relays};
  write_outer_header(header, packet);
  key_.aead().seal(nonce_of(header.number), ByteView{packet}.subspan(1, header.size() - 1), plain,
                   packet.subspan(header.size()));
  return true;
}

void Sealer::rekey() {
  key_ = key_.next();
  epoch_start_ = number_;
}

Opener::Opener(const Key256& handshake_secret, Direction direction)
    : present_{EpochKey::first(handshake_secret, direction)},
      next_{present_.next()},
      session_{session_of(handshake_secret)} {}

OpenVerdict Opener::open(Instant now, const OuterPacket& packet, std::span<std::uint8_t> plain) {
  const OuterHeader& header = packet.header;
  EpochKey* key = header.session == session_ ? key_for(now, header.epoch) : nullptr;
  if (key == nullptr) return OpenVerdict::unknown_key;
  if (!window_.fresh(header.number)) return OpenVerdict::replayed;
  if (!key->aead().open(nonce_of(header.number), packet.associated, packet.payload, plain))
    return OpenVerdict::forged;
  window_.mark(header.number);
  if (key == &next_) advance(now);
  ++accepted_in_epoch_;
  return OpenVerdict::accepted;
}

EpochKey* Opener::key_for(Instant now, std::uint8_t epoch) {
  const auto is = [epoch](const EpochKey& key) {
    return static_cast<std::uint8_t>(key.epoch()) == epoch;
  };
  if (is(present_)) return &present_;
  if (is(next_)) return &next_;
  if (previous_ && now >= previous_ends_) previous_.reset();
  return previous_ && is(*previous_) ? &*previous_ : nullptr;
}

void Opener::advance(Instant now) {
  previous_ = std::move(present_);
  previous_ends_ = now + grace;
  present_ = std::move(next_);
  next_ = present_.next();
  accepted_in_epoch_ = 0;
}

SecureSession::SecureSession(const Key256& handshake_secret, Direction sending)
    : sending_{sending},
      id_{session_of(handshake_secret)},
      sealer_{handshake_secret, sending},
      opener_{handshake_secret, reverse(sending)} {}

bool SecureSession::rekey_due() const {
  if (sending_ != Direction::client_to_server || opener_.epoch() != sealer_.epoch()) return false;
  return rekey_requested_ || sealer_.packets_in_epoch() >= Sealer::rekey_limit ||
         opener_.packets_in_epoch() >= Sealer::rekey_limit;
}

bool SecureSession::seal(const Envelope& envelope, ByteView plain, std::span<std::uint8_t> packet) {
  if (rekey_due()) {
    sealer_.rekey();
    rekey_requested_ = false;
  }
  return sealer_.seal(envelope, plain, packet);
}

OpenVerdict SecureSession::open(Instant now, const OuterPacket& packet,
                                std::span<std::uint8_t> plain) {
  const OpenVerdict verdict = opener_.open(now, packet, plain);
  if (opener_.epoch() > sealer_.epoch()) sealer_.rekey();
  return verdict;
}

}  // namespace axs::net
