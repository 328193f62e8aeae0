#include "axs/live/control.h"

#include <utility>
#include <vector>

namespace axs::live {

Result<std::unique_ptr<ControlServer>> ControlServer::open(host::Loop& loop,
                                                           const std::string& path,
                                                           Callbacks callbacks) {
  LocalListener listener = AXS_TRY(LocalListener::open(path));
  std::unique_ptr<ControlServer> server{
      new ControlServer{loop, std::move(listener), std::move(callbacks)}};
  AXS_TRY(loop.watch(server->listener_.fd(), host::Interest::readable,
                     [raw = server.get()](host::Ready) { raw->accept_all(); }));
  return server;
}

ControlServer::ControlServer(host::Loop& loop, LocalListener listener, Callbacks callbacks)
    : loop_{loop}, listener_{std::move(listener)}, callbacks_{std::move(callbacks)} {}

ControlServer::~ControlServer() {
  loop_.unwatch(listener_.fd());
  for (const auto& [number, socket] : peers_) loop_.unwatch(socket.fd());
}

void ControlServer::accept_all() {
  while (auto socket = listener_.accept()) {
    const PeerNumber peer = next_++;
    const Result<> watched = loop_.watch(socket->fd(), host::Interest::readable,
                                         [this, peer](host::Ready) { receive_all(peer); });
    if (!watched) continue;  // Then it finds the connection closed.
    peers_.emplace(peer, *std::move(socket));
    callbacks_.connected(peer);
  }
}

void ControlServer::receive_all(PeerNumber peer) {
  for (auto found = peers_.find(peer); found != peers_.end(); found = peers_.find(peer)) {
    auto record = found->second.receive();
    if (!record) return drop(peer);
    if (!*record) return;
    if (!callbacks_.record(peer, **record)) return drop(peer);
  }
}

void ControlServer::send(PeerNumber peer, ByteView record) {
  const auto found = peers_.find(peer);
  if (found != peers_.end() && !found->second.send(record)) drop(peer);
}

void ControlServer::send_all(ByteView record) {
  std::vector<PeerNumber> numbers;
  for (const auto& [number, socket] : peers_) numbers.push_back(number);
  for (const PeerNumber number : numbers) send(number, record);
}

void ControlServer::drop(PeerNumber peer) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  loop_.unwatch(found->second.fd());
  peers_.erase(found);
  callbacks_.gone(peer);
}

ControlClient::ControlClient(host::Loop& loop, std::string path, Callbacks callbacks)
    : loop_{loop}, path_{std::move(path)}, callbacks_{std::move(callbacks)} {
  retry_ = loop_.after({}, [this] { try_connect(); });
}

ControlClient::~ControlClient() {
  if (retry_) loop_.cancel(*retry_);
  if (socket_) loop_.unwatch(socket_->fd());
}

void ControlClient::try_connect() {
  retry_.reset();
  auto socket = LocalSocket::connect(path_);
  if (!socket) return retry_later();
  socket_.emplace(*std::move(socket));
  if (!loop_.watch(socket_->fd(), host::Interest::readable,
                   [this](host::Ready) { receive_all(); })) {
    socket_.reset();
    return retry_later();
  }
  callbacks_.connected();
}

void ControlClient::retry_later() {
  retry_ = loop_.after(retry_after, [this] { try_connect(); });
}

void ControlClient::receive_all() {
  while (socket_) {
    auto record = socket_->receive();
    if (!record) return lose();
    if (!*record) return;
    if (!callbacks_.record(**record)) return lose();
  }
}

bool ControlClient::send(ByteView record) {
  if (!socket_) return false;
  if (socket_->send(record)) return true;
  lose();
  return false;
}

void ControlClient::lose() {
  if (!socket_) return;
  loop_.unwatch(socket_->fd());
  socket_.reset();
  retry_later();
  callbacks_.lost();
}

}  // namespace axs::live
