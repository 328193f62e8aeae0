#pragma once

#include <memory>
#include <string>

#include "axs/live/link_channel.h"
#include "axs/live/netns.h"
#include "axs/net/offload.h"
#include "axs/net/token_bucket.h"

namespace axs::live {

/// Carries the IPv4 packets of a TUN interface between the addresses of its two ends; the peer is
/// believed to be no other. Its MTU follows the path's, so nothing is fragmented.
class LinkTun {
 public:
  struct Counters {
    std::uint64_t sent{};  ///< Packets of the path's size; likewise below.
    std::uint64_t delivered{};
    std::uint64_t dropped{};  ///< For want of a session, or because they did not fit.
    std::uint64_t foreign{};  ///< From the peer, but not from its address to ours.
  };

  struct Config {
    std::string address;
    std::string peer_address;
    std::string netns;                   ///< Empty: where the process is.
    net::TokenBucket* bucket = nullptr;  ///< The link's rate; none: unlimited.
    /// The interface is gone: somebody has deleted it, or its namespace. Called once.
    std::function<void(Error)> lost{};
  };
  /// Needs root.
  static Result<std::unique_ptr<LinkTun>> open(host::Loop& loop, LinkChannel& channel,
                                               const Config& config);
  LinkTun(const LinkTun&) = delete;
  ~LinkTun();

  /// A frame of kind `packet`, which must stay where it is until batch_end(); anything is safe.
  void take(ByteView frame);
  void batch_end();

  const std::string& device() const { return tun_.name; }
  const Counters& counters() const { return counters_; }

 private:
  LinkTun(host::Loop& loop, LinkChannel& channel, TunDevice tun, const Config& config);
  Result<> watch();
  void pause();
  void read_some();
  bool read_one();
  bool is_for_us(ByteView packet) const;
  void send(const net::CutPacket& packet);
  void write(std::span<const ByteView> parts);
  void follow_mtu();

  host::Loop& loop_;
  LinkChannel& channel_;
  TunDevice tun_;
  Config config_;
  std::uint32_t address_ = 0, peer_address_ = 0;
  net::PacketCutter cutter_;
  net::PacketJoiner joiner_;
  std::vector<std::uint8_t> buffer_;
  std::size_t mtu_ = 0;
  std::optional<host::TimerId> pause_;
  Counters counters_;
};

}  // namespace axs::live
