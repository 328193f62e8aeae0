#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "axs/core/time.h"

namespace axs::twin {

/// What is to happen, in the order of time; at the same instant in the order it was scheduled. A
/// binary heap of plain values.
template <class Event>
class Queue {
 public:
  void push(Instant at, Event event) {
    heap_.push_back({at, sequence_++, std::move(event)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  bool empty() const { return heap_.empty(); }
  Instant next_at() const { return heap_.front().at; }
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Event event = std::move(heap_.back().event);
    heap_.pop_back();
    return event;
  }
  std::uint64_t scheduled() const { return sequence_; }

 private:
  struct Entry {
    Instant at;
    std::uint64_t sequence;
    Event event;
  };
  static bool later(const Entry& a, const Entry& b) {
    return std::pair{a.at, a.sequence} > std::pair{b.at, b.sequence};
  }
  std::vector<Entry> heap_;
  std::uint64_t sequence_ = 0;
};

}  // namespace axs::twin
