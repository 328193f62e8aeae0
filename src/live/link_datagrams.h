#pragma once

#include <map>
#include <memory>
#include <vector>

#include "axs/live/link_channel.h"
#include "axs/net/token_bucket.h"

namespace axs::live {

/// Carries the datagrams of UDP ports one to one. Everybody who sends to a port of the first end
/// gets a socket of their own at the second, so that answers find the way back.
class LinkDatagrams {
 public:
  static constexpr std::size_t flows_max = 4096;

  struct Config {
    std::vector<LinkForward> forwards{};
    LinkSide side{};
    std::uint32_t incarnation{};         ///< Of the process, from 1.
    net::TokenBucket* bucket = nullptr;  ///< The link's rate; none: unlimited.
    /// A flow over which nothing has come or gone for so long is forgotten.
    Duration idle_after = seconds(120);
  };
  struct Counters {
    std::uint64_t sent{};
    std::uint64_t delivered{};
    std::uint64_t too_large{};  ///< Did not fit a packet of the path.
    std::uint64_t dropped{};    ///< For want of a session, of rate, or of room in the kernel.
  };

  /// Everything that is referred to must outlive this.
  static Result<std::unique_ptr<LinkDatagrams>> open(host::Loop& loop, LinkChannel& channel,
                                                     Config config);
  LinkDatagrams(const LinkDatagrams&) = delete;
  ~LinkDatagrams();

  /// A frame of kind `datagram`; anything is safe.
  void take(ByteView frame);
  const Counters& counters() const { return counters_; }
  std::size_t flows() const { return flows_.size(); }

 private:
  /// In front of each datagram.
  struct Head {
    std::uint16_t forward{};
    std::uint32_t flow{};
  };
  static constexpr std::size_t head_size = 6;
  struct Flow {
    Endpoint client{};                     ///< At the first end.
    std::optional<DatagramSocket> socket;  ///< At the second.
    std::uint16_t forward{};
    Instant used;
  };

  LinkDatagrams(host::Loop& loop, LinkChannel& channel, Config config)
      : loop_{loop},
        channel_{channel},
        config_{std::move(config)},
        next_flow_{first_number(config_.incarnation)} {}
  Result<> listen();
  void sweep();
  void read(DatagramSocket& socket, Head head);
  void carry(Head head, ByteView datagram);
  std::optional<std::uint32_t> flow_of(std::uint16_t forward, Endpoint client);
  Flow* flow_at_target(Head head);

  host::Loop& loop_;
  LinkChannel& channel_;
  Config config_;
  std::vector<DatagramSocket> listeners_;  ///< By forward; at the first end.
  std::map<std::uint32_t, Flow> flows_;
  std::map<std::pair<std::uint16_t, Endpoint>, std::uint32_t> clients_;
  std::uint32_t next_flow_;
  DatagramBuffer buffer_;
  host::TimerId sweep_{};
  Counters counters_;
};

}  // namespace axs::live
