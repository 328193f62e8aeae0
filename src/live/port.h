#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/wire.h"
#include "axs/host/fd.h"
#include "axs/live/datagram_socket.h"

namespace axs::live {

/// A packet and when it reached the machine, on CLOCK_MONOTONIC.
struct Received {
  ByteView bytes;
  std::int64_t arrived_ns;
};

/// Where packets are read to; one for all ports of an emulator.
struct ReceiveBuffer {
  DatagramBuffer read;
  std::vector<Received> packets;  ///< What the last receive() got; views into `read`.
};

/// A place where the emulator takes packets from a site and hands packets to it.
class Port {
 public:
  virtual ~Port() = default;
  virtual int fd() const = 0;
  /// Reads what is there, at most one batch, without blocking. Empty when there is nothing.
  virtual void receive(ReceiveBuffer& buffer) = 0;
  /// False while nobody is known on the other side.
  virtual bool ready() const = 0;
  /// Hands over the packets in order; returns how many the kernel refused.
  virtual std::size_t send(std::span<const ByteView> packets) = 0;
  /// Packets that the kernel dropped before receive() saw them.
  virtual std::uint64_t kernel_drops() const = 0;
};

/// One end of a link on 127.0.0.1. `port` 0: any free one. `peer` 0: whoever sent the latest
/// datagram, so that an agent may restart on another port.
struct UdpEnd {
  std::uint16_t port{};
  std::uint16_t peer{};
};

/// Datagrams in and out, many per system call and, between programs that use segmentation offload,
/// many per buffer.
class UdpPort final : public Port {
 public:
  static Result<std::unique_ptr<UdpPort>> open(UdpEnd end, const std::string& what);
  /// At a port that is free now and that the kernel gives to nobody who does not name it: it is
  /// still free when its owner comes back after a kill.
  static Result<std::unique_ptr<UdpPort>> open_lasting(const std::string& what);
  int fd() const override { return socket_.fd(); }
  void receive(ReceiveBuffer& buffer) override;
  bool ready() const override { return peer_port_ != 0; }
  std::size_t send(std::span<const ByteView> packets) override;
  std::uint64_t kernel_drops() const override { return socket_.kernel_drops(); }
  std::uint16_t local_port() const { return socket_.local().port; }

 private:
  UdpPort(DatagramSocket socket, UdpEnd end)
      : socket_{std::move(socket)}, peer_port_{end.peer}, learn_{end.peer == 0} {}

  DatagramSocket socket_;
  std::uint16_t peer_port_;
  bool learn_;
};

/// IP packets of a TUN device, one per system call.
class TunPort final : public Port {
 public:
  explicit TunPort(host::Fd fd) : fd_{std::move(fd)} {}
  int fd() const override { return fd_.get(); }
  void receive(ReceiveBuffer& buffer) override;
  bool ready() const override { return true; }
  std::size_t send(std::span<const ByteView> packets) override;
  std::uint64_t kernel_drops() const override { return 0; }

 private:
  host::Fd fd_;
};

}  // namespace axs::live
