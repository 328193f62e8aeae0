#include "axs/live/link_sockets.h"

#include <algorithm>
#include <utility>

namespace axs::live {

namespace {

constexpr Duration shortest_tick = milliseconds(1);
constexpr Duration longest_tick = milliseconds(4);
/// How often small talk is weighed: if it comes as often as ticks do, it waits for them.
constexpr Duration weighing = 4 * longest_tick;
/// Data is looked out for so long after the last.
constexpr Duration haste = milliseconds(20);
/// Readings in a row from one socket, so that a flood does not hold up the rest.
constexpr int readings_max = 4;

/// With so many packets of small talk in a span. None: they come too seldom to wait for each other.
std::optional<Duration> tick_for(std::uint32_t talk, Duration span, Duration afforded) {
  for (Duration tick = shortest_tick; tick <= longest_tick; tick = 2 * tick)
    if (talk * tick >= span && (tick >= afforded || tick == longest_tick)) return tick;
  return {};
}

}  // namespace

Result<std::unique_ptr<LinkSockets>> LinkSockets::open(host::Loop& loop,
                                                       const std::vector<AgentLink>& links,
                                                       Callbacks callbacks) {
  std::unique_ptr<LinkSockets> sockets{new LinkSockets{loop, std::move(callbacks)}};
  for (const AgentLink& link : links) {
    const std::string what = "link " + std::to_string(link.link.value);
    DatagramSocket socket = AXS_TRY(DatagramSocket::open({.port = link.end.port}, what));
    const auto added = sockets->sockets_.try_emplace(link.link, std::move(socket),
                                                     Endpoint{.port = link.end.peer});
    AXS_TRY(sockets->watch(link.link, added.first->second));
  }
  return sockets;
}

LinkSockets::~LinkSockets() {
  if (timer_) loop_.cancel(*timer_);
  for (const auto& [id, socket] : sockets_) loop_.unwatch(socket.socket.fd());
}

Result<> LinkSockets::watch(LinkId link, Socket& socket) {
  AXS_TRY(loop_.watch(socket.socket.fd(), host::Interest::readable,
                      [this, link](host::Ready) { receive(link); }));
  socket.watched = true;
  return Ok{};
}

void LinkSockets::receive(LinkId link) {
  (void)read(link, sockets_.at(link));
  callbacks_.batch_end();
  weigh();
}

/// True if more may wait.
bool LinkSockets::read(LinkId link, Socket& socket) {
  socket.socket.receive(buffer_);
  const bool full = buffer_.datagrams.size() == DatagramBuffer::messages;
  for (const Datagram& datagram : buffer_.datagrams) {
    if (datagram.from != socket.peer) continue;
    const auto waited = full ? Duration{} : nanoseconds(monotonic_ns() - datagram.arrived_ns);
    net::for_each_packet(datagram.train, [&](std::span<std::uint8_t> packet) {
      ++socket.counters.received;
      socket.counters.received_bytes += packet.size();
      if (!hurried(socket)) ++talk_;
      callbacks_.packet(link, packet, waited);
    });
  }
  return full;
}

bool LinkSockets::hurried(const Socket& socket) const {
  return socket.hurried != Instant{} && loop_.now() - socket.hurried < haste;
}

void LinkSockets::hurry(LinkId link) {
  Socket& socket = sockets_.at(link);
  // One alone is a probe.
  const bool more = loop_.now() - std::exchange(socket.data_at, loop_.now()) < haste;
  if (!more) return;
  socket.hurried = loop_.now();
  if (!socket.watched) arranged_ = false;
}

void LinkSockets::catch_up() {
  if (unwatched_.empty() || loop_.now() - caught_up_at_ < shortest_tick / 8) return;
  caught_up_at_ = loop_.now();
  if (poll(unwatched_.data(), unwatched_.size(), 0) <= 0) return;
  for (std::size_t i = 0; i < unwatched_.size(); ++i) {
    if (unwatched_[i].revents == 0) continue;
    const LinkId link = unwatched_links_[i];
    for (int n = 0; n < readings_max && read(link, sockets_.at(link)); ++n) {
    }
  }
  callbacks_.batch_end();
  if (!arranged_) arrange();
}

void LinkSockets::tick() {
  timer_.reset();
  // First, so that what else is due at the next tick finds all that has come.
  if (!unwatched_.empty()) {
    const Duration length = tick_.value_or(shortest_tick);
    const Instant next = Instant{} + (period_number(loop_.now(), length) + 1) * length;
    timer_ = loop_.at(next, [this] { tick(); });
  }
  catch_up();
  weigh();
}

void LinkSockets::weigh() {
  const Duration since = loop_.now() - weighed_at_;
  if (since < weighing) return;
  tick_ = tick_for(talk_, since, afforded_tick_);
  talk_ = 0;
  weighed_at_ = loop_.now();
  arrange();
}

/// Watches the links that should be, and no others.
void LinkSockets::arrange() {
  arranged_ = true;
  unwatched_.clear();
  unwatched_links_.clear();
  for (auto& [link, socket] : sockets_) {
    const bool wanted = !tick_ || hurried(socket);
    if (!wanted && socket.watched) loop_.unwatch(socket.socket.fd()), socket.watched = false;
    // If the system refuses to watch it, it is read on ticks.
    if (wanted && !socket.watched) (void)watch(link, socket);
    if (socket.watched) continue;
    unwatched_.push_back({.fd = socket.socket.fd(), .events = POLLIN, .revents = 0});
    unwatched_links_.push_back(link);
  }
  if (!unwatched_.empty() && !timer_) timer_ = loop_.at(loop_.now(), [this] { tick(); });
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
