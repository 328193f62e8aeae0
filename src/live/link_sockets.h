#pragma once

#include <poll.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
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

/// The sockets of an agent, one per own link. A packet is written where it is sent from, and
/// packets to send gather until flush(), so that many cross the kernel as one. Nothing is allocated
/// per packet.
///
/// Links on which small talk keeps coming are not watched but read on ticks of 1 to 4 ms, at least
/// one packet of it each and no more often than can be afforded, all in one wake-up, the one in
/// which hellos leave anyway: waking up is the greater part of what a hello costs. The kernel has
/// noted when each came. A link that carries data is watched.
class LinkSockets {
 public:
  /// Of a packet.
  static constexpr std::size_t packet_max = 9'216;
  /// `waited`: since it reached the machine; 0 as long as more waits behind it than one reading
  /// takes, because a link is not silent while its queue is long.
  using Receive = std::function<void(LinkId, std::span<std::uint8_t> packet, Duration waited)>;
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
    std::uint64_t trains{};      ///< In which the packets of both lines above left.
    std::uint64_t received{};
    std::uint64_t received_bytes{};
  };
  // `link` must be one of ours from here on.
  const Counters& counters(LinkId link) const { return sockets_.at(link).counters; }
  bool has(LinkId link) const { return sockets_.contains(link); }
  /// Where the next packet over the link is to be written, of packet_max bytes at most. Good until
  /// the next call that sends over it.
  std::span<std::uint8_t> room(LinkId link) { return sockets_.at(link).train.room(); }
  /// Queues the first `size` > 0 bytes of room().
  void commit(LinkId link, std::size_t size);
  /// Sends the first `size` bytes of room() at once, before all that is queued. False: they are too
  /// large for this machine's interface.
  bool send_alone(LinkId link, std::size_t size);
  void flush();

  /// Small talk is worth a wake-up this often.
  void afford(Duration tick) { afforded_tick_ = tick; }
  /// Reads what waits on links that are not watched.
  void catch_up();
  /// A packet of data came over the link: with another one soon, it is watched for a while.
  void hurry(LinkId link);

 private:
  struct Socket {
    Socket(DatagramSocket opened, Endpoint to) : socket{std::move(opened)}, peer{to} {}
    DatagramSocket socket;
    Endpoint peer;
    net::TrainBuilder train{packet_max};
    Counters counters{};
    bool watched = false;
    Instant data_at{INT64_MIN / 2};  ///< The last packet of it.
    Instant hurried{};               ///< The last time.
  };

  LinkSockets(host::Loop& loop, Callbacks callbacks)
      : loop_{loop}, callbacks_{std::move(callbacks)} {}
  Result<> watch(LinkId link, Socket& socket);
  void receive(LinkId link);
  bool read(LinkId link, Socket& socket);
  void tick();
  void weigh();
  void arrange();
  bool hurried(const Socket& socket) const;
  static void send_train(Socket& socket, std::size_t carried);

  host::Loop& loop_;
  Callbacks callbacks_;
  std::map<LinkId, Socket> sockets_;
  DatagramBuffer buffer_;
  std::vector<pollfd> unwatched_;
  std::vector<LinkId> unwatched_links_;  ///< Of the same indices.
  bool arranged_ = true;                 ///< The two above are as they should be.
  Duration afforded_tick_{};
  std::optional<Duration> tick_{};  ///< Small talk waits for the next.
  std::uint32_t talk_ = 0;          ///< Packets of it since weighed_at_.
  Instant weighed_at_{};
  Instant caught_up_at_{};
  std::optional<host::TimerId> timer_;  ///< Of the next tick, while a link is not watched.
};

}  // namespace axs::live
