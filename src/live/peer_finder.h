#pragma once

#include <memory>
#include <optional>
#include <string>

#include "axs/live/sealed_link.h"
#include "axs/live/stream_bridge.h"
#include "axs/net/reach.h"

namespace axs::live {

/// Performs net::Reach for a sealed link: asks at the meeting point where the peer is, tries it
/// directly, and has the link send over the better way.
class PeerFinder {
 public:
  /// Both must outlive it.
  PeerFinder(host::Loop& loop, SealedLink& link, const net::Reach::Config& config);
  PeerFinder(const PeerFinder&) = delete;
  ~PeerFinder();

  /// A packet of PacketType::meeting has come from there.
  void take(const Endpoint& from, const net::OuterPacket& packet);
  /// SealedLink::Config::reached.
  void reached(const Endpoint& from, std::uint32_t number) {
    step(net::ReachConfirmed{from, number});
  }
  void session(bool up) { step(net::SessionChanged{up}); }

  bool direct() const { return reach_.direct(); }
  bool over_stream() const { return bridge_ != nullptr && !direct(); }
  const Endpoint& way() const { return reach_.way(); }
  /// Why this way and no other, in a sentence for people.
  std::string why() const;

 private:
  void step(const net::ReachEvent& event);
  void perform(const net::SendAttend& action);
  void perform(const net::SendReachProbe& action) {
    link_.send_reach_probe(action.to, action.number);
  }
  void perform(const net::UseWay& action) { link_.redirect(loop_.now(), action.to); }
  void perform(const net::OpenStream&);
  void arm_timer();

  host::Loop& loop_;
  SealedLink& link_;
  net::Reach reach_;
  Endpoint meeting_;
  DatagramBuffer buffer_;
  std::unique_ptr<StreamBridge> bridge_;
  std::optional<host::TimerId> timer_;
};

}  // namespace axs::live
