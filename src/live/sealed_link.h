#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "axs/live/datagram_socket.h"
#include "axs/net/mtu_search.h"
#include "axs/net/seal.h"

namespace axs::live {

/// What happened on a link since it was made. Every packet that was sent or read is counted once.
struct SealedLinkCounters {
  std::uint64_t sent{};
  std::uint64_t sent_bytes{};  ///< Payload; likewise below.
  std::uint64_t refused{};     ///< Of those, packets that the kernel did not take.
  std::uint64_t trains{};      ///< In which the packets of both lines above left.
  std::uint64_t accepted{};
  std::uint64_t accepted_bytes{};
  std::uint64_t replayed{};
  std::uint64_t unknown_key{};
  std::uint64_t forged{};     ///< Bytes that are no packet of ours included.
  std::uint64_t datagrams{};  ///< In which they arrived.
  std::uint64_t probes{};     ///< Sent, for the MTU; beside all the others.
};

/// One end of an encrypted path between two sockets: payloads of any bytes go in, in trains over
/// the wire, and come out at the other end at most once, perhaps lost or in another order. It finds
/// out itself how large a packet may be, and follows a peer whose address changes: packets go to
/// where the newest authentic one came from (as in RFC 9000 section 9.3), so that an older packet,
/// late or repeated, moves nothing. Once in motion it allocates nothing. For one thread.
class SealedLink {
 public:
  struct Config {
    Endpoint peer;  ///< Where it is until it is heard from.
    net::Envelope envelope;
    net::MtuSearchConfig mtu{};  ///< `max` is at most packet_max.
    /// Gets what is not sealed: packets of a handshake. Without it they count as forged.
    std::function<void(Endpoint from, const net::OuterPacket&)> unsealed{};
    /// Is told what answers a probe of send_reach_probe() has.
    std::function<void(Endpoint from, std::uint32_t number)> reached{};
  };
  static constexpr std::size_t packet_max = 9'216;
  using Take = std::function<void(ByteView payload)>;

  /// Without keys so far: nothing is sealed and nothing opened.
  SealedLink(DatagramSocket socket, const Config& config);
  SealedLink(DatagramSocket socket, net::SecureSession session, const Config& config);

  /// From now on under these keys.
  void use(net::SecureSession session);
  /// Sends to that address from now on.
  void redirect(Instant now, const Endpoint& peer);
  /// Sends bytes as they are, beside all trains.
  void send_unsealed(const Endpoint& to, std::span<std::uint8_t> packet) {
    (void)socket_.send(to, {packet, packet.size()});
  }
  /// Asks whether the peer is at that address too: `reached` gets the number back from there if it
  /// is. Moves nothing.
  void send_reach_probe(const Endpoint& to, std::uint32_t number) {
    (void)send_alone(to, Kind::reach, number, numbered_packet_size());
  }

  /// Begins to look how wide the path is.
  void open(Instant now) { step(now, net::MtuPathOpened{}); }
  std::optional<Instant> wakeup() const { return search_.wakeup(); }
  void wake(Instant now) { step(now, Wakeup{}); }

  /// Where the next payload is to be written: as many bytes as a packet carries now. Good until the
  /// next commit(), whatever is received meanwhile.
  std::span<std::uint8_t> room();
  /// Seals the first `size` bytes of room(). They leave when no more packets fit beside them, or at
  /// the next flush(). False: there are no keys, or they are used up and the peer has not followed
  /// into new ones.
  [[nodiscard]] bool commit(std::size_t size);
  void flush();

  /// Opens what is there, at most one buffer, where it lies; `take` gets each payload. Answers the
  /// peer's probes.
  void receive(Instant now, DatagramBuffer& buffer, const Take& take);
  /// Since the packet that is being taken reached the machine.
  Duration waited() const { return waited_; }

  /// Where the peer is now.
  const Endpoint& peer() const { return config_.peer; }
  /// Where this end is bound.
  Endpoint local() const { return socket_.local(); }
  int fd() const { return socket_.fd(); }
  const SealedLinkCounters& counters() const { return counters_; }
  std::uint64_t kernel_drops() const { return socket_.kernel_drops(); }
  net::SecureSession& session() { return *session_; }
  const net::MtuSearch& mtu() const { return search_; }

 private:
  /// The first byte of what is sealed.
  enum class Kind : std::uint8_t { payload, probe, reply, reach, reached };

  std::size_t header_size() const;
  void step(Instant now, const net::MtuEvent& event);
  void send_train(std::size_t carried);
  std::size_t numbered_packet_size() const;
  Sent send_alone(const Endpoint& to, Kind kind, std::uint32_t number, std::size_t packet_size);
  void open_packet(Instant now, std::span<std::uint8_t> packet, const Take& take);
  void follow(Instant now, std::uint64_t number);
  void open_sealed(Instant now, const net::OuterPacket& parsed, std::span<std::uint8_t> plain,
                   const Take& take);
  void take_plain(Instant now, std::uint64_t packet, ByteView plain, const Take& take);

  DatagramSocket socket_;
  std::optional<net::SecureSession> session_;
  Config config_;
  net::MtuSearch search_;
  net::TrainBuilder train_;
  std::vector<std::uint8_t> alone_;  ///< A packet that rides in no train.
  std::vector<net::SendMtuProbe> probes_;
  SealedLinkCounters counters_;
  Endpoint from_{};           ///< Of the packet being opened.
  Duration waited_{};         ///< Likewise.
  std::uint64_t newest_ = 0;  ///< Below it are the numbers of all packets that came.
};

}  // namespace axs::live
