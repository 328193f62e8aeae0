#include "axs/live/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>

namespace axs::live {

namespace {

constexpr std::size_t v4_at = 12;  ///< Where the IPv4 address lies in a mapped one.
constexpr std::size_t v4_size = sizeof(in_addr);

/// Where a sockaddr_in has its address, if this is one.
template <class Storage>
auto* v4_in(Storage& storage) {
  using Byte = std::conditional_t<std::is_const_v<Storage>, const char, char>;
  return reinterpret_cast<Byte*>(&storage) + offsetof(sockaddr_in, sin_addr);
}

std::optional<std::uint16_t> parse_port(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<net::IpAddress> parse_address(const std::string& text) {
  net::IpAddress address;
  if (text.empty()) return address;
  if (text.front() != '[')
    return inet_pton(AF_INET, text.c_str(), address.bytes.data() + v4_at) == 1
               ? std::optional{address}
               : std::nullopt;
  if (text.back() != ']') return std::nullopt;
  const std::string inner = text.substr(1, text.size() - 2);
  if (inet_pton(AF_INET6, inner.c_str(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

}  // namespace

SocketAddress::SocketAddress(const Endpoint& end, sa_family_t family) {
  storage_.sin6_family = family;
  storage_.sin6_port = htons(end.port);  // Both families have it in the same place.
  const std::uint8_t* bytes = end.address.bytes.data();
  if (family == AF_INET6) {
    std::memcpy(&storage_.sin6_addr, bytes, sizeof(in6_addr));
  } else {
    size_ = sizeof(sockaddr_in);
    std::memcpy(v4_in(storage_), bytes + v4_at, v4_size);
  }
}

Endpoint SocketAddress::endpoint() const {
  Endpoint end{{}, ntohs(storage_.sin6_port)};
  if (storage_.sin6_family == AF_INET6)
    std::memcpy(end.address.bytes.data(), &storage_.sin6_addr, sizeof(in6_addr));
  else
    std::memcpy(end.address.bytes.data() + v4_at, v4_in(storage_), v4_size);
  return end;
}

Endpoint unbound(sa_family_t family) {
  if (family == AF_INET) return {net::IpAddress::v4(0), 0};
  Endpoint any;
  any.address.bytes.fill(0);
  return any;
}

Endpoint reached_locally(Endpoint bound) {
  const bool any =
      bound.address == unbound(AF_INET).address || bound.address == unbound(AF_INET6).address;
  return any ? Endpoint{{}, bound.port} : bound;
}

std::string text_of(const Endpoint& end) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const std::uint8_t* bytes = end.address.bytes.data();
  const bool v4 = end.address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + v4_at : bytes, text.data(), text.size());
  const std::string address = text.data();
  return (v4 ? address : "[" + address + "]") + ":" + std::to_string(end.port);
}

Result<Endpoint> parse_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto address = parse_address(text.substr(0, std::min(colon, text.size())));
  const auto port = colon == std::string::npos ? std::nullopt : parse_port(text.substr(colon + 1));
  if (!address || !port)
    return Error{Errc::invalid, "address '" + text +
                                    "': want ADDRESS:PORT, such as 192.0.2.1:7000 or "
                                    "[2001:db8::1]:7000"};
  return Endpoint{*address, *port};
}

}  // namespace axs::live
