#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "axs/host/loop.h"
#include "axs/live/link_spec.h"
#include "axs/live/peer_finder.h"
#include "axs/live/peer_session.h"
#include "axs/live/sealed_link.h"

namespace axs::live {

/// What a sealed payload of a link is, in its first byte.
enum class LinkFrame : std::uint8_t {
  echo,        ///< Asks for a reply with the same bytes.
  echo_reply,  ///< The answer.
  datagram,    ///< Of a UDP port.
  packet,      ///< An IP packet of a TUN interface.
  stream,      ///< A net::Packet of the transport that carries TCP.
};

/// Where a start of an end begins to number what it opens, so that nothing of an earlier start,
/// which the peer may still know, is mistaken for it.
constexpr std::uint32_t first_number(std::uint32_t incarnation) {
  return incarnation << 20;
}

/// One end of an encrypted link and its handshake: frames go in and come out, perhaps lost or in
/// another order. It looks for the peer until it has it, and again whenever it is lost.
class LinkChannel {
 public:
  struct Config {
    std::string run;  ///< Whose authority the certificates are of.
    LinkSide side{};
    LinkEndSpec own;
    std::string peer_name;  ///< What its certificate must call it.
    Credentials credentials;
    net::Incarnation incarnation{};
    net::TrafficClass traffic{};
    std::optional<Endpoint> meeting{};
    /// Nothing authentic for so long: the session is given up.
    Duration patience = seconds(5);
  };
  struct Callbacks {
    std::function<void(LinkFrame, ByteView)> frame;
    std::function<void()> batch_end;  ///< No more frames are there now.
    std::function<void()> changed;    ///< up() has.
  };

  static Result<std::unique_ptr<LinkChannel>> open(host::Loop& loop, Config config,
                                                   Callbacks callbacks);
  LinkChannel(const LinkChannel&) = delete;
  ~LinkChannel();

  bool up() const { return up_; }
  /// As SealedLink::waited(), during Callbacks::frame.
  Duration waited() const { return link_.waited(); }
  /// Over what packets go to the peer, for people.
  const char* way() const;
  /// Why, in a sentence.
  std::string why_this_way() const;
  /// Where the next frame is to be written: as much as one carries now.
  std::span<std::uint8_t> room() { return link_.room().subspan(1); }
  /// Takes the first bytes of room() as a frame; it leaves by the next flush(). False: it is lost,
  /// for there is no session.
  bool commit(LinkFrame kind, std::size_t size);
  void flush() { link_.flush(); }
  /// A small frame, at once. Lost if there is no session.
  void send(LinkFrame kind, ByteView bytes);

  const SealedLinkCounters& counters() const { return link_.counters(); }
  std::uint64_t kernel_drops() const { return link_.kernel_drops(); }
  std::uint32_t packet_size() const { return link_.mtu().packet_size(); }
  /// Sessions since the start, and why the last handshake failed.
  std::uint64_t sessions() const { return sessions_; }
  const std::string& last_failure() const { return last_failure_; }

 private:
  LinkChannel(host::Loop& loop, Config config, Callbacks callbacks, DatagramSocket socket);
  Result<> prepare();
  void receive();
  void take_unsealed(Endpoint from, const net::OuterPacket& packet);
  void take_handshake(Endpoint from, const net::OuterPacket& packet);
  void attend();
  void establish();
  void wake();
  void arm_timer();
  void set_up(bool up);

  host::Loop& loop_;
  Config config_;
  Callbacks callbacks_;
  net::Envelope envelope_;
  PeerSession session_;
  SealedLink link_;
  net::MarkKey handshake_key_;
  std::unique_ptr<PeerFinder> finder_;  ///< Only with a meeting point.
  DatagramBuffer buffer_;
  std::optional<host::TimerId> timer_;
  bool up_ = false;
  Instant heard_at_;
  std::uint64_t heard_ = 0;
  std::uint64_t sessions_ = 0;
  std::string last_failure_;
};

}  // namespace axs::live
