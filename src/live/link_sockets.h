#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "axs/core/id.h"
#include "axs/host/loop.h"
#include "axs/live/port.h"

namespace axs::live {

/// An own link of an agent: the UDP port that it binds on this machine, and the one that it sends
/// to.
struct AgentLink {
  LinkId link;
  UdpEnd end;
};

/// The sockets of an agent, one per own link. Packets to send gather until flush(), so that many
/// leave in one system call.
class LinkSockets {
 public:
  using Receive = std::function<void(LinkId, ByteView packet)>;
  /// `batch_end` comes behind the packets of one system call.
  struct Callbacks {
    Receive packet;
    std::function<void()> batch_end;
  };

  static Result<std::unique_ptr<LinkSockets>> open(host::Loop& loop,
                                                   const std::vector<AgentLink>& links,
                                                   Callbacks callbacks);
  LinkSockets(const LinkSockets&) = delete;
  ~LinkSockets();

  /// Since the start, per link.
  struct Counters {
    std::uint64_t sent{};
    std::uint64_t sent_bytes{};  ///< Those refused included.
    std::uint64_t refused{};     ///< The kernel took no more.
    std::uint64_t received{};
    std::uint64_t received_bytes{};
  };
  const Counters& counters(LinkId link) const { return sockets_.at(link).counters; }

  bool has(LinkId link) const { return sockets_.contains(link); }
  /// `link` must be one of ours.
  void send(LinkId link, ByteVector packet);
  void flush();

 private:
  struct Socket {
    std::unique_ptr<UdpPort> port;
    std::vector<ByteVector> queued;
    Counters counters;
  };

  LinkSockets(host::Loop& loop, Callbacks callbacks)
      : loop_{loop}, callbacks_{std::move(callbacks)} {}
  void receive(LinkId link);

  host::Loop& loop_;
  Callbacks callbacks_;
  std::map<LinkId, Socket> sockets_;
  ReceiveBuffer buffer_;
};

}  // namespace axs::live
