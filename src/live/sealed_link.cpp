#include "axs/live/sealed_link.h"

#include <cstring>

namespace axs::live {

namespace {

/// Kind and number: the plain bytes of a reply, and the beginning of those of a probe.
constexpr std::size_t numbered_size = 1 + sizeof(std::uint32_t);

}  // namespace

SealedLink::SealedLink(DatagramSocket socket, net::SecureSession session, const Config& config)
    : SealedLink{std::move(socket), config} {
  use(std::move(session));
}

SealedLink::SealedLink(DatagramSocket socket, const Config& config)
    : socket_{std::move(socket)},
      config_{config},
      search_{config.mtu},
      train_{config.mtu.max},
      alone_(config.mtu.max) {
  AXS_ASSERT(config.mtu.max <= packet_max);
  AXS_ASSERT(config.mtu.base > net::Sealer::packet_size(config.envelope, numbered_size));
}

void SealedLink::use(net::SecureSession session) {
  session_ = std::move(session);
  newest_ = 0;
}

void SealedLink::redirect(Instant now, const Endpoint& peer) {
  if (peer == config_.peer) return;
  config_.peer = peer;
  if (search_.wakeup()) step(now, net::MtuPathOpened{});  // Another address may be another path.
}

std::size_t SealedLink::header_size() const {
  return net::OuterHeader{.relays = config_.envelope.relays}.size();
}

std::span<std::uint8_t> SealedLink::room() {
  const std::size_t before = header_size() + 1;
  return train_.room().subspan(before, search_.packet_size() - before - Aead::tag_size);
}

bool SealedLink::commit(std::size_t size) {
  const std::size_t packet_size = net::Sealer::packet_size(config_.envelope, 1 + size);
  AXS_ASSERT(packet_size <= config_.mtu.max);
  const auto packet = train_.room().first(packet_size);
  const auto plain = packet.subspan(header_size(), 1 + size);
  plain[0] = static_cast<std::uint8_t>(Kind::payload);
  if (!session_ || !session_->seal(config_.envelope, plain, packet)) return false;
  ++counters_.sent;
  counters_.sent_bytes += size;
  if (!train_.append(packet_size)) {
    send_train(packet_size);
    (void)train_.append(packet_size);
  }
  if (train_.shape().full()) flush();
  return true;
}

void SealedLink::flush() {
  if (train_.shape().packets() > 0) send_train(0);
}

/// Sends all packets before the `carried` bytes in room(), which begin the next train.
void SealedLink::send_train(std::size_t carried) {
  const std::size_t packets = train_.shape().packets();
  if (socket_.send(config_.peer, train_.train()) != Sent::taken) counters_.refused += packets;
  ++counters_.trains;
  train_.restart(carried);
}

void SealedLink::receive(Instant now, DatagramBuffer& buffer, const Take& take) {
  socket_.receive(buffer);
  counters_.datagrams += buffer.datagrams.size();
  for (const Datagram& datagram : buffer.datagrams) {
    from_ = datagram.from;
    waited_ = nanoseconds(monotonic_ns() - datagram.arrived_ns);
    net::for_each_packet(datagram.train,
                         [&](std::span<std::uint8_t> packet) { open_packet(now, packet, take); });
  }
}

void SealedLink::open_packet(Instant now, std::span<std::uint8_t> packet, const Take& take) {
  const auto parsed = net::parse_packet(packet);
  if (parsed && parsed->header.type != net::PacketType::sealed && config_.unsealed)
    return config_.unsealed(from_, *parsed);
  if (!parsed || parsed->header.type != net::PacketType::sealed) return void(++counters_.forged);
  if (!session_) return void(++counters_.unknown_key);
  const auto plain = packet.subspan(parsed->header.size(), parsed->payload.size() - Aead::tag_size);
  open_sealed(now, *parsed, plain, take);
}

void SealedLink::open_sealed(Instant now, const net::OuterPacket& parsed,
                             std::span<std::uint8_t> plain, const Take& take) {
  switch (session_->open(now, parsed, plain)) {
    case net::OpenVerdict::accepted:
      return take_plain(now, parsed.header.number, plain, take);
    case net::OpenVerdict::replayed:
      return void(++counters_.replayed);
    case net::OpenVerdict::unknown_key:
      return void(++counters_.unknown_key);
    case net::OpenVerdict::forged:
      return void(++counters_.forged);
  }
}

/// An authentic packet of this number has come from `from_`.
void SealedLink::follow(Instant now, std::uint64_t number) {
  if (number < newest_) return;
  newest_ = number + 1;
  redirect(now, from_);
}

/// What is authentic and yet makes no sense is of a later version: not for us.
void SealedLink::take_plain(Instant now, std::uint64_t packet, ByteView plain, const Take& take) {
  if (plain.empty()) return;
  const auto kind = static_cast<Kind>(plain[0]);
  if (kind < Kind::reach) follow(now, packet);
  if (kind == Kind::payload) {
    ++counters_.accepted;
    counters_.accepted_bytes += plain.size() - 1;
    return take(plain.subspan(1));
  }
  if (plain.size() < numbered_size) return;
  std::uint32_t number;
  std::memcpy(&number, plain.data() + 1, sizeof number);
  if (kind == Kind::reply) step(now, net::MtuProbeArrived{number});
  if (kind == Kind::probe)
    (void)send_alone(config_.peer, Kind::reply, number, numbered_packet_size());
  if (kind == Kind::reach) (void)send_alone(from_, Kind::reached, number, numbered_packet_size());
  if (kind == Kind::reached && config_.reached) config_.reached(from_, number);
}

std::size_t SealedLink::numbered_packet_size() const {
  return net::Sealer::packet_size(config_.envelope, numbered_size);
}

void SealedLink::step(Instant now, const net::MtuEvent& event) {
  probes_.clear();
  search_.step(now, event, probes_);
  // A probe that does not fit the interface makes the search add another one.
  for (std::size_t i = 0; i < probes_.size(); ++i) {
    const net::SendMtuProbe probe = probes_[i];
    ++counters_.probes;
    if (send_alone(config_.peer, Kind::probe, probe.number, probe.size) == Sent::too_large)
      search_.step(now, net::MtuProbeRefused{probe.number}, probes_);
  }
}

Sent SealedLink::send_alone(const Endpoint& to, Kind kind, std::uint32_t number,
                            std::size_t packet_size) {
  const auto packet = std::span{alone_}.first(packet_size);
  const auto plain = packet.subspan(header_size(), packet_size - header_size() - Aead::tag_size);
  std::fill(plain.begin(), plain.end(), std::uint8_t{0});
  plain[0] = static_cast<std::uint8_t>(kind);
  std::memcpy(plain.data() + 1, &number, sizeof number);
  if (!session_ || !session_->seal(config_.envelope, plain, packet)) return Sent::refused;
  return socket_.send(to, {packet, packet.size()});
}

}  // namespace axs::live
