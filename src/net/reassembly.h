#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "axs/net/frame.h"
#include "axs/net/range_set.h"
#include "axs/net/send_queue.h"

namespace axs::net {

/// The messages of one traffic class on their way from the peer: which bytes are there, which
/// messages are complete, each of them once. Whatever the peer sends, no more is remembered than
/// the window allows.
class Reassembly {
 public:
  explicit Reassembly(ReceiveWindow window) : window_{window} {}

  enum class Verdict : std::uint8_t { accepted, completed, refused };
  /// Appends to `fresh` the ranges of the message that were not there before. completed: now it is
  /// whole. refused: no honest peer sends this.
  Verdict receive(const DataFrame& frame, std::vector<Range>& fresh);
  struct Cancelled {
    Verdict verdict{};
    std::optional<std::uint64_t> discarded;  ///< The message of which some bytes had arrived.
  };
  Cancelled cancel(std::uint64_t number);
  /// Another incarnation of the peer starts at zero.
  void reset();

 private:
  enum class State : std::uint8_t { unseen, partial, finished };
  struct Message {
    std::uint64_t id{};
    std::uint64_t received{};
    std::uint32_t total{};
    State state{};
    RangeSet ranges;
  };

  /// More pieces than the packets of any path in flight leave behind; beyond, a packet must fill a
  /// gap.
  static constexpr std::size_t max_pieces = 65536;

  /// The record of a number that is not finished; nothing beyond the window.
  Message* open(std::uint64_t number);
  bool start(Message& message, const DataFrame& frame);
  bool store(Message& message, Range bytes, std::vector<Range>& fresh);
  void finish(Message& message);

  ReceiveWindow window_;
  std::deque<Message> messages_;  ///< By number, from first_number_ on.
  std::uint64_t first_number_ = 0;
  std::uint64_t partial_bytes_ = 0;
  std::size_t pieces_ = 0;  ///< Ranges in all partial messages together.
};

}  // namespace axs::net
