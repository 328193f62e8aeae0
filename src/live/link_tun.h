#pragma once

#include <memory>
#include <string>

#include "axs/live/link_channel.h"
#include "axs/live/netns.h"
#include "axs/net/offload.h"
#include "axs/net/token_bucket.h"

namespace axs::live {

/// Carries the IP packets of a TUN interface. Its MTU follows the path's, so nothing is fragmented.
class LinkTun {
 public:
  struct Counters {
    std::uint64_t sent{};  ///< Packets of the path's size; likewise below.
    std::uint64_t delivered{};
    std::uint64_t dropped{};  ///< For want of a session, or because they did not fit.
  };

  /// `bucket`: the link's rate; none: unlimited. Needs root.
  static Result<std::unique_ptr<LinkTun>> open(host::Loop& loop, LinkChannel& channel,
                                               const LinkEndSpec& end, net::TokenBucket* bucket);
  LinkTun(const LinkTun&) = delete;
  ~LinkTun();

  /// A frame of kind `packet`, which must stay where it is until batch_end(); anything is safe.
  void take(ByteView frame);
  void batch_end();

  const std::string& device() const { return tun_.name; }
  const Counters& counters() const { return counters_; }

 private:
  LinkTun(host::Loop& loop, LinkChannel& channel, TunDevice tun, net::TokenBucket* bucket);
  Result<> watch();
  void pause();
  void read_some();
  void send(const net::CutPacket& packet);
  void write(std::span<const ByteView> parts);
  void follow_mtu();

  host::Loop& loop_;
  LinkChannel& channel_;
  TunDevice tun_;
  net::TokenBucket* bucket_;
  net::PacketCutter cutter_;
  net::PacketJoiner joiner_;
  std::vector<std::uint8_t> buffer_;
  std::size_t mtu_ = 0;
  std::optional<host::TimerId> pause_;
  Counters counters_;
};

}  // namespace axs::live
