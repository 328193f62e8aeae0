#include "axs/live/link_sockets.h"

namespace axs::live {

Result<std::unique_ptr<LinkSockets>> LinkSockets::open(host::Loop& loop,
                                                       const std::vector<AgentLink>& links,
                                                       Callbacks callbacks) {
  std::unique_ptr<LinkSockets> sockets{new LinkSockets{loop, std::move(callbacks)}};
  for (const AgentLink& link : links) {
    const std::string what = "link " + std::to_string(link.link.value);
    auto port = AXS_TRY(UdpPort::open(link.end, what));
    const int fd = port->fd();
    sockets->sockets_[link.link].port = std::move(port);
    AXS_TRY(loop.watch(fd, host::Interest::readable,
                       [self = sockets.get(), id = link.link](host::Ready) { self->receive(id); }));
  }
  return sockets;
}

LinkSockets::~LinkSockets() {
  for (const auto& [id, socket] : sockets_) loop_.unwatch(socket.port->fd());
}

void LinkSockets::receive(LinkId link) {
  Socket& socket = sockets_.at(link);
  socket.port->receive(buffer_);
  socket.counters.received += buffer_.packets.size();
  for (const Received& packet : buffer_.packets) {
    socket.counters.received_bytes += packet.bytes.size();
    callbacks_.packet(link, packet.bytes);
  }
  callbacks_.batch_end();
}

void LinkSockets::send(LinkId link, ByteVector packet) {
  sockets_.at(link).queued.push_back(std::move(packet));
}

void LinkSockets::flush() {
  std::vector<ByteView> views;
  for (auto& [id, socket] : sockets_) {
    if (socket.queued.empty()) continue;
    views.assign(socket.queued.begin(), socket.queued.end());
    // What the kernel refuses is lost, as it might be on any link.
    const std::size_t refused = socket.port->ready() ? socket.port->send(views) : views.size();
    socket.counters.refused += refused;
    socket.counters.sent += views.size() - refused;
    for (const ByteView view : views) socket.counters.sent_bytes += view.size();
    socket.queued.clear();
  }
}

}  // namespace axs::live
