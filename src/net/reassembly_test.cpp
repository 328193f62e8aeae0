#include "axs/net/reassembly.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <map>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::net;

namespace {

DataFrame piece(std::uint64_t name, std::uint64_t number, std::uint32_t offset) {
  return {TrafficClass::bulk, name, number, 20, offset, 10};
}

}  // namespace

TEST_CASE("reassembly: two messages under way never have one name, whatever comes") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    Reassembly inbox{{.messages = 64}};
    // By number: the name of what is under way, and the pieces of it; and the numbers that are
    // over.
    std::map<std::uint64_t, std::pair<std::uint64_t, std::set<std::uint32_t>>> under_way;
    std::set<std::uint64_t> over;
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t number = rng.below(60);
      if (rng.chance(0.02)) inbox.reset(), under_way.clear(), over.clear();
      if (rng.chance(0.1)) {
        const auto cancelled = inbox.cancel(number);
        RC_ASSERT(cancelled.discarded.has_value() == under_way.contains(number));
        under_way.erase(number);
        over.insert(number);
        continue;
      }
      const std::uint64_t name = rng.below(8);
      const std::uint32_t offset = rng.chance(0.5) ? 0 : 10;
      const bool taken = std::ranges::any_of(under_way, [&](const auto& other) {
        return other.first != number && other.second.first == name;
      });
      const auto known = under_way.find(number);
      const bool wrong = known == under_way.end() ? taken : known->second.first != name;
      Reassembly::Arrival arrival;
      const auto verdict = inbox.receive(piece(name, number, offset), arrival);
      if (over.contains(number)) {
        RC_ASSERT(verdict == Reassembly::Verdict::accepted);
        continue;
      }
      RC_ASSERT((verdict == Reassembly::Verdict::refused) == wrong);
      if (wrong) continue;
      under_way[number].first = name;
      auto& pieces = under_way[number].second;
      pieces.insert(offset);
      RC_ASSERT((verdict == Reassembly::Verdict::completed) == (pieces.size() == 2));
      if (pieces.size() == 2) under_way.erase(number), over.insert(number);
    }
  }));
}

TEST_CASE("reassembly: thousands of messages are under way at once") {
  const std::uint64_t count = ReceiveWindow{}.messages;
  Reassembly inbox{{}};
  Reassembly::Arrival arrival;
  for (std::uint64_t i = 0; i < count; ++i)
    CHECK(inbox.receive(piece(7 * i, i, 0), arrival) == Reassembly::Verdict::accepted);
  CHECK(inbox.receive(piece(0, count, 0), arrival) == Reassembly::Verdict::refused);
  for (std::uint64_t i = 0; i < count; ++i)
    CHECK(inbox.receive(piece(7 * i, i, 10), arrival) == Reassembly::Verdict::completed);
  CHECK(inbox.receive(piece(0, count, 0), arrival) == Reassembly::Verdict::accepted);
}
