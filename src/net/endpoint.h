#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace axs::net {

/// An IP address; IPv4 is written as IPv6 maps it (RFC 4291 section 2.5.5.2). 127.0.0.1 unless
/// somebody says otherwise.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};

  /// `address` in host order.
  static constexpr IpAddress v4(std::uint32_t address) {
    IpAddress mapped;
    for (std::size_t i = 0; i < 4; ++i)
      mapped.bytes[12 + i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
    return mapped;
  }
  constexpr bool is_v4() const {
    for (std::size_t i = 0; i < 10; ++i)
      if (bytes[i] != 0) return false;
    return bytes[10] == 0xff && bytes[11] == 0xff;
  }
  auto operator<=>(const IpAddress&) const = default;
};

/// Where UDP packets come from and go to; the port in host order.
struct Endpoint {
  IpAddress address{};
  std::uint16_t port{};
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace axs::net
