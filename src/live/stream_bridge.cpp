#include "axs/live/stream_bridge.h"

#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace axs::live {

namespace {

using Length = std::uint16_t;
constexpr std::size_t length_size = sizeof(Length);
constexpr std::size_t read_size = 1 << 16;

/// Packets leave as they come: each is somebody's, and may be waited for. A connection that has
/// died in silence is to be noticed soon.
void prepare(int fd) {
  const int on = 1;
  const unsigned patience_ms = 10'000;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

bool try_again(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == EINPROGRESS ||
         error == ENOTCONN;
}

}  // namespace

Result<std::unique_ptr<StreamBridge>> StreamBridge::open(host::Loop& loop, DatagramBuffer& buffer,
                                                         Config config) {
  auto socket = AXS_TRY(DatagramSocket::open(config.local, "stream bridge"));
  std::unique_ptr<StreamBridge> bridge{
      new StreamBridge{loop, buffer, std::move(config), std::move(socket)}};
  AXS_TRY(bridge->watch());
  return bridge;
}

StreamBridge::StreamBridge(host::Loop& loop, DatagramBuffer& buffer, Config config,
                           DatagramSocket socket)
    : loop_{loop}, config_{std::move(config)}, socket_{std::move(socket)}, buffer_{buffer} {
  prepare(config_.stream.get());
}

StreamBridge::~StreamBridge() {
  loop_.unwatch(socket_.fd());
  loop_.unwatch(config_.stream.get());
  loop_.cancel(silence_);
  loop_.cancel(closing_);
}

Result<> StreamBridge::watch() {
  heard_at_ = loop_.now();
  listen_for(config_.silence_max);
  AXS_TRY(
      loop_.watch(socket_.fd(), host::Interest::readable, [this](host::Ready) { read_packets(); }));
  return loop_.watch(config_.stream.get(), host::Interest::readable, [this](host::Ready ready) {
    if (ready.writable && open_) write_stream();
    if (ready.readable && open_) read_stream();
  });
}

void StreamBridge::read_packets() {
  socket_.receive(buffer_);
  for (const Datagram& datagram : buffer_.datagrams) {
    if (datagram.from != config_.peer) continue;
    net::for_each_packet(datagram.train, [&](ByteView packet) {
      if (packet.empty() || outgoing_.size() + packet.size() > waiting_max) return;
      const auto length = static_cast<Length>(packet.size());
      outgoing_.resize(outgoing_.size() + length_size);
      std::memcpy(outgoing_.data() + outgoing_.size() - length_size, &length, length_size);
      outgoing_.insert(outgoing_.end(), packet.begin(), packet.end());
    });
  }
  if (open_) write_stream();
}

void StreamBridge::write_stream() {
  const bool waited = !outgoing_.empty();
  std::size_t sent = 0;
  while (sent < outgoing_.size()) {
    const ssize_t n = ::send(config_.stream.get(), outgoing_.data() + sent, outgoing_.size() - sent,
                             MSG_NOSIGNAL);
    if (n < 0 && !try_again(errno)) return close();
    if (n < 0) break;
    sent += static_cast<std::size_t>(n);
  }
  outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(sent));
  if (waited)
    (void)loop_.change(config_.stream.get(),
                       outgoing_.empty() ? host::Interest::readable : host::Interest::both);
}

void StreamBridge::read_stream() {
  std::array<std::uint8_t, read_size> bytes;
  const ssize_t n = ::recv(config_.stream.get(), bytes.data(), bytes.size(), 0);
  if (n == 0 || (n < 0 && !try_again(errno))) return close();
  if (n <= 0) return;
  heard_at_ = loop_.now();
  take_stream(ByteView{bytes}.first(static_cast<std::size_t>(n)));
}

void StreamBridge::take_stream(ByteView bytes) {
  incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
  std::size_t at = 0;
  Length length = 0;
  while (incoming_.size() - at >= length_size) {
    std::memcpy(&length, incoming_.data() + at, length_size);
    if (incoming_.size() - at - length_size < length) break;
    const auto packet = std::span{incoming_}.subspan(at + length_size, length);
    if (length > 0) (void)socket_.send(config_.peer, {packet, packet.size()});
    at += length_size + length;
  }
  incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(at));
}

void StreamBridge::listen_for(Duration wait) {
  silence_ = loop_.after(wait, [this] {
    const Duration silent = loop_.now() - heard_at_;
    silent < config_.silence_max ? listen_for(config_.silence_max - silent) : close();
  });
}

/// The owner may delete the bridge once it hears of it, so that comes later, and last.
void StreamBridge::close() {
  open_ = false;
  loop_.cancel(silence_);
  loop_.unwatch(config_.stream.get());
  if (config_.closed) closing_ = loop_.at(loop_.now(), config_.closed);
}

}  // namespace axs::live
