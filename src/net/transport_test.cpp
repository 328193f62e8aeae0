#include "axs/net/transport.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/digest.h"
#include "axs/net/transport_pair_test.h"

using namespace axs;
using namespace axs::net;
using namespace axs::net::test;

static_assert(Policy<Transport>);

namespace {

constexpr PathId fibre{0};
constexpr PathId leo{1};

/// Sends `size` bytes over one path and says how long the delivery took.
Duration transfer(TransportPair& pair, TrafficClass traffic, std::uint64_t message,
                  std::uint64_t size) {
  const Instant start = pair.now();
  pair.send(0, {traffic, message}, size);
  const bool delivered = pair.run(
      start + seconds(600), [&] { return pair.end(1).delivered.contains({traffic, message}); });
  REQUIRE(delivered);
  return pair.end(1).delivered.at({traffic, message}) - start;
}

/// The goodput of a transfer of 50 MB over a path that has been in use, by the rate of the path.
double goodput_share(const LinkModel& model) {
  TransportPair pair;
  pair.add_path(fibre, model);
  pair.route(fibre);
  transfer(pair, TrafficClass::bulk, 1, 20'000'000);
  const Duration took = transfer(pair, TrafficClass::bulk, 2, 50'000'000);
  CHECK(pair.complaints().empty());
  const double acknowledging = static_cast<double>(pair.link(1, fibre).bytes_sent()) /
                               static_cast<double>(pair.link(0, fibre).bytes_sent());
  CHECK(acknowledging <= (model.jitter.ns == 0 && model.loss <= 0.01 ? 0.015 : 0.02));
  return 50e6 / took.seconds() / model.bytes_per_second;
}

}  // namespace

TEST_CASE("a long transfer fills the path, with and without random loss") {
  const double clean = goodput_share({});
  MESSAGE("share of 100 Mb/s, 150 ms: ", clean);
  CHECK(clean >= 0.90);
  const double lossy = goodput_share({.loss = 0.01});
  MESSAGE("share with 1 % loss: ", lossy);
  CHECK(lossy >= 0.85);
  const double very_lossy = goodput_share({.loss = 0.03});
  MESSAGE("share with 3 % loss: ", very_lossy);
  CHECK(very_lossy >= 0.80);
  const double orbiting =
      goodput_share({.jitter = milliseconds(7),
                     .loss = 0.01,
                     .delay_steps = {{Instant{} + seconds(3), milliseconds(105)},
                                     {Instant{} + seconds(4), milliseconds(65)}}});
  MESSAGE("share with 1 % loss, jitter and handovers: ", orbiting);
  CHECK(orbiting >= 0.80);
}

TEST_CASE("an assigned rate is used from the first packet") {
  TransportPair pair;
  pair.add_path(fibre, {});
  pair.route(fibre);
  pair.event(0, RateAssigned{fibre, 12'500'000});
  const Duration took = transfer(pair, TrafficClass::bulk, 1, 50'000'000);
  // 150 ms to meet, 75 ms of delay, and headers.
  CHECK(took <= milliseconds(150 + 75) + from_seconds(4.0 * 1.05));
  CHECK(pair.statistics(0, fibre).packets_lost == 0);
}

TEST_CASE("control passes a saturated path quickly") {
  TransportPair pair;
  pair.add_path(fibre, {});
  pair.route(fibre);
  pair.send(0, {TrafficClass::bulk, 1}, 200'000'000);
  pair.run(Instant{} + seconds(3));
  Duration worst{};
  for (std::uint64_t i = 0; i < 50; ++i) {
    worst = std::max(worst, transfer(pair, TrafficClass::control, i, 200));
    pair.run(pair.now() + milliseconds(37));
  }
  MESSAGE("worst control latency over 75 ms: ", worst.seconds() * 1e3, " ms");
  CHECK(worst <= scaled(milliseconds(75), 1.3) + milliseconds(5));
}

TEST_CASE("a burst after a pause goes at the rate of the path") {
  TransportPair pair;
  pair.add_path(fibre, {});
  pair.route(fibre);
  Rng rng{7};
  Duration worst{};
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::uint64_t size = 100'000 + rng.below(300'000);
    const Duration took = transfer(pair, TrafficClass::gradient, i, size);
    const Duration ideal = milliseconds(75) + from_seconds(static_cast<double>(size) / 12.5e6);
    if (i >= 8) worst = std::max(worst, took - ideal);
    if (i < 12) MESSAGE("burst ", i, " margin ms ", (took - ideal).seconds() * 1e3);
    pair.run(pair.now() + milliseconds(200));
  }
  MESSAGE("worst margin over delay + size/rate: ", worst.seconds() * 1e3, " ms");
  CHECK(worst <= milliseconds(10));
}

TEST_CASE("a path carries packets as large as it may, and smaller ones when it may no more") {
  TransportPair pair;
  pair.add_path(fibre, {.loss = 0.01});
  pair.route(fibre);
  const auto packets_for = [&](std::uint64_t message) {
    const std::uint64_t before = pair.statistics(0, fibre).packets_sent;
    transfer(pair, TrafficClass::bulk, message, 8'000'000);
    return static_cast<double>(pair.statistics(0, fibre).packets_sent - before);
  };
  const double ordinary = packets_for(1);
  pair.event(0, PacketSizeSet{fibre, 8900});
  CHECK(packets_for(2) < ordinary / 6);
  // Half of it is under way in large packets when the path becomes narrow.
  pair.send(0, {TrafficClass::bulk, 3}, 8'000'000);
  pair.run(pair.now() + milliseconds(400));
  pair.event(0, PacketSizeSet{fibre, Transport::least_packet_size});
  CHECK(packets_for(4) > ordinary * 2);
  CHECK(pair.end(0).acknowledged.contains({TrafficClass::bulk, 3}));
  CHECK(pair.complaints().empty());
}

TEST_CASE("gradient and bulk share a saturated path by weight and nobody starves") {
  TransportPair pair;
  pair.add_path(fibre, {});
  pair.route(fibre);
  for (std::uint64_t i = 0; i < 400; ++i) {
    pair.send(0, {TrafficClass::gradient, i}, 1'000'000);
    pair.send(0, {TrafficClass::bulk, i}, 1'000'000);
  }
  pair.run(Instant{} + seconds(15));
  std::array<double, traffic_class_count> messages{};
  for (const auto& [key, at] : pair.end(1).delivered)
    messages[static_cast<std::size_t>(key.first)] += 1;
  CHECK(messages[2] > 15);
  CHECK(messages[1] / messages[2] == doctest::Approx(4).epsilon(0.15));
}

TEST_CASE("what is in flight on a path that goes down arrives over the backup") {
  TransportPair pair;
  const Instant cut = Instant{} + milliseconds(1500);
  pair.add_path(fibre, {.outages = {{cut, seconds(3600)}}});
  pair.add_path(leo, {.delay = milliseconds(40)});
  pair.route(fibre, leo);
  pair.send(0, {TrafficClass::bulk, 1}, 20'000'000);
  pair.run(cut + milliseconds(5));
  for (TransportPair::Side side : {0u, 1u}) pair.event(side, PathDown{fibre});
  const bool done = pair.run(cut + seconds(5), [&] { return !pair.end(0).acknowledged.empty(); });
  CHECK(done);
  CHECK(pair.complaints().empty());
}

TEST_CASE("after an outage without any notice a transfer goes on within two seconds") {
  TransportPair pair;
  const Instant cut = Instant{} + seconds(2);
  pair.add_path(fibre, {.outages = {{cut, seconds(60)}}});
  pair.route(fibre);
  pair.send(0, {TrafficClass::bulk, 1}, 20'000'000);
  pair.run(cut + seconds(60));
  CHECK(pair.end(0).acknowledged.empty());
  CHECK(pair.run(cut + seconds(62), [&] { return !pair.end(0).acknowledged.empty(); }));
  CHECK(pair.complaints().empty());
}

TEST_CASE("a message of 1 GiB passes though it is larger than the window") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(1), .bytes_per_second = 1.25e9});
  pair.route(fibre);
  pair.send(0, {TrafficClass::bulk, 0}, 1000);
  pair.send(0, {TrafficClass::bulk, 1}, SendQueue::max_message);
  pair.send(0, {TrafficClass::bulk, 2}, 1000);
  CHECK(pair.run(Instant{} + seconds(30), [&] { return pair.end(0).acknowledged.size() == 3; }));
  CHECK(pair.complaints().empty());
}

TEST_CASE("who is here is not said over a path that is held") {
  for (const bool other : {false, true}) {
    CAPTURE(other);
    Transport transport{{.incarnation = 2}};
    Instant now{};
    std::vector<Transport::Action> actions;
    const auto step = [&](const Transport::Event& event) {
      actions.clear();
      transport.step(now, event, actions);
    };
    const auto answers_over = [&](PathId path) {
      return std::ranges::count_if(actions, [path](const auto& action) {
        const auto* sent = std::get_if<Transmit>(&action);
        return sent != nullptr && sent->packet.path == path;
      });
    };
    step(PathUp{fibre});
    if (other) step(PathUp{leo});
    step(PathHold{.path = fibre, .until = now + seconds(1), .settled = now + seconds(1)});
    // For the incarnation before this one.
    const Packet packet{.from = 1, .to = 1, .path = fibre, .number = 1, .frames = {PingFrame{}}};
    step(PacketReceived{packet});
    CHECK(answers_over(fibre) == 0);
    now = now + milliseconds(20);
    step(PacketReceived{packet});
    CHECK(answers_over(fibre) == 0);
    CHECK(answers_over(leo) == (other ? 1 : 0));
    now = now + seconds(1);
    step(Wakeup{});
    step(PacketReceived{packet});
    CHECK(answers_over(fibre) == 1);
  }
}

TEST_CASE("two runs are the same run, to the last action") {
  const auto digest = [] {
    TransportPair pair;
    pair.add_path(fibre, {.jitter = milliseconds(3), .loss = 0.05});
    pair.route(fibre);
    for (std::uint64_t i = 0; i < 20; ++i) pair.send(i % 2, {TrafficClass::bulk, i}, 100'000);
    pair.run(Instant{} + seconds(5));
    return pair.digest().value();
  };
  CHECK(digest() == digest());
}

TEST_CASE("what the clocks of the two ends show makes no difference") {
  const auto deliveries = [](Duration first, Duration second) {
    TransportPair pair;
    pair.end(0).clock_offset = first;
    pair.end(1).clock_offset = second;
    pair.add_path(fibre, {.jitter = milliseconds(3), .loss = 0.02});
    pair.route(fibre);
    for (std::uint64_t message = 1; message <= 20; ++message)
      for (auto traffic : {TrafficClass::control, TrafficClass::gradient})
        pair.send(message % 2, {traffic, message}, 30'000 * message);
    pair.run(Instant{} + seconds(20));
    CHECK(pair.complaints().empty());
    CHECK(pair.end(0).delivered.size() + pair.end(1).delivered.size() == 40);
    return std::pair{pair.end(0).delivered, pair.end(1).delivered};
  };
  const auto right = deliveries({}, {});
  CHECK(deliveries(seconds(-3600), seconds(3600)) == right);
  CHECK(deliveries(seconds(-1), seconds(-86'400 * 365)) == right);
}

TEST_CASE("bulk over two paths at once has the sum of their rates, and gradients keep one path") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(20), .bytes_per_second = 25e6, .loss = 0.001});
  pair.add_path(leo, {.delay = milliseconds(15), .jitter = milliseconds(2), .loss = 0.01});
  pair.route(fibre);
  pair.spread({fibre, leo});
  transfer(pair, TrafficClass::bulk, 1, 60'000'000);
  const double share = 60e6 / transfer(pair, TrafficClass::bulk, 2, 60'000'000).seconds() / 37.5e6;
  MESSAGE("share of 300 Mb/s: ", share);
  CHECK(share >= 0.88);
  pair.run(pair.now() + seconds(1));
  const std::uint64_t over_leo = pair.link(0, leo).bytes_sent();
  transfer(pair, TrafficClass::gradient, 3, 5'000'000);
  CHECK(pair.link(0, leo).bytes_sent() == over_leo);
  CHECK(pair.complaints().empty());
}

TEST_CASE("a short message does not wait for the slowest path") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(10)});
  pair.add_path(leo, {.delay = milliseconds(300)});
  pair.route(fibre);
  pair.spread({fibre, leo});
  transfer(pair, TrafficClass::bulk, 1, 60'000'000);
  const Duration took = transfer(pair, TrafficClass::bulk, 2, 500'000);
  CHECK(took <= milliseconds(10 + 40 + 10));
}

/// Lets bulk find out what the paths carry; then gradients fill the one that they take for 4 s.
void fill_with_gradients(TransportPair& pair) {
  transfer(pair, TrafficClass::bulk, 1, 60'000'000);
  pair.run(pair.now() + seconds(1));
  for (std::uint64_t i = 0; i < 60; ++i) pair.send(0, {TrafficClass::gradient, i}, 1'000'000);
  pair.run(pair.now() + milliseconds(300));
}

TEST_CASE("beside gradients bulk leaves to the quicker path no more than its share carries") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(10)});
  pair.add_path(leo, {.delay = milliseconds(200)});
  pair.route(fibre);
  pair.spread({fibre, leo});
  fill_with_gradients(pair);
  // Over the fibre alone, beside the gradients: 0.8 s.
  const Duration took = transfer(pair, TrafficClass::bulk, 2, 2'000'000);
  MESSAGE("2 MB of bulk beside gradients: ", took.seconds(), " s");
  CHECK(took <= milliseconds(500));
  CHECK(pair.complaints().empty());
}

TEST_CASE("with rates bulk leaves nothing to a path that gradients fill: another one is free") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(10)});
  pair.add_path(leo, {.delay = milliseconds(200)});
  pair.route(fibre);
  pair.lease({fibre, leo}, {10'000'000, 10'000'000});
  fill_with_gradients(pair);
  // The gradients fill the fibre for 4 s.
  const Duration took = transfer(pair, TrafficClass::bulk, 2, 300'000);
  MESSAGE("300 kB of bulk with rates beside gradients: ", took.seconds(), " s");
  CHECK(took <= milliseconds(300));
  CHECK(pair.complaints().empty());
}

TEST_CASE("what is in flight on one of several paths arrives although that path is cut") {
  // With notice, and without any.
  for (const bool noticed : {true, false}) {
    TransportPair pair;
    const Instant cut = Instant{} + milliseconds(1500);
    pair.add_path(fibre, {});
    pair.add_path(leo, {.delay = milliseconds(40), .outages = {{cut, seconds(3600)}}});
    pair.route(fibre);
    pair.spread({fibre, leo});
    pair.send(0, {TrafficClass::bulk, 1}, 40'000'000);
    pair.run(cut + milliseconds(5));
    CHECK(pair.end(0).acknowledged.empty());
    if (noticed)
      for (TransportPair::Side side : {0u, 1u}) pair.event(side, PathDown{leo});
    const bool done = pair.run(cut + seconds(5), [&] { return !pair.end(0).acknowledged.empty(); });
    CHECK(done);
    CHECK(pair.complaints().empty());
  }
}

TEST_CASE("of a message's last packets few wait for a second retransmission") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(35), .bytes_per_second = 125e6, .loss = 0.03});
  pair.route(fibre);
  transfer(pair, TrafficClass::bulk, 0, 40'000'000);
  const Duration once = milliseconds(35 + 32 + 70 + 10);
  int within = 0;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    within += transfer(pair, TrafficClass::bulk, i, 4'000'000) <= once ? 1 : 0;
    pair.run(pair.now() + milliseconds(250));
  }
  CHECK(within >= 13);
  CHECK(pair.complaints().empty());
}

TEST_CASE("with rates a class goes over their paths alone, at these rates, and after the others") {
  TransportPair pair;
  pair.add_path(fibre, {.delay = milliseconds(20), .bytes_per_second = 25e6});
  pair.add_path(leo, {.delay = milliseconds(35), .bytes_per_second = 12.5e6}, 2);
  pair.route(fibre, leo);
  pair.lease({fibre, leo}, {10'000'000, 5'000'000});
  pair.send(0, {TrafficClass::bulk, 1}, 60'000'000);
  pair.run(Instant{} + seconds(2));
  // Gradients use what the rates leave, and more: bulk waits for them.
  const Duration gradient = transfer(pair, TrafficClass::gradient, 2, 2'000'000);
  CHECK(gradient < milliseconds(20 + 100));  // 2 MB alone take 82 ms, beside a fair share 100.
  pair.event(0, PathDown{leo});
  const std::uint64_t then = pair.link(0, leo).bytes_sent();
  pair.run(Instant{} + seconds(4));
  CHECK(pair.link(0, leo).bytes_sent() == then);
  const double sent = static_cast<double>(pair.link(0, fibre).bytes_sent());
  CHECK(sent > 0.9 * 42e6);
  CHECK(sent < 1.05 * 42e6);
  // None of them is up: the route is all there is.
  pair.lease({leo}, {5'000'000});
  CHECK(pair.run(Instant{} + seconds(6),
                 [&] { return pair.end(0).acknowledged.contains({TrafficClass::bulk, 1}); }));
  CHECK(pair.complaints().empty());
}
