#include "axs/twin/queue.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <map>
#include <memory>
#include <utility>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::twin;

TEST_CASE("events happen as an ordered map says, at the same instant as they were scheduled") {
  CHECK(rc::check([] {
    Queue<std::uint64_t> queue;
    std::map<std::pair<Instant, std::uint64_t>, std::uint64_t> oracle;
    // Few instants make many ties; a long queue has many levels.
    const auto instants = *rc::gen::element<std::uint64_t>(1, 10, 1'000'000'000);
    const auto longest = *rc::gen::element<std::size_t>(1, 7, 64, 600);
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    for (std::uint64_t step = 0; step < 2'000; ++step) {
      RC_ASSERT(queue.empty() == oracle.empty());
      if (oracle.empty() || (oracle.size() < longest && rng.chance(0.6))) {
        const Instant at{static_cast<std::int64_t>(rng.below(instants)) - 5};
        oracle.emplace(std::pair{at, queue.scheduled()}, step);
        queue.push(at, step);
      } else {
        const auto first = oracle.extract(oracle.begin());
        RC_ASSERT(queue.next_at() == first.key().first);
        RC_ASSERT(queue.pop() == first.mapped());
      }
    }
  }));
}

TEST_CASE("the last instants that there are have their order too, and events may only move") {
  Queue<std::unique_ptr<int>> queue;
  for (const int i : {0, 1, 2}) queue.push(Instant{INT64_MAX}, std::make_unique<int>(i));
  queue.push(Instant{INT64_MIN}, std::make_unique<int>(3));
  for (const int i : {3, 0, 1, 2}) CHECK(*queue.pop() == i);
  CHECK(queue.empty());
}
