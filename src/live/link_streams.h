#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "axs/live/link_messages.h"
#include "axs/live/stream_listener.h"
#include "axs/net/range_set.h"

namespace axs::live {

/// Carries TCP connections: each is ended at both ends of the link and its bytes travel as messages
/// of the transport, numbered within the connection, so that a loss on the way holds up nobody
/// else. How much may be under way is granted by the end that must hold it. Connections are read in
/// turn, and no more than keeps the link busy: the rest waits in the kernel, at its program's cost.
class LinkStreams {
 public:
  static constexpr std::size_t streams_max = 4096;
  /// What all connections together may make an end hold, and each of them at least and at most.
  static constexpr std::uint64_t held_max = 256u << 20, window_min = 128u << 10,
                                 window_max = 32u << 20;
  /// A connection has at most so much read at once.
  static constexpr std::size_t chunk = 128u << 10;
  /// Messages of one connection that wait for an earlier one.
  static constexpr std::size_t early_max = 1u << 16;
  /// Messages of one connection without bytes: that it is finished, and that it has failed.
  static constexpr std::uint32_t bare_max = 2;

  struct Counters {
    std::uint64_t opened{};
    std::uint64_t failed{};  ///< Ended otherwise than by both programs closing.
    std::uint64_t sent_bytes{};
    std::uint64_t delivered_bytes{};
  };

  static Result<std::unique_ptr<LinkStreams>> open(host::Loop& loop, LinkChannel& channel,
                                                   const LinkSpec& spec, LinkSide side,
                                                   std::uint32_t incarnation);
  LinkStreams(const LinkStreams&) = delete;
  ~LinkStreams();

  /// A frame of kind `stream`; anything is safe.
  void take(ByteView frame) { messages_.take(frame); }
  void path_changed();
  void batch_end();

  std::size_t streams() const { return streams_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  /// open: to the forward of that number. data: bytes. finish: no more bytes. credit: so many bytes
  /// in all may be sent. reset: the connection has failed.
  enum class Kind : std::uint8_t { open, data, finish, credit, reset };
  struct Head {
    Kind kind{};
    std::uint32_t stream{};
    std::uint64_t number{};  ///< Of the message within its direction; of a credit, the bytes.
  };
  static constexpr std::size_t head_size = 1 + 4 + 8;
  struct Stream {
    host::Fd socket;  ///< None before `open` has arrived.
    bool connecting = false;
    std::optional<host::Interest> watched{};
    // From the program to the peer.
    std::uint64_t next_number = 0;
    std::uint64_t sent = 0;  ///< Bytes.
    std::uint64_t credit = window_min;
    bool read_all = false;
    bool in_turn = false;  ///< Readable, and in turns_.
    // From the peer to the program.
    std::uint64_t expected = 0;
    std::map<std::uint64_t, ByteVector> early{};  ///< Messages with their heads, by number.
    std::deque<ByteVector> waiting{};             ///< Likewise, for the program to read.
    std::size_t written = head_size;              ///< Of the first of those, and its head.
    std::uint64_t received = 0, consumed = 0, granted = window_min;
    std::uint32_t bare = 0;  ///< Messages without bytes.
    bool peer_finished = false, shut = false;
  };
  using Id = std::uint32_t;

  LinkStreams(host::Loop& loop, LinkChannel& channel, const LinkSpec& spec, LinkSide side,
              std::uint32_t incarnation);
  Result<> listen();
  void accept(std::uint16_t forward, host::Fd socket);
  void connect(Id id, Stream& stream, std::uint64_t forward);
  void adopt(Id id, Stream& stream, host::Fd socket);

  void take_message(ByteVector message);
  Stream* stream_of(Id id);
  void take_credit(const Head& head, Stream& stream);
  void take_in_order(Id id, Stream& stream);
  /// False: the stream is gone.
  bool take_next(Id id, Stream& stream, ByteVector message);

  void serve(Id id, host::Ready ready);
  void take_turns();
  void take_turn(Id id, Stream& stream, std::size_t most);
  void join_turns(Id id, Stream& stream);
  /// True: there may be more. The stream may be gone.
  bool read_from(Id id, Stream& stream, std::size_t most);
  bool write_to(Id id, Stream& stream);
  void grant(Id id, Stream& stream);
  void rearm(Id id, Stream& stream);
  void send(const Head& head, net::TrafficClass traffic, ByteView bytes = {});
  void fail(Id id, bool tell);
  bool end_if_done(Id id, Stream& stream);
  void close(Id id);
  void reset_all();

  host::Loop& loop_;
  std::vector<LinkForward> forwards_;
  net::TrafficClass traffic_;
  bool opens_;  ///< Streams begin at this end.
  LinkMessages messages_;
  std::vector<std::unique_ptr<StreamListener>> listeners_;
  std::map<Id, Stream> streams_;
  std::deque<Id> turns_;  ///< Who is read next; some may be gone.
  net::RangeSet seen_;    ///< Ids that have been opened by the peer.
  Id next_id_;
  Counters counters_;
};

}  // namespace axs::live
