#include "axs/live/stream_listener.h"

#include <sys/socket.h>

#include <cerrno>

namespace axs::live {

namespace {

Result<host::Fd> open_stream(sa_family_t family, const std::string& what) {
  host::Fd fd{socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return host::system_error(what + ": socket");
  return fd;
}

}  // namespace

Result<host::Fd> connect_stream(const Endpoint& to) {
  const sa_family_t family = family_of(to);
  host::Fd fd = AXS_TRY(open_stream(family, "connection to " + text_of(to)));
  const SocketAddress address{to, family};
  if (connect(fd.get(), address.data(), address.size()) != 0 && errno != EINPROGRESS)
    return host::system_error("connection to " + text_of(to));
  return fd;
}

Result<std::unique_ptr<StreamListener>> StreamListener::open(host::Loop& loop,
                                                             const Endpoint& local,
                                                             const std::string& what, Take take) {
  const sa_family_t family = family_of(local);
  host::Fd fd = AXS_TRY(open_stream(family, what));
  const int on = 1;
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  SocketAddress address{local, family};
  if (bind(fd.get(), address.data(), address.size()) != 0 || listen(fd.get(), SOMAXCONN) != 0)
    return host::system_error(what + ": TCP port " + std::to_string(local.port) + ": bind");
  if (getsockname(fd.get(), address.data(), address.size_out()) != 0)
    return host::system_error(what + ": getsockname");
  std::unique_ptr<StreamListener> listener{
      new StreamListener{loop, std::move(fd), address.endpoint(), std::move(take)}};
  AXS_TRY(listener->watch());
  return listener;
}

StreamListener::~StreamListener() {
  loop_.unwatch(fd_.get());
  loop_.cancel(pausing_);
}

Result<> StreamListener::watch() {
  return loop_.watch(fd_.get(), host::Interest::readable, [this](host::Ready) { accept_all(); });
}

void StreamListener::accept_all() {
  for (;;) {
    host::Fd taken{accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (taken) {
      take_(std::move(taken));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // The kernel would go on to say that somebody waits.
    loop_.unwatch(fd_.get());
    pausing_ = loop_.after(pause, [this] { (void)watch().has_value(); });
    return;
  }
}

}  // namespace axs::live
