#include "axs/net/frame.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::net;

TEST_CASE("the size of a packet is known without encoding it") {
  const Frame data = DataFrame{.traffic = TrafficClass::bulk, .message = 7, .length = 1000};
  const std::vector<Frame> frames{
      PingFrame{}, data, CancelFrame{},
      RepairFrame{.traffic = TrafficClass::gradient, .block = {5, 1000, 2}, .index = 3},
      AckFrame{.path = {1}, .delay_us = 2, .arrival_us = 3, .ranges = {{5, 9}, {1, 2}}}};
  Packet packet{.from = 1, .to = 2, .path = {1}, .number = 3, .frames = {}};
  CHECK(to_wire(packet).size() == wire_size(packet));
  for (const auto& frame : frames) {
    packet.frames.push_back(frame);
    const std::size_t payloads = payload_offset(packet, packet.frames.size());
    CHECK(payloads == 1000 * (packet.frames.size() / 2));
    CHECK(to_wire(packet).size() + payloads == wire_size(packet));
  }
  const auto again = from_wire<Packet>(to_wire(packet), "packet");
  REQUIRE(again.has_value());
  CHECK(again->frames == packet.frames);
}
