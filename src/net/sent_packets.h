#pragma once

#include <array>
#include <optional>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/time.h"
#include "axs/net/frame.h"

namespace axs::net {

/// What a packet carried of one message; no bytes at all stands for its CancelFrame.
struct SentSpan {
  std::uint64_t number{};
  std::uint32_t offset{};
  std::uint16_t length{};
  TrafficClass traffic{};
};

/// What the sender knew about delivery when a packet left (draft-cheng-iccrg-delivery-rate-
/// estimation-02, section 3).
struct DeliverySnapshot {
  std::uint64_t delivered{};  ///< Bytes acknowledged so far.
  Instant delivered_at;
  std::optional<Instant> arrived_at;  ///< The same on the receiver's clock, if it said so.
  Instant first_sent;                 ///< When the packet left whose acknowledgement counted last.
  std::uint32_t train{};
  bool app_limited{};
};

/// settled: acknowledged, or nothing to wait for. lost: found lost, and abandoned: given up without
/// such proof; a late acknowledgement of either is still of use.
enum class PacketState : std::uint8_t { settled, outstanding, lost, abandoned };

struct SentPacket {
  static constexpr std::size_t max_spans = 4;

  Instant sent;
  std::uint64_t number{};
  std::uint64_t next{};  ///< The next packet that is not settled, for SentPackets alone.
  DeliverySnapshot snapshot;
  std::uint32_t size{};
  PacketState state{};
  std::uint8_t span_count{};
  bool telling{};  ///< Whether it arrives says what the path loses by chance.
  std::array<SentSpan, max_spans> spans;
};

/// The packets of one path that are not settled, oldest first: a ring by packet number, and in it a
/// list of the unsettled ones, so that an acknowledgement costs no more than what it changes.
class SentPackets {
 public:
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  std::uint64_t next_number() const { return next_; }
  bool empty() const { return head_ == none; }

  /// Uses up a packet number for a packet that nobody will wait for.
  void skip() {
    make_room();
    at(next_++).state = PacketState::settled;
    advance_base();
  }
  /// The record of the next packet, outstanding; the caller fills in the rest.
  SentPacket& push() {
    make_room();
    SentPacket& packet = at(next_);
    packet.number = next_;
    packet.next = none;
    packet.state = PacketState::outstanding;
    (head_ == none ? head_ : at(tail_).next) = next_;
    tail_ = next_++;
    return packet;
  }
  /// Calls visit(SentPacket&) for each unsettled packet up to `last`, oldest first; those that are
  /// settled on return leave.
  template <class Visit>
  void visit_unsettled(std::uint64_t last, Visit&& visit) {
    std::uint64_t before = none;
    std::uint64_t number = head_;
    while (number != none && number <= last) {
      SentPacket& packet = at(number);
      visit(packet);
      if (packet.state == PacketState::settled)
        (before == none ? head_ : at(before).next) = packet.next;
      else
        before = number;
      number = packet.next;
    }
    if (number == none) tail_ = before;
    advance_base();
  }
  /// Settles everything.
  void clear() {
    head_ = tail_ = none;
    base_ = next_;
  }

 private:
  SentPacket& at(std::uint64_t number) { return ring_[number & (ring_.size() - 1)]; }
  void advance_base() { base_ = head_ == none ? next_ : head_; }
  void make_room() {
    if (next_ - base_ < ring_.size()) return;
    std::vector<SentPacket> larger(ring_.size() * 2);
    for (auto n = base_; n != next_; ++n) larger[n & (larger.size() - 1)] = at(n);
    ring_ = std::move(larger);
  }

  std::vector<SentPacket> ring_ = std::vector<SentPacket>(64);
  std::uint64_t base_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t head_ = none;
  std::uint64_t tail_ = none;
};

}  // namespace axs::net
