#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/net/transport_pair_test.h"

using namespace axs;
using namespace axs::net;
using namespace axs::net::test;

namespace {

constexpr PathId fibre{0};
constexpr PathId leo{1};

const LinkModel ocean{.delay = milliseconds(35), .bytes_per_second = 125e6};

LinkModel losing(double rate) {
  LinkModel model = ocean;
  model.loss = rate;
  return model;
}

/// How long one message takes to be delivered; then the path has a pause.
Duration transfer(TransportPair& pair, TransportPair::Key key, std::uint64_t size) {
  const Instant start = pair.now();
  pair.send(0, key, size);
  REQUIRE(pair.run(start + seconds(60), [&] { return pair.end(1).delivered.contains(key); }));
  const Duration took = pair.now() - start;
  pair.run(pair.now() + milliseconds(250));
  return took;
}

/// How many of 20 messages take no more than one way and what their size takes at three quarters
/// of the rate, on a path in use.
int prompt_of_twenty(TransportPair& pair, TrafficClass traffic, std::uint64_t size) {
  transfer(pair, {TrafficClass::bulk, 0}, 40'000'000);
  const Duration prompt = milliseconds(35 + 5) + from_seconds(static_cast<double>(size) / 94e6);
  int count = 0;
  for (std::uint64_t i = 1; i <= 20; ++i)
    count += transfer(pair, {traffic, i}, size) <= prompt ? 1 : 0;
  CHECK(pair.complaints().empty());
  return count;
}

std::uint64_t repair_bytes(const TransportPair& pair) {
  return pair.statistics(0, fibre).repair_bytes;
}

}  // namespace

TEST_CASE("what is lost of a message is made good without another round trip") {
  for (const double loss : {0.01, 0.05}) {
    for (const std::uint64_t size : {64'000u, 1'000'000u, 4'000'000u}) {
      TransportPair pair;
      pair.add_path(fibre, losing(loss));
      pair.route(fibre);
      CHECK(prompt_of_twenty(pair, TrafficClass::gradient, size) >= 18);
      CHECK(pair.end(1).transport->rebuilt_bytes() > 0);
      CHECK(pair.end(0).transport->rebuilt_bytes() == 0);
    }
  }
}

TEST_CASE("bursts of losses are made good too") {
  LinkModel bursty = ocean;
  bursty.burst_start = 0.002;
  bursty.burst_time = microseconds(90);
  TransportPair pair;
  pair.add_path(fibre, bursty);
  pair.route(fibre);
  CHECK(prompt_of_twenty(pair, TrafficClass::gradient, 2'000'000) >= 18);
}

TEST_CASE("a message of one packet is said twice where packets are lost") {
  TransportPair pair;
  pair.add_path(fibre, losing(0.05));
  pair.route(fibre);
  CHECK(prompt_of_twenty(pair, TrafficClass::control, 200) >= 19);
}

TEST_CASE("packets that also acknowledge shift what follows, and repairs make good all the same") {
  TransportPair pair;
  pair.add_path(fibre, losing(0.01));
  pair.route(fibre);
  transfer(pair, {TrafficClass::bulk, 0}, 40'000'000);
  int prompt = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    pair.send(1, {TrafficClass::gradient, i}, 4'000'000);
    prompt += transfer(pair, {TrafficClass::gradient, i}, 4'000'000) <= milliseconds(90) ? 1 : 0;
  }
  CHECK(prompt >= 19);
  CHECK(pair.complaints().empty());
}

TEST_CASE("a path that loses nothing carries no repairs") {
  TransportPair pair;
  pair.add_path(fibre, ocean);
  pair.route(fibre);
  CHECK(prompt_of_twenty(pair, TrafficClass::gradient, 1'000'000) == 20);
  CHECK(repair_bytes(pair) == 0);
  CHECK(pair.statistics(0, fibre).chance_loss == 0);
}

TEST_CASE("a path that is overloaded is not given repairs on top") {
  TransportPair pair;
  pair.add_path(fibre, ocean);
  pair.route(fibre);
  pair.event(0, RateAssigned{fibre, 300'000'000});
  for (std::uint64_t i = 0; i < 3; ++i) transfer(pair, {TrafficClass::gradient, i}, 40'000'000);
  CHECK(pair.statistics(0, fibre).packets_lost > 100);
  CHECK(repair_bytes(pair) == 0);
}

TEST_CASE("that a short queue overflows is no loss by chance, once the path is known") {
  for (const Duration queue : {milliseconds(2), milliseconds(10)}) {
    LinkModel shallow = ocean;
    shallow.queue = queue;
    TransportPair pair;
    pair.add_path(fibre, shallow);
    pair.route(fibre);
    for (std::uint64_t i = 0; i < 6; ++i) transfer(pair, {TrafficClass::gradient, i}, 20'000'000);
    const std::uint64_t at_first = repair_bytes(pair);
    for (std::uint64_t i = 6; i < 9; ++i) transfer(pair, {TrafficClass::gradient, i}, 20'000'000);
    CHECK(pair.statistics(0, fibre).packets_lost > 1000);
    CHECK(repair_bytes(pair) == at_first);
  }
}

TEST_CASE("a queue without an end pays for no repairs") {
  TransportPair pair;
  pair.add_path(fibre, losing(0.02));
  pair.route(fibre);
  for (std::uint64_t i = 0; i < 100; ++i) pair.send(0, {TrafficClass::bulk, i}, 1'000'000);
  pair.run(Instant{} + milliseconds(600));
  CHECK(pair.statistics(0, fibre).packets_lost > 100);
  CHECK(repair_bytes(pair) == 0);
}

TEST_CASE("over several paths what one of them loses is made good") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(20), .bytes_per_second = 25e6});
  pair.add_path(leo, {.delay = milliseconds(15), .jitter = milliseconds(2), .loss = 0.02});
  pair.route(fibre);
  pair.spread({fibre, leo});
  transfer(pair, {TrafficClass::bulk, 1}, 60'000'000);
  for (std::uint64_t i = 2; i < 12; ++i) transfer(pair, {TrafficClass::bulk, i}, 3'000'000);
  CHECK(pair.end(1).transport->rebuilt_bytes() > 0);
  CHECK(pair.complaints().empty());
}

TEST_CASE("of repairs no more is kept than the window allows, and none of what cannot be") {
  Transport transport{{.window = {.bytes = 80'000}}};
  std::vector<Transport::Action> actions;
  std::uint64_t number = 0;
  const auto give = [&](const Frame& frame) {
    actions.clear();
    transport.step(Instant{}, PacketReceived{{1, 1, PathId{0}, number++, {frame}}}, actions);
  };
  const auto count = [&]<class Wanted>() {
    return std::count_if(actions.begin(), actions.end(), [](const Transport::Action& action) {
      return std::holds_alternative<Wanted>(action);
    });
  };
  give(DataFrame{TrafficClass::bulk, 5, 0, 60'000, 0, 1000});
  long kept = 0;
  for (std::uint8_t i = 0; i < 40; ++i) {
    give(RepairFrame{TrafficClass::bulk, 5, 0, {0, 1000, 1}, i});
    kept += count.template operator()<RepairStored>();
  }
  CHECK(kept == 8);  // Each of them costs 128 bytes besides its own.
  const auto refused = [&](const RepairFrame& frame) {
    give(frame);
    return count.template operator()<Refused>() == 1;
  };
  CHECK(!refused({TrafficClass::bulk, 7, 1, {0, 1000, 1}, 0}));  // Nothing of it is there.
  CHECK(refused({TrafficClass::bulk, 6, 0, {0, 1000, 1}, 0}));
  CHECK(refused({TrafficClass::bulk, 5, 0, {0, 1000, 1}, RepairBlock::max_repairs}));
  CHECK(refused({TrafficClass::bulk, 5, 0, {60'000, 1000, 1}, 0}));
  CHECK(refused({TrafficClass::bulk, 5, 0, {0, 0, 1}, 0}));
  CHECK(refused({TrafficClass::bulk, 5, 0, {0, 100, 1}, 0}));
}
