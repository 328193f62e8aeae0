#include "axs/net/transport.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/net/transport_pair_test.h"

using namespace axs;
using namespace axs::net;
using namespace axs::net::test;

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

double goodput_share(const LinkModel& model, std::uint64_t size) {
  TransportPair pair;
  pair.add_path(fibre, model);
  pair.route(fibre);
  const Duration took = transfer(pair, TrafficClass::bulk, 1, size);
  CHECK(pair.complaints().empty());
  return static_cast<double>(size) / took.seconds() / model.bytes_per_second;
}

}  // namespace

TEST_CASE("a long transfer fills the path, with and without random loss") {
  const double clean = goodput_share({}, 50'000'000);
  MESSAGE("share of 100 Mb/s, 150 ms, no loss: ", clean);
  CHECK(clean >= 0.90);
  const double lossy = goodput_share({.loss = 0.01}, 50'000'000);
  MESSAGE("share with 1 % loss: ", lossy);
  CHECK(lossy >= 0.85);
  const double two = goodput_share({.loss = 0.02}, 50'000'000);
  MESSAGE("share with 2 % loss: ", two);
  CHECK(two >= 0.80);
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
