#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/time.h"

namespace axs::twin {

/// What is to happen, in the order of time; at the same instant in the order it was scheduled.
/// Holds up to 2^24 events at once and 2^39 over its life.
///
/// A heap in which each node has four children, whose keys are one cache line (LaMarca and Ladner,
/// The influence of caches on the performance of heaps, 1996). The events themselves stay where
/// they were put.
template <class Event>
class Queue {
 public:
  void push(Instant at, Event event) {
    std::size_t place = events_.size();
    if (free_.empty()) {
      events_.push_back(std::move(event));
    } else {
      place = free_.back();
      free_.pop_back();
      events_[place] = std::move(event);
    }
    AXS_ASSERT(place < places && sequence_ < sequences);
    if (end_ == 4 * families_.size()) families_.push_back(no_keys);
    rise(end_++, (static_cast<Key>(at.ns) << 64) | static_cast<Key>(sequence_++ * places + place));
  }
  bool empty() const { return end_ == root; }
  // There must be an event for these two.
  Instant next_at() const {
    AXS_ASSERT(!empty());
    return {static_cast<std::int64_t>(key(root) >> 64)};
  }
  Event pop() {
    AXS_ASSERT(!empty());
    const std::size_t place = static_cast<std::uint64_t>(key(root)) % places;
    const Key last = std::exchange(key(--end_), never);
    // The last leaf belongs near the leaves, so it is not compared on the way down.
    if (end_ > root) rise(sink(), last);
    free_.push_back(place);
    return std::move(events_[place]);
  }
  std::uint64_t scheduled() const { return sequence_; }

 private:
  /// From the top: the instant, the sequence number, where the event is. One comparison without a
  /// branch orders all three.
  __extension__ using Key = __int128;
  struct alignas(64) Family {
    std::array<Key, 4> keys;
  };
  static constexpr std::uint64_t places = 1U << 24;
  static constexpr std::uint64_t sequences = std::uint64_t{1} << 39;
  static constexpr Key never = std::numeric_limits<Key>::max();  ///< Later than any event.
  static constexpr Family no_keys{{never, never, never, never}};
  /// Node n has the children 4n - 8 to 4n - 5, so that a family starts at a multiple of four.
  static constexpr std::size_t root = 3;

  Key& key(std::size_t node) { return families_[node / 4].keys[node % 4]; }
  const Key& key(std::size_t node) const { return families_[node / 4].keys[node % 4]; }

  /// Puts `rising` where it belongs between the empty `node` and the root.
  void rise(std::size_t node, Key rising) {
    while (node > root && rising < key(node / 4 + 2)) {
      key(node) = key(node / 4 + 2);
      node = node / 4 + 2;
    }
    key(node) = rising;
  }
  /// Takes the first key out, and returns the leaf that is empty when all have moved up.
  std::size_t sink() {
    std::size_t node = root;
    for (std::size_t family = node - 2; 4 * family < end_; family = node - 2) {
      const auto& keys = families_[family].keys;
      const std::size_t left = keys[1] < keys[0] ? 1 : 0, right = keys[3] < keys[2] ? 3 : 2;
      const std::size_t first = keys[right] < keys[left] ? right : left;
      key(node) = keys[first];
      node = 4 * family + first;
    }
    return node;
  }

  std::vector<Family> families_ = {no_keys};
  std::size_t end_ = root;  ///< The first node that is not there.
  std::vector<Event> events_;
  std::vector<std::size_t> free_;  ///< Places of events that have happened.
  std::uint64_t sequence_ = 0;
};

}  // namespace axs::twin
