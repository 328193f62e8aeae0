#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/net/transport_pair_test.h"

using namespace axs;
using namespace axs::net;
using namespace axs::net::test;

namespace {

constexpr PathId fibre{0};
constexpr PathId leo{1};

LinkModel random_link(Rng& rng) {
  LinkModel model{.delay = microseconds(100 + static_cast<std::int64_t>(rng.below(120'000))),
                  .bytes_per_second = 0.2e6 + rng.uniform() * 20e6,
                  .queue = milliseconds(2 + static_cast<std::int64_t>(rng.below(200)))};
  if (rng.chance(0.5)) model.jitter = microseconds(static_cast<std::int64_t>(rng.below(40'000)));
  if (rng.chance(0.6)) model.loss = rng.uniform() * rng.uniform() * 0.4;
  if (rng.chance(0.4)) model.duplication = rng.uniform() * 0.3;
  if (rng.chance(0.4)) {
    model.burst_start = 0.002;
    model.burst_length = 1 + static_cast<int>(rng.below(60));
  }
  for (std::uint64_t i = rng.below(4); i > 0; --i)
    model.outages.push_back(
        {Instant{} + microseconds(static_cast<std::int64_t>(rng.below(5'000'000))),
         microseconds(static_cast<std::int64_t>(rng.below(2'000'000)))});
  for (std::int64_t i = 1; i <= static_cast<std::int64_t>(rng.below(4)); ++i)
    model.delay_steps.push_back(
        {Instant{} + seconds(i), microseconds(static_cast<std::int64_t>(rng.below(150'000)))});
  return model;
}

std::uint64_t random_size(Rng& rng) {
  const std::uint64_t kind = rng.below(4);
  if (kind == 0) return 1 + rng.below(40);
  if (kind == 1) return 1300 + rng.below(100);
  return 1 + rng.below(kind == 2 ? 20'000 : 400'000);
}

TrafficClass random_class(Rng& rng) {
  return static_cast<TrafficClass>(rng.below(traffic_class_count));
}

/// Three seconds of messages in both directions, with what may happen to an agent meanwhile.
class Life {
 public:
  explicit Life(std::uint64_t seed)
      : rng_{seed},
        pair_{{.window = {.bytes = 100'000 + rng_.below(2'000'000),
                          .messages = 2 + static_cast<std::uint32_t>(rng_.below(60))}}} {
    for (const PathId path : {fibre, leo}) {
      const LinkModel link = random_link(rng_);
      pair_.add_path(path, link, rng_.next());
    }
    pair_.route(fibre, leo);
    if (rng_.chance(0.5)) pair_.spread({fibre, leo});
  }

  enum class Faults { of_links, restarts_too };
  void live(Faults faults) {
    for (int i = 0; i < 60; ++i) {
      send_some(rng_.below(2));
      if (rng_.chance(0.1)) flip_path(rng_.below(2));
      if (rng_.chance(0.1)) resize_packets(rng_.below(2));
      if (faults == Faults::restarts_too && rng_.chance(0.05)) pair_.restart(rng_.below(2));
      pair_.run(pair_.now() + microseconds(static_cast<std::int64_t>(rng_.below(100'000))));
    }
    for (TransportPair::Side side : {0u, 1u}) pair_.event(side, PathUp{fibre});
  }
  bool finish() {
    return pair_.run(pair_.now() + seconds(900), [&] {
      return pair_.end(0).acknowledged.size() >= pair_.end(0).sending.size() &&
             pair_.end(1).acknowledged.size() >= pair_.end(1).sending.size();
    });
  }
  TransportPair& pair() { return pair_; }

 private:
  void send_some(TransportPair::Side from) {
    for (std::uint64_t i = rng_.below(4); i > 0; --i) {
      const TrafficClass wanted = random_class(rng_);
      pair_.send(from, {wanted, next_id_++ * 0x9e3779b97f4a7c15}, random_size(rng_));
    }
  }
  void flip_path(TransportPair::Side side) {
    const PathId path = rng_.chance(0.5) ? fibre : leo;
    if (rng_.chance(0.5))
      pair_.event(side, PathDown{path});
    else
      pair_.event(side, PathUp{path});
  }

  void resize_packets(TransportPair::Side side) {
    const std::uint64_t more = rng_.below(rng_.chance(0.2) ? 8000 : 900);
    pair_.event(side,
                PacketSizeSet{rng_.chance(0.5) ? fibre : leo,
                              Transport::least_packet_size + static_cast<std::uint32_t>(more)});
  }

  Rng rng_;
  TransportPair pair_;
  std::uint64_t next_id_ = 1;
};

}  // namespace

TEST_CASE("whatever the links do, every message is delivered once and acknowledged once") {
  CHECK(rc::check([](std::uint64_t seed) {
    Life life{seed};
    life.live(Life::Faults::of_links);
    RC_ASSERT(life.finish());
    RC_ASSERT(life.pair().complaints().empty());
    for (TransportPair::Side side : {0u, 1u}) {
      RC_ASSERT(life.pair().end(side).refused == 0u);
      RC_ASSERT(life.pair().end(1 - side).delivered.size() == life.pair().end(side).sending.size());
    }
  }));
}

TEST_CASE("a restarted agent gets nothing of what was meant for the one before it") {
  CHECK(rc::check([](std::uint64_t seed) {
    Life life{seed};
    life.live(Life::Faults::restarts_too);
    RC_ASSERT(life.finish());
    RC_ASSERT(life.pair().complaints().empty());
    RC_ASSERT(life.pair().end(0).refused + life.pair().end(1).refused == 0u);
  }));
}

TEST_CASE("a cancelled message frees its place and the others arrive") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    TransportPair pair{{.window = {.bytes = 200'000, .messages = 4}}};
    pair.add_path(fibre, random_link(rng), seed);
    pair.route(fibre);
    for (std::uint64_t i = 0; i < 30; ++i) pair.send(0, {TrafficClass::bulk, i}, random_size(rng));
    for (std::uint64_t i = 0; i < 30; i += 3) {
      pair.run(pair.now() + microseconds(static_cast<std::int64_t>(rng.below(200'000))));
      pair.event(0, CancelMessage{TrafficClass::bulk, i});
    }
    RC_ASSERT(pair.run(pair.now() + seconds(600), [&] {
      for (std::uint64_t i = 0; i < 30; ++i)
        if (i % 3 != 0 && !pair.end(0).acknowledged.contains({TrafficClass::bulk, i})) return false;
      return true;
    }));
    pair.run(pair.now() + seconds(30));
    RC_ASSERT(pair.end(1).partial.empty());
    RC_ASSERT(pair.complaints().empty());
  }));
}
