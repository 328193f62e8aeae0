#include "axs/live/link_sockets.h"

namespace axs::live {

Result<std::unique_ptr<LinkSockets>> LinkSockets::open(host::Loop& loop,
                                                       const std::vector<AgentLink>& links,
                                                       Callbacks callbacks) {
  std::unique_ptr<LinkSockets> sockets{new LinkSockets{loop, std::move(callbacks)}};
  for (const AgentLink& link : links) {
    const std::string what = "link " + std::to_string(link.link.value);
    DatagramSocket socket = AXS_TRY(DatagramSocket::open({.port = link.end.port}, what));
    const int fd = socket.fd();
    sockets->sockets_.try_emplace(link.link, std::move(socket), Endpoint{.port = link.end.peer});
    AXS_TRY(loop.watch(fd, host::Interest::readable,
                       [self = sockets.get(), id = link.link](host::Ready) { self->receive(id); }));
  }
  return sockets;
}

LinkSockets::~LinkSockets() {
  for (const auto& [id, socket] : sockets_) loop_.unwatch(socket.socket.fd());
}

void LinkSockets::receive(LinkId link) {
  Socket& socket = sockets_.at(link);
  socket.socket.receive(buffer_);
  for (const Datagram& datagram : buffer_.datagrams) {
    if (datagram.from != socket.peer) continue;
    net::for_each_packet(datagram.train, [&](std::span<std::uint8_t> packet) {
      ++socket.counters.received;
      socket.counters.received_bytes += packet.size();
      callbacks_.packet(link, packet);
    });
  }
  callbacks_.batch_end();
}

void LinkSockets::commit(LinkId link, std::size_t size) {
  Socket& socket = sockets_.at(link);
  socket.counters.sent_bytes += size;
  if (!socket.train.append(size)) {
    send_train(socket, size);
    (void)socket.train.append(size);
  }
  if (socket.train.shape().full()) send_train(socket, 0);
}

bool LinkSockets::send_alone(LinkId link, std::size_t size) {
  Socket& socket = sockets_.at(link);
  return socket.socket.send(socket.peer, {socket.train.room().first(size), size}) !=
         Sent::too_large;
}

/// Sends all packets before the `carried` bytes in room(), which begin the next train. What the
/// kernel refuses is lost, as it might be on any link.
void LinkSockets::send_train(Socket& socket, std::size_t carried) {
  const bool taken = socket.socket.send(socket.peer, socket.train.train()) == Sent::taken;
  (taken ? socket.counters.sent : socket.counters.refused) += socket.train.shape().packets();
  ++socket.counters.trains;
  socket.train.restart(carried);
}

void LinkSockets::flush() {
  for (auto& [id, socket] : sockets_)
    if (socket.train.shape().packets() > 0) send_train(socket, 0);
}

}  // namespace axs::live
