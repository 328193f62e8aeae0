#include "axs/net/train.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <numeric>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::net;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> packets_of(Train train) {
  std::vector<Bytes> packets;
  for_each_packet(train, [&](auto packet) { packets.emplace_back(packet.begin(), packet.end()); });
  return packets;
}

}  // namespace

TEST_CASE("train: whatever the sizes, the packets come out as they went in, in as few trains") {
  CHECK(rc::check([] {
    constexpr std::size_t packet_max = 9'000;
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const std::size_t usual = 1 + rng.below(packet_max);
    TrainBuilder builder{packet_max};
    std::vector<Bytes> wrote, read;
    const auto leave = [&](std::size_t carried) {
      const Train train = builder.train();
      RC_ASSERT(train.bytes.size() <= TrainShape::bytes_max);
      const auto packets = packets_of(train);
      RC_ASSERT(packets.size() == builder.shape().packets());
      RC_ASSERT(packets.size() <= TrainShape::packets_max);
      read.insert(read.end(), packets.begin(), packets.end());
      builder.restart(carried);
    };
    for (std::uint8_t i = 0; i < 200; ++i) {
      const std::size_t size = rng.chance(0.9) ? usual : 1 + rng.below(packet_max);
      const auto packet = builder.room().first(size);
      std::iota(packet.begin(), packet.end(), i);
      wrote.emplace_back(packet.begin(), packet.end());
      if (builder.append(size)) continue;
      leave(size);
      RC_ASSERT(builder.append(size));
    }
    leave(0);
    RC_ASSERT(read == wrote);
  }));
}

TEST_CASE("train: a shorter packet ends it, a longer one does not fit, and it has bounds") {
  TrainShape shape;
  CHECK_FALSE(shape.full());
  CHECK(shape.admit(1'472));
  CHECK_FALSE(shape.admit(1'473));
  CHECK(shape.admit(100));
  CHECK(shape.full());
  CHECK_FALSE(shape.admit(100));
  CHECK(shape.bytes() == 1'572);
  CHECK(shape.segment() == 1'472);

  TrainShape usual, small;
  while (!usual.full()) CHECK(usual.admit(1'472));
  CHECK(usual.packets() == 44);
  while (!small.full()) CHECK(small.admit(64));
  CHECK(small.packets() == TrainShape::packets_max);
}

TEST_CASE("train: cut anywhere, only its last packet is another") {
  Bytes bytes(10 * 100);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  const auto whole = packets_of({bytes, 100});
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto packets = packets_of({std::span{bytes}.first(cut), 100});
    REQUIRE(packets.size() == (cut + 99) / 100);
    for (std::size_t i = 0; i < cut / 100; ++i) REQUIRE(packets[i] == whole[i]);
  }
}
