#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "axs/core/time.h"

namespace axs::twin {

/// What is to happen, in the order of time; at the same instant in the order it was scheduled. A
/// binary heap of small entries; the events themselves stay where they were put.
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
    heap_.push_back({at, sequence_++, place});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  bool empty() const { return heap_.empty(); }
  Instant next_at() const { return heap_.front().at; }
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const std::size_t place = heap_.back().place;
    heap_.pop_back();
    free_.push_back(place);
    return std::move(events_[place]);
  }
  std::uint64_t scheduled() const { return sequence_; }

 private:
  struct Entry {
    Instant at;
    std::uint64_t sequence;
    std::size_t place;
  };
  static bool later(const Entry& a, const Entry& b) {
    return std::pair{a.at, a.sequence} > std::pair{b.at, b.sequence};
  }
  std::vector<Entry> heap_;
  std::vector<Event> events_;
  std::vector<std::size_t> free_;
  std::uint64_t sequence_ = 0;
};

}  // namespace axs::twin
