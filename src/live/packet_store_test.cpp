#include "axs/live/packet_store.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <vector>

#include "axs/core/rng.h"
#include "axs/live/latency_histogram.h"

namespace axs::live {
namespace {

TEST_CASE("packets keep their bytes whatever the order of their release") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    PacketStore store{4'096};
    std::map<PacketStore::Token, std::vector<std::uint8_t>> held;
    for (int step = 0; step < 2'000; ++step) {
      if (rng.chance(0.55)) {
        const std::size_t size = 1 + rng.below(700);
        const std::vector<std::uint8_t> packet(size, static_cast<std::uint8_t>(rng.next()));
        PacketStore::Token token;
        if (store.put(packet, token)) RC_ASSERT(held.emplace(token, packet).second);
      } else if (!held.empty()) {
        // Mostly the oldest, sometimes one that overtakes.
        const auto skip = rng.chance(0.2) ? rng.below(held.size()) : 0;
        const auto chosen = std::next(held.begin(), static_cast<std::ptrdiff_t>(skip));
        const auto bytes = store.get(chosen->first);
        RC_ASSERT(
            std::equal(bytes.begin(), bytes.end(), chosen->second.begin(), chosen->second.end()));
        store.release(chosen->first);
        held.erase(chosen);
      }
      RC_ASSERT(store.used() <= store.capacity());
    }
    while (!held.empty()) {
      store.release(held.begin()->first);
      held.erase(held.begin());
    }
    RC_ASSERT(store.used() == 0);
  }));
}

TEST_CASE("a full store refuses, and takes again when its oldest packet has gone") {
  PacketStore store{1'024};
  const std::vector<std::uint8_t> packet(248);  // 256 with its header
  std::vector<PacketStore::Token> tokens(4);
  for (auto& token : tokens) CHECK(store.put(packet, token));
  PacketStore::Token extra;
  CHECK(!store.put(packet, extra));
  store.release(tokens[1]);
  CHECK(!store.put(packet, extra));
  store.release(tokens[0]);
  CHECK(store.put(packet, extra));
  CHECK(store.put(packet, extra));
  CHECK(!store.put(packet, extra));
}

TEST_CASE("the newest packet leaves no hole") {
  PacketStore store{1'024};
  const std::vector<std::uint8_t> packet(248);
  PacketStore::Token oldest, newest;
  CHECK(store.put(packet, oldest));
  for (int i = 0; i < 10; ++i) {
    CHECK(store.put(packet, newest));
    store.release(newest);
    CHECK(store.used() == 256);
  }
}

TEST_CASE("quantiles are within a bucket of the exact ones") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    LatencyHistogram histogram;
    std::vector<std::int64_t> values;
    for (int i = 0; i < 300; ++i) {
      values.push_back(static_cast<std::int64_t>(rng.next() >> (20 + rng.below(44))));
      histogram.record(Duration{values.back()});
    }
    std::sort(values.begin(), values.end());
    RC_ASSERT(histogram.count() == values.size());
    RC_ASSERT(histogram.max().ns == values.back());
    for (const std::size_t percent : {1U, 50U, 99U}) {
      const std::int64_t exact = values[values.size() * percent / 100 - 1];
      const std::int64_t seen = histogram.quantile(static_cast<double>(percent) / 100).ns;
      RC_ASSERT(seen >= exact);
      RC_ASSERT(seen <= exact + exact / 16);
    }
  }));
  CHECK(LatencyHistogram{}.quantile(0.99) == Duration{});
}

}  // namespace
}  // namespace axs::live
