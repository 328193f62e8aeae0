#include "axs/live/link_datagrams.h"

#include <algorithm>

namespace axs::live {

namespace {

/// Any port of any address that reaches the target.
Endpoint any_port_towards(const Endpoint& target) {
  const auto any = target.address.is_v4() ? net::IpAddress::v4(0) : net::IpAddress{.bytes = {}};
  return {.address = any, .port = 0};
}

}  // namespace

Result<std::unique_ptr<LinkDatagrams>> LinkDatagrams::open(host::Loop& loop, LinkChannel& channel,
                                                           Config config) {
  std::unique_ptr<LinkDatagrams> made{new LinkDatagrams{loop, channel, std::move(config)}};
  if (made->config_.side == LinkSide::from) AXS_TRY(made->listen());
  made->sweep();
  return made;
}

LinkDatagrams::~LinkDatagrams() {
  loop_.cancel(sweep_);
  for (const auto& listener : listeners_) loop_.unwatch(listener.fd());
  for (const auto& [id, flow] : flows_)
    if (flow.socket) loop_.unwatch(flow.socket->fd());
}

Result<> LinkDatagrams::listen() {
  for (const LinkForward& forward : config_.forwards)
    listeners_.push_back(AXS_TRY(
        DatagramSocket::open({.port = forward.port}, "--udp " + std::to_string(forward.port))));
  for (std::uint16_t i = 0; i < listeners_.size(); ++i)
    AXS_TRY(loop_.watch(listeners_[i].fd(), host::Interest::readable,
                        [this, i](host::Ready) { read(listeners_[i], {i, {}}); }));
  return Ok{};
}

/// The next datagram of a flow that was forgotten begins a new one.
void LinkDatagrams::sweep() {
  for (auto at = flows_.begin(); at != flows_.end();) {
    const auto& [id, flow] = *at;
    const bool idle = loop_.now() - flow.used > config_.idle_after;
    if (idle && flow.socket) loop_.unwatch(flow.socket->fd());
    if (idle) clients_.erase({flow.forward, flow.client});
    at = idle ? flows_.erase(at) : std::next(at);
  }
  sweep_ = loop_.after(config_.idle_after / 12, [this] { sweep(); });
}

/// At the first end whoever has sent decides about the flow; at the second the socket does.
void LinkDatagrams::read(DatagramSocket& socket, Head head) {
  const bool listens = !listeners_.empty();
  socket.receive(buffer_);
  for (const Datagram& datagram : buffer_.datagrams) {
    if (listens) {
      const auto flow = flow_of(head.forward, datagram.from);
      if (!flow) continue;
      head.flow = *flow;
    } else if (datagram.from == config_.forwards[head.forward].target) {
      flows_.at(head.flow).used = loop_.now();
    } else {
      continue;
    }
    net::for_each_packet(datagram.train, [&](ByteView bytes) { carry(head, bytes); });
  }
  channel_.flush();
}

std::optional<std::uint32_t> LinkDatagrams::flow_of(std::uint16_t forward, Endpoint client) {
  const auto known = clients_.find({forward, client});
  if (known != clients_.end()) {
    flows_.at(known->second).used = loop_.now();
    return known->second;
  }
  if (flows_.size() >= flows_max) {
    ++counters_.dropped;
    return std::nullopt;
  }
  clients_[{forward, client}] = next_flow_;
  flows_.emplace(next_flow_, Flow{client, {}, forward, loop_.now()});
  return next_flow_++;
}

void LinkDatagrams::carry(Head head, ByteView datagram) {
  const auto room = channel_.room();
  if (head_size + datagram.size() > room.size()) return void(++counters_.too_large);
  if (config_.bucket != nullptr && !config_.bucket->open(loop_.now()))
    return void(++counters_.dropped);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&head.forward), 2, room.begin());
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&head.flow), 4, room.begin() + 2);
  std::copy(datagram.begin(), datagram.end(), room.begin() + head_size);
  if (!channel_.commit(LinkFrame::datagram, head_size + datagram.size()))
    return void(++counters_.dropped);
  if (config_.bucket != nullptr) config_.bucket->take(loop_.now(), datagram.size());
  ++counters_.sent;
}

void LinkDatagrams::take(ByteView frame) {
  WireReader reader{frame};
  Head head;
  reader.get(head.forward);
  reader.get(head.flow);
  if (!reader.ok() || head.forward >= config_.forwards.size()) return;
  const ByteView bytes = reader.bytes(reader.remaining());
  Endpoint to = config_.forwards[head.forward].target;
  DatagramSocket* socket = nullptr;
  if (!listeners_.empty()) {
    const auto flow = flows_.find(head.flow);
    if (flow == flows_.end() || flow->second.forward != head.forward) return;
    to = flow->second.client;
    socket = &listeners_[head.forward];
  } else if (Flow* flow = flow_at_target(head)) {
    socket = &*flow->socket;
  }
  if (socket == nullptr) return void(++counters_.dropped);
  flows_.at(head.flow).used = loop_.now();
  const ByteView one[]{bytes};
  socket->send(to, one) == 0 ? ++counters_.delivered : ++counters_.dropped;
}

LinkDatagrams::Flow* LinkDatagrams::flow_at_target(Head head) {
  const auto found = flows_.find(head.flow);
  if (found != flows_.end())
    return found->second.forward == head.forward ? &found->second : nullptr;
  if (flows_.size() >= flows_max) return nullptr;
  auto socket =
      DatagramSocket::open(any_port_towards(config_.forwards[head.forward].target), "flow");
  if (!socket) return nullptr;
  Flow& flow = flows_.emplace(head.flow, Flow{{}, *std::move(socket), head.forward, loop_.now()})
                   .first->second;
  const auto watched =
      loop_.watch(flow.socket->fd(), host::Interest::readable,
                  [this, head, socket = &*flow.socket](host::Ready) { read(*socket, head); });
  if (watched) return &flow;
  flows_.erase(head.flow);
  return nullptr;
}

}  // namespace axs::live
