#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "axs/core/rng.h"
#include "axs/host/fd.h"
#include "axs/live/port.h"
#include "axs/live/run_testing.h"

/// For tests: somebody on the wire. Nothing outside tests includes this.
namespace axs::live::testing {

/// One datagram to a port of this machine.
inline void send_to(const UdpPort& from, std::uint16_t port, ByteView datagram) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  (void)::sendto(from.fd(), datagram.data(), datagram.size(), 0,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

/// Sits between an agent and the emulator on one link, keeps all that passes and, if told to, adds
/// garbage, altered copies and repeated packets, both ways.
class Tap {
 public:
  enum class Mischief { none, garbage };

  Tap(std::uint16_t out_port, std::uint16_t underlay, std::uint16_t agent, Mischief mischief)
      : ports_{must(UdpPort::open({0, agent}, "tap")),
               must(UdpPort::open({out_port, underlay}, "tap"))},
        mischief_{mischief},
        stop_{must(host::make_event())},
        thread_{[this] { run(); }} {}
  ~Tap() { end(); }

  /// Where the agent sends to.
  std::uint16_t agent_side() const { return ports_[0]->local_port(); }
  /// All bytes that passed; ends the tap.
  const ByteVector& captured() {
    end();
    return captured_;
  }

 private:
  void end() {
    if (!thread_.joinable()) return;
    host::raise_event(stop_.get());
    thread_.join();
  }
  void run() {
    for (;;) {
      std::array<pollfd, 3> waited{
          {{ports_[0]->fd(), POLLIN, 0}, {ports_[1]->fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
      ::poll(waited.data(), waited.size(), -1);
      if (waited[2].revents != 0) return;
      pass(*ports_[0], *ports_[1]);
      pass(*ports_[1], *ports_[0]);
    }
  }
  void pass(UdpPort& from, UdpPort& to) {
    from.receive(buffer_);
    for (const Received& packet : buffer_.packets) {
      captured_.insert(captured_.end(), packet.bytes.begin(), packet.bytes.end());
      const std::array<ByteView, 1> packets{packet.bytes};
      (void)to.send(packets);
      if (mischief_ == Mischief::garbage) disturb(to, packet.bytes);
    }
  }
  void disturb(UdpPort& to, ByteView packet) {
    ByteVector altered{packet.begin(), packet.end()};
    altered[rng_.below(altered.size())] ^= static_cast<std::uint8_t>(1 + rng_.below(255));
    const ByteView cut = packet.first(1 + rng_.below(packet.size()));
    ByteVector noise(1 + rng_.below(1'400));
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(rng_.next());
    for (const ByteView view : {ByteView{altered}, cut, packet, ByteView{noise}}) {
      const std::array<ByteView, 1> packets{view};
      (void)to.send(packets);
    }
  }

  std::array<std::unique_ptr<UdpPort>, 2> ports_;
  Mischief mischief_;
  Rng rng_{7};
  ReceiveBuffer buffer_;
  ByteVector captured_;
  host::Fd stop_;
  std::thread thread_;
};

}  // namespace axs::live::testing
