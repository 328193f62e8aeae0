#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/wire.h"
#include "axs/host/fd.h"
#include "axs/live/socket_address.h"
#include "axs/net/train.h"

namespace axs::live {

/// Packets that came in one piece, who sent them, and when they reached the machine, on
/// CLOCK_MONOTONIC.
struct Datagram {
  net::Train train;
  Endpoint from;
  std::int64_t arrived_ns{};
};

/// Where datagrams are read to; memory that serves any number of sockets, one after the other.
struct DatagramBuffer {
  static constexpr std::size_t messages = 16;
  static constexpr std::size_t message_bytes = 65'536;  ///< The most that one UDP read returns.
  std::vector<std::uint8_t> memory = std::vector<std::uint8_t>(messages * message_bytes);
  std::vector<Datagram> datagrams;  ///< What the last receive() got, in `memory`.
};

/// What became of a train; in the last two cases it is lost.
enum class Sent : std::uint8_t {
  taken,
  too_large,  ///< Its packets do not fit the interface: a fact of this machine, not of the path.
  refused,    ///< The kernel has no room now.
};

/// A UDP socket for packets in trains: many cross the kernel at the cost of one. Packets are never
/// fragmented, and what ICMP says of a path's MTU is not believed: anybody can send it.
class DatagramSocket {
 public:
  /// `local.port` 0: any free one. At an IPv4 address it reaches IPv4 only, at an IPv6 address,
  /// "::" for instance, both. `what` begins the text of an error.
  static Result<DatagramSocket> open(Endpoint local, const std::string& what);

  int fd() const { return fd_.get(); }
  Endpoint local() const { return local_; }

  /// Reads what is there, at most one buffer, without blocking. Nothing is allocated but, at first,
  /// room in `datagrams`.
  void receive(DatagramBuffer& buffer);
  /// Sends a train; `to` must be of a kind that the socket reaches.
  Sent send(Endpoint to, const net::Train& train);
  /// Sends packets that lie apart, in order; returns how many the kernel refused.
  std::size_t send(Endpoint to, std::span<const ByteView> packets);
  /// Datagrams, not packets, that the kernel dropped because the buffer of the socket was full.
  std::uint64_t kernel_drops() const { return kernel_drops_; }

 private:
  DatagramSocket(host::Fd fd, Endpoint local) : fd_{std::move(fd)}, local_{local} {}

  host::Fd fd_;
  Endpoint local_;
  std::uint64_t kernel_drops_{};
};

std::int64_t monotonic_ns();

}  // namespace axs::live
