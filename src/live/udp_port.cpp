#include <atomic>
#include <random>

#include "axs/live/port.h"

namespace axs::live {

namespace {

/// Below the ports that Linux gives to sockets that name none (ip_local_port_range, ip(7)).
constexpr std::uint16_t lasting_first = 16'384, lasting_count = 16'384;
constexpr int lasting_attempts = 100;

/// A random place to begin, then one after the other: within a process none comes twice, also when
/// the first was closed in between.
std::uint16_t next_lasting() {
  static std::atomic<std::uint16_t> next = [] {
    std::random_device random;
    return static_cast<std::uint16_t>(random());
  }();
  return static_cast<std::uint16_t>(lasting_first + next++ % lasting_count);
}

}  // namespace

Result<std::unique_ptr<UdpPort>> UdpPort::open_lasting(const std::string& what) {
  for (int attempt = 1;; ++attempt) {
    auto opened = open({next_lasting(), 0}, what);
    if (opened || attempt == lasting_attempts) return opened;
  }
}

Result<std::unique_ptr<UdpPort>> UdpPort::open(UdpEnd end, const std::string& what) {
  DatagramSocket socket = AXS_TRY(DatagramSocket::open({.port = end.port}, what));
  return std::unique_ptr<UdpPort>{new UdpPort{std::move(socket), end}};
}

void UdpPort::receive(ReceiveBuffer& buffer) {
  buffer.packets.clear();
  socket_.receive(buffer.read);
  for (const Datagram& datagram : buffer.read.datagrams) {
    if (!learn_ && datagram.from.port != peer_port_) continue;
    peer_port_ = datagram.from.port;
    net::for_each_packet(datagram.train, [&](ByteView packet) {
      buffer.packets.push_back({packet, datagram.arrived_ns});
    });
  }
}

std::size_t UdpPort::send(std::span<const ByteView> packets) {
  return socket_.send({.port = peer_port_}, packets);
}

}  // namespace axs::live
