#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/rng.h"
#include "axs/net/transport.h"

using namespace axs;
using namespace axs::net;

namespace {

/// Mostly small, so that it hits something; sometimes absurd.
std::uint64_t any_number(Rng& rng) {
  const std::uint64_t kind = rng.below(8);
  if (kind == 0) return rng.next();
  if (kind == 1) return ~rng.below(4);
  return rng.below(kind == 2 ? 100'000 : 12);
}

TrafficClass any_class(Rng& rng) {
  return static_cast<TrafficClass>(rng.below(traffic_class_count));
}

AckFrame any_ack(Rng& rng) {
  AckFrame ack{PathId{static_cast<std::uint8_t>(any_number(rng))},
               static_cast<std::uint32_t>(any_number(rng)),
               any_number(rng),
               {}};
  for (std::uint64_t i = rng.below(rng.chance(0.1) ? 60 : 4); i > 0; --i) {
    const std::uint64_t first = any_number(rng);
    ack.ranges.push_back({first, rng.chance(0.9) ? first + rng.below(5) : any_number(rng)});
  }
  return ack;
}

Frame any_frame(Rng& rng) {
  const std::uint64_t kind = rng.below(10);
  if (kind == 0) return PingFrame{};
  if (kind == 1) return CancelFrame{any_class(rng), any_number(rng)};
  if (kind < 4) return any_ack(rng);
  if (kind < 6)
    return RepairFrame{.traffic = any_class(rng),
                       .message = rng.below(4),
                       .number = any_number(rng),
                       .block = {static_cast<std::uint32_t>(any_number(rng)),
                                 static_cast<std::uint16_t>(any_number(rng)),
                                 static_cast<std::uint16_t>(any_number(rng))},
                       .index = static_cast<std::uint8_t>(any_number(rng))};
  return DataFrame{.traffic = any_class(rng),
                   .message = rng.below(4),
                   .number = any_number(rng),
                   .total = static_cast<std::uint32_t>(any_number(rng)),
                   .offset = static_cast<std::uint32_t>(any_number(rng)),
                   .length = static_cast<std::uint16_t>(any_number(rng))};
}

PacketReceived any_packet(Rng& rng) {
  Packet packet{.from = static_cast<std::uint32_t>(rng.chance(0.9) ? 1 : any_number(rng)),
                .to = static_cast<std::uint32_t>(rng.chance(0.9) ? 1 : any_number(rng)),
                .path = {static_cast<std::uint8_t>(rng.chance(0.9) ? 0 : any_number(rng))},
                .number = any_number(rng),
                .frames = {}};
  for (std::uint64_t i = rng.below(4); i > 0; --i) packet.frames.push_back(any_frame(rng));
  return {packet};
}

}  // namespace

TEST_CASE("no sequence of packets breaks the transport, and no message comes twice") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    Transport transport{{.window = {.bytes = 50'000, .messages = 8}}};
    std::vector<Transport::Action> actions;
    Instant now;
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t bytes_stored = 0, bytes_rebuilt = 0;
    std::uint64_t bytes_delivered = 0;
    transport.step(now, PathUp{PathId{0}}, actions);
    transport.step(now, RouteSet{TrafficClass::bulk, PathId{0}, PathId{1}}, actions);
    for (int i = 0; i < 300; ++i) {
      now = now +
            microseconds(static_cast<std::int64_t>(rng.below(rng.chance(0.1) ? 3'000'000 : 50)));
      actions.clear();
      if (rng.chance(0.1))
        transport.step(now, SendMessage{TrafficClass::bulk, sent++, 1 + rng.below(20'000)},
                       actions);
      else if (const auto at = transport.wakeup(); at && *at <= now)
        transport.step(now, Wakeup{}, actions);
      else
        transport.step(now, any_packet(rng), actions);
      for (const auto& action : actions) {
        acknowledged += std::holds_alternative<Acknowledged>(action) ? 1 : 0;
        if (const auto* stored = std::get_if<Stored>(&action)) bytes_stored += stored->length;
        bytes_rebuilt = transport.rebuilt_bytes();
        if (const auto* whole = std::get_if<Deliver>(&action)) bytes_delivered += whole->total;
      }
    }
    RC_ASSERT(acknowledged + transport.unfinished(TrafficClass::bulk) == sent);
    RC_ASSERT(bytes_delivered <= bytes_stored + bytes_rebuilt);
  }));
}

TEST_CASE("a message that is larger than any of the job is refused with its first packet") {
  for (const std::uint32_t more : {0U, 1U}) {
    constexpr std::uint32_t largest = 100'000;
    Transport transport{{.window = {.largest = largest}}};
    std::vector<Transport::Action> actions;
    const DataFrame frame{TrafficClass::gradient, 5, 0, largest + more, 0, 50};
    transport.step(Instant{}, PacketReceived{{1, 1, PathId{0}, 0, {frame}}}, actions);
    REQUIRE(!actions.empty());
    CHECK(std::holds_alternative<Refused>(actions.back()) == (more > 0));
  }
}

TEST_CASE("a packet that claims what cannot be is refused and not acknowledged") {
  Transport transport{{}};
  std::vector<Transport::Action> actions;
  const auto refused = [&](const Frame& frame) {
    actions.clear();
    transport.step(Instant{}, PacketReceived{{1, 1, PathId{0}, 0, {frame}}}, actions);
    return !actions.empty() && std::holds_alternative<Refused>(actions.back());
  };
  const DataFrame honest{TrafficClass::bulk, 5, 0, 100, 0, 50};
  CHECK(!refused(honest));
  const auto with = [&](auto&& change) {
    DataFrame frame = honest;
    change(frame);
    return frame;
  };
  CHECK(refused(with([](DataFrame& f) { f.total = 101; })));
  CHECK(refused(with([](DataFrame& f) { f.message = 6; })));
  CHECK(refused(with([](DataFrame& f) { f.offset = 60; })));
  CHECK(refused(with([](DataFrame& f) { f.length = 0; })));
  CHECK(refused(with([](DataFrame& f) { f.number = 1u << 20; })));
  CHECK(refused(with([](DataFrame& f) { f.number = 1, f.total = 0xffffffff; })));
  CHECK(refused(CancelFrame{TrafficClass::bulk, 1u << 20}));
  CHECK(refused(AckFrame{PathId{0}, 0, 0, {{1000, 1000}}}));
  CHECK(refused(AckFrame{PathId{9}, 0, 0, {{0, 0}}}));
  CHECK(refused(AckFrame{PathId{0}, 0, 0, {}}));
}
