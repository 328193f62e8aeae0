#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "axs/core/result.h"
#include "axs/net/endpoint.h"

namespace axs::live {

using net::Endpoint;

/// An endpoint as the kernel wants it, for a socket of this family: one of IPv6 reaches IPv4 too.
class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(const Endpoint& end, sa_family_t family);

  Endpoint endpoint() const;
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  /// For the kernel to say how much it has written.
  socklen_t* size_out() { return &size_; }

 private:
  sockaddr_in6 storage_{};  ///< The larger of the two.
  socklen_t size_ = sizeof(sockaddr_in6);
};

/// The family of sockets that are bound to it.
inline sa_family_t family_of(const Endpoint& local) {
  return local.address.is_v4() ? AF_INET : AF_INET6;
}

/// Any port of every address.
Endpoint unbound(sa_family_t family);

/// How somebody on this machine reaches a socket that may be bound to every address.
Endpoint reached_locally(Endpoint bound);

/// "192.0.2.1:7000" or "[2001:db8::1]:7000".
std::string text_of(const Endpoint& end);
/// The reverse; the address may be left out (":7000"), which is 127.0.0.1. Names are not looked up.
Result<Endpoint> parse_endpoint(const std::string& text);

}  // namespace axs::live
