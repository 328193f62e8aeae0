#include "axs/twin/queue.h"

#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <queue>
#include <utility>
#include <vector>

#include "axs/core/rng.h"

namespace axs::twin {
namespace {

/// About what one event of a simulation carries.
struct Happening {
  std::uint64_t what[6];
};

/// What people take who want to cancel.
class OrderedMap {
 public:
  void push(Instant at, const Happening& event) { map_.emplace(std::pair{at, sequence_++}, event); }
  Instant next_at() const { return map_.begin()->first.first; }
  Happening pop() { return map_.extract(map_.begin()).mapped(); }

 private:
  std::map<std::pair<Instant, std::uint64_t>, Happening> map_;
  std::uint64_t sequence_ = 0;
};

/// What people take who do not.
class PriorityQueue {
 public:
  void push(Instant at, const Happening& event) { heap_.push({{at, sequence_++}, event}); }
  Instant next_at() const { return heap_.top().key.first; }
  Happening pop() {
    const Happening event = heap_.top().event;
    heap_.pop();
    return event;
  }

 private:
  struct Entry {
    std::pair<Instant, std::uint64_t> key;
    Happening event;
    bool operator>(const Entry& other) const { return key > other.key; }
  };
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  std::uint64_t sequence_ = 0;
};

/// The hold model (Jones, An empirical comparison of priority-queue and event-set implementations,
/// 1986): the earliest event happens and schedules one at a random time later. As many are pending
/// as the argument says.
template <class Tested>
void hold(benchmark::State& state) {
  Tested queue;
  Rng rng{1};
  const auto some_time = [&rng] {
    return nanoseconds(static_cast<std::int64_t>(rng.next() >> 34));
  };
  const auto pending = state.range(0);
  for (std::int64_t i = 0; i < pending; ++i) queue.push(Instant{} + some_time(), Happening{});
  const auto once = [&] {
    const Instant now = queue.next_at();
    Happening event = queue.pop();
    ++event.what[0];
    queue.push(now + some_time(), event);
  };
  // Until what a queue looks like no longer depends on how it was filled.
  for (std::int64_t i = 0; i < 4 * pending; ++i) once();
  for (auto _ : state) once();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hold<Queue<Happening>>)->Arg(1'000)->Arg(200'000);
BENCHMARK(hold<PriorityQueue>)->Arg(1'000)->Arg(200'000);
BENCHMARK(hold<OrderedMap>)->Arg(1'000)->Arg(200'000);

}  // namespace
}  // namespace axs::twin
