#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "axs/net/frame.h"
#include "axs/net/range_set.h"
#include "axs/net/repair_plan.h"
#include "axs/net/sent_packets.h"

namespace axs::net {

/// What a receiver is asked to hold of messages that it does not have whole; both ends must be
/// given the same. A message larger than `bytes` is sent when no other of its class is under way.
struct ReceiveWindow {
  std::uint64_t bytes = 64u << 20;
  std::uint32_t messages = 4096;
  std::uint64_t largest = std::uint64_t{1} << 30;  ///< No message has more bytes.
};

/// The messages of one traffic class on their way to the peer: what to send next, what has been
/// acknowledged. First in, first out; what was lost goes before what is new. When nothing else is
/// left to send, and links lose by chance, repairs of what is under way follow, and what was lost
/// goes out a second time: the end of a message then does not wait a round trip for what is lost of
/// it, nor another one because a retransmission is lost too. A message of one packet is said twice.
class SendQueue {
 public:
  static constexpr std::uint64_t max_message = ReceiveWindow{}.largest;

  SendQueue(TrafficClass traffic, ReceiveWindow window) : traffic_{traffic}, window_{window} {}

  /// `id` must not be in the queue; 0 < size <= max_message.
  void push(std::uint64_t id, std::uint64_t size);
  /// Gives a message up, unless it is gone already.
  void cancel(std::uint64_t id);

  bool has_next() const;
  /// first: nothing is in the packet yet. What helps against the loss of a packet must not be in
  /// the same one, so it is first or not in at all.
  enum class Place : std::uint8_t { first, behind };
  /// The next frame, at most `space` bytes of wire; nothing if there is none or it does not fit.
  std::optional<Frame> next(std::uint32_t space, Place place);
  /// What the paths of this class lose by chance now.
  void expect(const ChanceLoss& loss) { loss_ = loss; }

  /// The peer has what `span` stands for. Returns the message's id if that completes it.
  std::optional<std::uint64_t> acknowledged(const SentSpan& span);
  /// congestion: a queue stood on the path, or all of it was given up.
  enum class Loss : std::uint8_t { chance, congestion };
  /// The network has lost what `span` stands for.
  void lost(const SentSpan& span, Loss why);
  /// There is a new peer that has nothing yet: all messages that are not complete start again.
  void restart();

  /// Bytes that are to be sent, for the first time or again.
  std::uint64_t unsent() const { return unsent_; }
  /// Messages that are neither acknowledged whole nor cancelled.
  std::size_t size() const { return numbers_.size(); }

 private:
  enum class State : std::uint8_t { active, cancelled, finished };
  struct Message {
    std::uint64_t id{};
    std::uint32_t total{};
    std::uint32_t sent{};  ///< What lies before has been sent at least once.
    State state{};
    bool admitted{};
    std::uint64_t acknowledged{};  ///< Bytes.
    RangeSet acknowledged_ranges;
    RangeSet resend;
    RangeSet repeat;  ///< To be sent once more, when there is nothing else.
    PieceGrid grid;
  };
  /// Numbers of messages, sorted.
  using Numbers = std::vector<std::uint64_t>;

  Message* find(std::uint64_t number);
  /// The message to send from next, if anything of it must be sent.
  std::optional<std::uint64_t> next_message() const;
  std::optional<Frame> next_extra(std::uint32_t space);
  std::optional<Frame> next_repair(std::uint32_t space);
  DataFrame data_frame(std::uint64_t number, Range piece);
  bool admissible(const Message& message) const;
  void admit();
  Range next_piece(std::uint64_t number, Message& message, std::uint32_t limit);
  void skip_sent();
  void protect_what_is_under_way();
  void protect(std::uint64_t number, Message& message);
  void repeat(std::uint64_t number, Range bytes);
  void drop_extras(std::uint64_t number);
  void finish(Message& message);

  TrafficClass traffic_;
  ReceiveWindow window_;
  std::deque<Message> messages_;  ///< By number, from first_number_ on.
  std::uint64_t first_number_ = 0;
  std::uint64_t fresh_ = 0;     ///< The first number with bytes that were never sent.
  std::uint64_t admitted_ = 0;  ///< The first number that the window has not let in.
  std::uint64_t under_way_bytes_ = 0;
  std::uint64_t unsent_ = 0;
  Numbers resending_;               ///< With something to send again.
  Numbers repeating_;               ///< With something to repeat.
  std::deque<RepairPlan> repairs_;  ///< To be sent when there is nothing else.
  std::uint64_t unprotected_ = 0;   ///< Below it, a message gets no repairs.
  ChanceLoss loss_;
  std::vector<std::uint64_t> cancels_;              ///< Numbers whose CancelFrame is to be sent.
  std::map<std::uint64_t, std::uint64_t> numbers_;  ///< By id.
};

}  // namespace axs::net
