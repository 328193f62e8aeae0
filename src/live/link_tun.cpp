#include "axs/live/link_tun.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace axs::live {

namespace {

/// In front of each packet: whether its checksum is open.
constexpr std::size_t flag_size = 1;
/// Reads between two looks at what else there is to do.
constexpr int reads_max = 16;

/// Of an IPv4 header (RFC 791).
constexpr std::size_t ipv4_size = 20, source_at = 12, destination_at = 16;

std::uint32_t address_at(ByteView packet, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | packet[at + i];
  return value;
}

}  // namespace

Result<std::unique_ptr<LinkTun>> LinkTun::open(host::Loop& loop, LinkChannel& channel,
                                               const Config& config) {
  auto device = AXS_TRY(open_tun_device(
      config.netns, {.device = "axs%d", .addresses = {config.address}, .offloads = true}));
  std::unique_ptr<LinkTun> tun{new LinkTun{loop, channel, std::move(device), config}};
  tun->address_ = AXS_TRY(parse_ipv4(config.address));
  tun->peer_address_ = AXS_TRY(parse_ipv4(config.peer_address));
  tun->follow_mtu();
  AXS_TRY(tun->watch());
  return tun;
}

LinkTun::LinkTun(host::Loop& loop, LinkChannel& channel, TunDevice tun, const Config& config)
    : loop_{loop},
      channel_{channel},
      tun_{std::move(tun)},
      config_{config},
      buffer_(net::OffloadHeader::size + net::PacketJoiner::bytes_max) {}

LinkTun::~LinkTun() {
  loop_.unwatch(tun_.fd.get());
  if (pause_) loop_.cancel(*pause_);
}

Result<> LinkTun::watch() {
  return loop_.watch(tun_.fd.get(), host::Interest::readable, [this](host::Ready) { read_some(); });
}

/// The kernel queues meanwhile, which tells TCP to send no faster.
void LinkTun::pause() {
  loop_.unwatch(tun_.fd.get());
  pause_ = loop_.at(config_.bucket->opens_at(), [this] {
    pause_.reset();
    read_some();
    if (!pause_) (void)watch().has_value();
  });
}

void LinkTun::read_some() {
  for (int i = 0; i < reads_max; ++i) {
    if (config_.bucket != nullptr && !config_.bucket->open(loop_.now())) {
      pause();
      break;
    }
    if (!read_one()) break;
  }
  channel_.flush();
}

/// False: there is nothing now.
bool LinkTun::read_one() {
  const ssize_t got = ::read(tun_.fd.get(), buffer_.data(), buffer_.size());
  if (got < 0 && errno != EAGAIN && errno != EINTR) {
    const auto why = host::system_error("TUN interface " + tun_.name + ": it is gone");
    loop_.unwatch(tun_.fd.get());  // It would be called readable for ever.
    config_.lost(why);
  }
  if (got <= 0) return false;
  const auto bytes = std::span{buffer_}.first(static_cast<std::size_t>(got));
  if (!cutter_.cut(bytes, [this](const net::CutPacket& packet) { send(packet); }))
    ++counters_.dropped;
  if (config_.bucket != nullptr) config_.bucket->take(loop_.now(), bytes.size());
  return true;
}

void LinkTun::send(const net::CutPacket& packet) {
  const std::size_t size = flag_size + packet.head.size() + packet.payload.size();
  const auto room = channel_.room();
  if (size > room.size()) return void(++counters_.dropped);
  room[0] = packet.partial ? 1 : 0;
  const auto at = std::copy(packet.head.begin(), packet.head.end(), room.begin() + flag_size);
  std::copy(packet.payload.begin(), packet.payload.end(), at);
  channel_.commit(LinkFrame::packet, size) ? ++counters_.sent : ++counters_.dropped;
}

void LinkTun::take(ByteView frame) {
  if (frame.empty()) return;
  if (!is_for_us(frame.subspan(flag_size))) return void(++counters_.foreign);
  const auto put = [this](std::span<const ByteView> parts) { write(parts); };
  joiner_.add(frame.subspan(flag_size), frame[0] != 0, put) ? ++counters_.delivered
                                                            : ++counters_.dropped;
}

bool LinkTun::is_for_us(ByteView packet) const {
  return packet.size() >= ipv4_size && packet[0] >> 4 == 4 &&
         address_at(packet, source_at) == peer_address_ &&
         address_at(packet, destination_at) == address_;
}

void LinkTun::batch_end() {
  joiner_.flush([this](std::span<const ByteView> parts) { write(parts); });
  follow_mtu();
}

void LinkTun::write(std::span<const ByteView> parts) {
  std::array<iovec, net::PacketJoiner::packets_max + 2> pieces;
  for (std::size_t i = 0; i < parts.size(); ++i)
    pieces[i] = {const_cast<std::uint8_t*>(parts[i].data()), parts[i].size()};
  if (::writev(tun_.fd.get(), pieces.data(), static_cast<int>(parts.size())) < 0)
    ++counters_.dropped;
}

void LinkTun::follow_mtu() {
  const std::size_t mtu = channel_.room().size() - flag_size;
  if (mtu != mtu_ && tun_.set_mtu(mtu)) mtu_ = mtu;
}

}  // namespace axs::live
