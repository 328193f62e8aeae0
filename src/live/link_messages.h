#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "axs/live/link_channel.h"
#include "axs/net/repair_store.h"

namespace axs::live {

/// Whole messages over a lossy channel, each once, in any order: performs net::Transport over its
/// one path.
class LinkMessages {
 public:
  /// No message has more bytes; one that claims more is not stored.
  static constexpr std::size_t message_max = 256u << 10;

  struct Config {
    std::uint32_t incarnation{};  ///< Of the process, from 1.
    std::optional<BytesPerSecond> rate{};
  };
  struct Callbacks {
    std::function<void(ByteVector)> message;
    /// What was under way in either direction is lost: the other end has been started again.
    std::function<void()> reset;
  };

  LinkMessages(host::Loop& loop, LinkChannel& channel, Config config, Callbacks callbacks);
  LinkMessages(const LinkMessages&) = delete;
  ~LinkMessages();

  void send(net::TrafficClass traffic, ByteVector message);
  /// Bytes that the peer has not acknowledged.
  std::size_t held() const { return held_; }
  /// A frame of kind `stream`; anything is safe.
  void take(ByteView frame);
  /// The channel went up or down.
  void path_changed();
  /// To be called after frames were taken or messages sent: lets everything leave.
  void batch_end();

 private:
  using Key = std::pair<net::TrafficClass, std::uint64_t>;
  /// A packet that is being taken.
  struct Taking {
    const net::Packet& packet;
    ByteView payloads;
  };

  void forget_before(std::uint64_t message);
  void step(const net::Transport::Event& event, const Taking* taking = nullptr);
  void meet_peer();
  bool stale(const net::Packet& packet) const;
  void perform(const net::Transmit& action);
  void store(const net::Stored& action, const Taking& taking);
  void keep(const net::RepairStored& action, const Taking& taking);
  void rebuild(const net::Rebuilt& action);
  void deliver(const net::Deliver& action);
  void release(Key key);
  std::size_t write_payloads(const net::Packet& packet, std::span<std::uint8_t> into) const;

  host::Loop& loop_;
  LinkChannel& channel_;
  Callbacks callbacks_;
  net::Transport transport_;
  std::size_t packet_size_ = 0;  ///< That the transport was told.
  bool peer_known_ = false;
  /// Messages before this one were for a peer that is gone.
  std::optional<std::uint64_t> stale_before_;
  std::map<Key, ByteVector> outgoing_;
  struct Incoming {
    ByteVector bytes;
    net::RepairStore repairs;
  };
  std::map<Key, Incoming> incoming_;
  std::size_t held_ = 0;
  std::uint64_t next_message_ = 0;
  std::vector<net::Transport::Action> spare_;  ///< For its memory.
  ByteVector head_;                            ///< Likewise.
  std::optional<host::TimerId> timer_;
};

}  // namespace axs::live
