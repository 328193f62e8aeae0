#pragma once

#include <bit>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "axs/net/frame.h"
#include "axs/net/range_set.h"
#include "axs/net/send_queue.h"

namespace axs::net {

/// The messages of one traffic class on their way from the peer: which bytes are there, which
/// messages are complete, each of them once. Whatever the peer sends, no more is remembered than
/// the window allows, and of repairs an eighth of that: those of a block are kept until they can
/// stand for all that is missing of it, or nothing is.
class Reassembly {
 public:
  explicit Reassembly(ReceiveWindow window) : window_{window} {}

  enum class Verdict : std::uint8_t { accepted, completed, refused };
  /// What repairs make good: as many `lost` symbols as there are `repairs`, all of which were kept.
  /// Without any: nothing of the block is missing, and its repairs are of no use any more.
  struct Rebuilding {
    RepairBlock block;
    std::vector<std::uint32_t> lost;
    std::vector<std::uint32_t> repairs;
  };
  struct Arrival {
    std::vector<Range> fresh;  ///< Bytes of the message that were not there before.
    bool kept = false;         ///< The repair is to be kept.
    std::uint32_t total{};     ///< Of its message.
    std::vector<Rebuilding> rebuilt;
    void clear();
  };
  /// Appends to `arrival`. completed: now the message is whole. refused: no honest peer sends this.
  Verdict receive(const DataFrame& frame, Arrival& arrival);
  Verdict receive(const RepairFrame& frame, Arrival& arrival);
  struct Cancelled {
    Verdict verdict{};
    std::optional<std::uint64_t> discarded;  ///< The message of which some bytes had arrived.
  };
  Cancelled cancel(std::uint64_t number);
  /// Another incarnation of the peer starts at zero.
  void reset();
  /// Bytes that were lost on the way and that repairs brought back.
  std::uint64_t rebuilt_bytes() const { return rebuilt_bytes_; }

 private:
  enum class State : std::uint8_t { unseen, partial, finished };
  /// The repairs of a block that have come, a bit for each.
  /// What the world needs to keep a repair, besides its bytes.
  static constexpr std::uint64_t repair_cost = 128;

  struct Held {
    RepairBlock block;
    std::uint64_t indices{};
    std::uint64_t
        short_of{};  ///< So many more symbols or repairs must come; then it is to be seen.
    std::uint64_t count() const { return static_cast<std::uint64_t>(std::popcount(indices)); }
    std::uint64_t bytes() const { return count() * (block.length + repair_cost); }
  };
  struct Message {
    std::uint64_t id{};
    std::uint64_t received{};
    std::uint32_t total{};
    State state{};
    RangeSet ranges;
    std::vector<Held> held;  ///< Blocks of one layout, so that a byte is in few of them.
  };

  /// More pieces than the packets of any path in flight leave behind; beyond, a packet must fill a
  /// gap.
  static constexpr std::size_t max_pieces = 65536;

  static constexpr std::size_t max_held_blocks = 4096;

  /// The record of a number that is not finished; nothing beyond the window.
  Message* open(std::uint64_t number);
  bool start(Message& message, const DataFrame& frame);
  bool store(Message& message, Range bytes, std::vector<Range>& fresh);
  std::vector<Held>::iterator hold(Message& message, const RepairFrame& frame);
  void look_at_blocks(Message& message, Range bytes, Arrival& arrival);
  bool make_good(Message& message, Held& held, std::uint64_t more, Arrival& arrival);
  static std::vector<std::uint32_t> lost_symbols(const Message& message, const RepairBlock& block);
  Verdict settle(Message& message);
  void finish(Message& message);

  ReceiveWindow window_;
  std::deque<Message> messages_;  ///< By number, from first_number_ on.
  std::uint64_t first_number_ = 0;
  std::uint64_t partial_bytes_ = 0;
  std::set<std::uint64_t> partial_names_;
  std::size_t pieces_ = 0;  ///< Ranges in all partial messages together.
  std::uint64_t held_bytes_ = 0;
  std::uint64_t rebuilt_bytes_ = 0;
};

}  // namespace axs::net
