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
    /// turn() may have become more. What is sent now needs no batch_end().
    std::function<void()> more;
    /// What was under way in either direction is lost: the other end has been started again.
    std::function<void()> reset;
  };

  LinkMessages(host::Loop& loop, LinkChannel& channel, Config config, Callbacks callbacks);
  LinkMessages(const LinkMessages&) = delete;
  ~LinkMessages();

  /// Memory for a message of that size, with whatever bytes are in it. Large messages that were
  /// used lend theirs, for the kernel would clear new pages each time.
  ByteVector make(std::size_t size);
  void recycle(ByteVector message);
  void send(net::TrafficClass traffic, ByteVector message);
  /// How many bytes of that class one sender may hand over now, before it is another's turn. 0:
  /// nobody may, for what waits already keeps the path busy for some milliseconds, and everything
  /// handed over later would wait behind it.
  std::size_t turn(net::TrafficClass traffic) const;
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
  void release(Key key);
  void store(const net::Stored& action, const Taking& taking);
  void keep(const net::RepairStored& action, const Taking& taking);
  void rebuild(const net::Rebuilt& action);
  void deliver(const net::Deliver& action);
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
  std::vector<ByteVector> used_;  ///< For their memory.
  std::uint64_t next_message_ = 0;
  std::vector<net::Transport::Action> spare_;  ///< For its memory.
  ByteVector head_;                            ///< Likewise.
  std::optional<host::TimerId> timer_;
};

}  // namespace axs::live
