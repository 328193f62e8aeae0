#include "axs/live/message_store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>

#include "axs/core/rng.h"
#include "axs/host/temporary_folder.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using axs::live::testing::must;
using fabric::Site;
using fabric::SiteMessage;

namespace {

ByteVector random_bytes(std::size_t size, std::uint64_t seed) {
  Rng rng{seed};
  ByteVector bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
  return bytes;
}

SiteMessage offer_of(const ByteVector& bytes) {
  const train::Contribution contribution{SiteId{0}, {0, 256}, sha256(bytes), bytes.size()};
  return {train::Offer{{3}, contribution, {1}}, contribution.content, contribution.size};
}

/// Two sites' stores, and the way of a message from one to the other in pieces.
struct Pair {
  host::TemporaryFolder folder;
  BlobStore there = must(BlobStore::open(folder / "there"));
  BlobStore here = must(BlobStore::open(folder / "here"));
  MessageStore out{there};
  MessageStore in{here};

  /// Sends `size` bytes of message 7, cut into frames of `piece`, two in each packet.
  void carry(std::uint32_t size, std::uint16_t piece) {
    for (std::uint32_t at = 0; at < size;) {
      net::Packet packet;
      ByteVector payloads;
      for (int i = 0; i < 2 && at < size; ++i) {
        const auto length = static_cast<std::uint16_t>(std::min<std::uint32_t>(piece, size - at));
        const net::DataFrame frame{net::TrafficClass::gradient, 7, 0, size, at, length};
        out.append_payload(SiteId{1}, frame, payloads);
        packet.frames.emplace_back(net::PingFrame{});
        packet.frames.emplace_back(frame);
        at += length;
      }
      REQUIRE(payloads_match(packet, payloads));
      for (std::uint32_t i = 1; i < packet.frames.size(); i += 2) {
        const auto& frame = std::get<net::DataFrame>(packet.frames[i]);
        in.store({SiteId{0}, {frame.traffic, 7, size, frame.offset, frame.length, i}}, packet,
                 payloads);
      }
    }
  }
  /// The same with repairs for those of its symbols of `length` bytes that are lost.
  void carry_with_loss(std::uint32_t size, std::uint16_t length,
                       const std::vector<std::uint32_t>& lost) {
    const net::RepairBlock block{0, length, 1};
    for (std::uint32_t i = 0; i < block.symbols(size); ++i) {
      if (std::find(lost.begin(), lost.end(), i) != lost.end()) continue;
      const net::Range symbol = block.symbol(i, size);
      const net::DataFrame frame{net::TrafficClass::gradient,
                                 7,
                                 0,
                                 size,
                                 static_cast<std::uint32_t>(symbol.first),
                                 static_cast<std::uint16_t>(symbol.size())};
      ByteVector payload;
      out.append_payload(SiteId{1}, frame, payload);
      net::Packet packet;
      packet.frames = {frame};
      in.store({SiteId{0}, {frame.traffic, 7, size, frame.offset, frame.length, 0}}, packet,
               payload);
    }
    std::vector<std::uint32_t> repairs;
    for (std::uint8_t i = 3; repairs.size() < lost.size(); ++i) {
      const net::RepairFrame frame{net::TrafficClass::gradient, 7, 0, block, i};
      net::Packet packet;
      packet.frames = {net::PingFrame{}, frame};
      ByteVector payload;
      out.append_payload(SiteId{1}, frame, payload);
      REQUIRE(payloads_match(packet, payload));
      in.store_repair({SiteId{0}, {frame.traffic, 7, block, i, 1}}, packet, payload);
      repairs.push_back(i);
    }
    in.rebuild({SiteId{0}, {net::TrafficClass::gradient, 7, size, block, lost, repairs}});
  }
  Result<MessageStore::Taken> take(std::uint32_t size) {
    return in.take({SiteId{0}, {net::TrafficClass::gradient, 7, size}});
  }
};

}  // namespace

TEST_CASE("messages: what is lost comes back from repairs") {
  Pair pair;
  const ByteVector bytes = random_bytes(9'000, 1);
  must(pair.there.put(sha256(bytes), bytes));
  const SiteMessage message = offer_of(bytes);
  ByteVector none;
  pair.out.hold({SiteId{1}, net::TrafficClass::gradient, 7, message}, none);
  const auto size = static_cast<std::uint32_t>(fabric::message_size(message));
  // The first symbol has the record and what is attached, the last one is short.
  const std::uint32_t last = (size - 1) / 1000;
  pair.carry_with_loss(size, 1000, {0, 4, 5, last});
  must(pair.take(size));
  REQUIRE(pair.here.find(sha256(bytes)) != nullptr);
  CHECK(*pair.here.find(sha256(bytes)) == bytes);
}

TEST_CASE("messages: any cut into frames brings the record and what is attached") {
  for (const std::uint16_t piece : std::array<std::uint16_t, 4>{1, 3, 50, 1'000}) {
    Pair pair;
    const ByteVector bytes = random_bytes(2'345, piece);
    must(pair.there.put(sha256(bytes), bytes));
    const SiteMessage message = offer_of(bytes);
    ByteVector none;
    pair.out.hold({SiteId{1}, net::TrafficClass::gradient, 7, message}, none);
    // Bytes that are forgotten meanwhile are still sent whole.
    pair.there.forget(sha256(bytes));
    const auto size = static_cast<std::uint32_t>(fabric::message_size(message));
    pair.carry(size, piece);
    const Site::PeerMessage got = must(pair.take(size)).event;
    CHECK(to_wire(got.message.body) == to_wire(message.body));
    CHECK(got.message.attached == sha256(bytes));
    REQUIRE(pair.here.find(sha256(bytes)) != nullptr);
    CHECK(*pair.here.find(sha256(bytes)) == bytes);
    CHECK(pair.out.held(SiteId{1}) == 1);
    pair.out.release({SiteId{1}, net::TrafficClass::gradient, 7});
    CHECK(pair.out.held(SiteId{1}) == 0);
  }
}

TEST_CASE("messages: a chunk takes along what the event was given, and needs no store") {
  Pair pair;
  const ByteVector bytes = random_bytes(777, 1);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const SiteMessage message{train::RingMessage{train::Chunk{3, {5}, 1, 2, size}}, {}, size};
  ByteVector given = bytes;
  pair.out.hold({SiteId{1}, net::TrafficClass::gradient, 7, message}, given);
  CHECK(given.empty());
  const auto whole = static_cast<std::uint32_t>(fabric::message_size(message));
  pair.carry(whole, 50);
  const auto got = must(pair.take(whole));
  CHECK(to_wire(got.event.message) == to_wire(message));
  CHECK(got.values == bytes);
  CHECK(pair.here.contents().empty());
}

TEST_CASE("messages: bytes that are not what was offered are refused, and so is nonsense") {
  Pair pair;
  const auto send = [&](const ByteVector& message) {
    net::Packet packet;
    const auto size = static_cast<std::uint32_t>(message.size());
    packet.frames.emplace_back(net::DataFrame{net::TrafficClass::gradient, 7, 0, size, 0,
                                              static_cast<std::uint16_t>(size)});
    pair.in.store({SiteId{0}, {net::TrafficClass::gradient, 7, size, 0, size, 0}}, packet, message);
    return pair.take(size);
  };
  const ByteVector bytes = random_bytes(500, 1);
  const ByteVector record = to_wire(offer_of(bytes).body);
  ByteVector message;
  WireWriter{message}.put(static_cast<std::uint32_t>(record.size()));
  message.insert(message.end(), record.begin(), record.end());
  message.insert(message.end(), bytes.begin(), bytes.end());
  CHECK(send(message).has_value());
  pair.here.forget(sha256(bytes));
  for (std::size_t i = message.size() - bytes.size(); i < message.size(); i += 37) {
    ByteVector wrong = message;
    wrong[i] ^= 1;
    CHECK_FALSE(send(wrong).has_value());
  }
  CHECK_FALSE(send({message.begin(), message.end() - 1}).has_value());
  CHECK_FALSE(send({1}).has_value());
  CHECK_FALSE(send({255, 255, 255, 255, 0}).has_value());
  CHECK(pair.here.contents().empty());
  CHECK_FALSE(pair.take(5).has_value());
}

TEST_CASE("messages: what a peer gave up, or an earlier life of it sent, is dropped") {
  Pair pair;
  const ByteVector bytes = random_bytes(100, 1);
  must(pair.there.put(sha256(bytes), bytes));
  const SiteMessage message = offer_of(bytes);
  ByteVector none;
  pair.out.hold({SiteId{1}, net::TrafficClass::gradient, 7, message}, none);
  const auto size = static_cast<std::uint32_t>(fabric::message_size(message));
  pair.carry(size, 40);
  pair.in.drop({SiteId{0}, net::Discarded{net::TrafficClass::gradient, 7}});
  CHECK_FALSE(pair.take(size).has_value());
  pair.carry(size, 40);
  pair.in.drop({SiteId{0}, std::nullopt});
  CHECK_FALSE(pair.take(size).has_value());
}

TEST_CASE("messages: a peer that announces a large message occupies what it has sent of it") {
  Pair pair;
  const ByteVector bytes{1, 2, 3};
  constexpr std::uint32_t total = 1 << 30;
  for (const std::uint32_t offset : {std::uint32_t{0}, total / 2, total - 3}) {
    net::Packet packet;
    packet.frames.emplace_back(net::DataFrame{net::TrafficClass::gradient, 7, 0, total, offset, 3});
    pair.in.store({SiteId{0}, {net::TrafficClass::gradient, 7, total, offset, 3, 0}}, packet,
                  bytes);
  }
  CHECK(pair.in.arrived(SiteId{0}) == 9);
  CHECK(pair.in.arrived(SiteId{1}) == 0);
}

TEST_CASE("pieces: in whatever order bytes come, they end as the message") {
  const ByteVector message = random_bytes(300'000, 1);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng{seed};
    std::vector<std::size_t> cuts;
    const std::size_t largest = seed % 2 == 0 ? 3'000 : 100'000;
    for (std::size_t at = 0; at < message.size(); at += 1 + rng.below(largest)) cuts.push_back(at);
    std::vector<std::size_t> order(cuts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (seed > 1)
      for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    if (seed == 1) std::ranges::reverse(order);
    Pieces pieces;
    for (const std::size_t i : order) {
      const std::size_t end = i + 1 < cuts.size() ? cuts[i + 1] : message.size();
      pieces.put(cuts[i], ByteView{message}.subspan(cuts[i], end - cuts[i]));
    }
    CHECK(pieces.size() == message.size());
    CHECK(std::move(pieces).whole() == message);
  }
}

TEST_CASE("pieces: bytes that come one by one, backwards too, take little more than themselves") {
  Pieces pieces;
  const ByteVector message = random_bytes(200'000, 1);
  for (std::size_t i = message.size(); i > 0; --i)
    pieces.put(i - 1, ByteView{message}.subspan(i - 1, 1));
  CHECK(pieces.count() < 5);
  CHECK(std::move(pieces).whole() == message);
}

TEST_CASE("blobs: they survive the process, torn ones do not") {
  const host::TemporaryFolder folder;
  const ByteVector one = random_bytes(1'000, 1), two = random_bytes(10, 2);
  {
    BlobStore store = must(BlobStore::open(folder / "blobs"));
    must(store.put(sha256(one), one));
    must(store.put(sha256(two), two));
    CHECK_FALSE(store.put(sha256(one), two).has_value());
  }
  const std::string torn = folder / "blobs/" + to_hex(sha256(two));
  std::filesystem::resize_file(torn, 9);
  std::ofstream{folder / "blobs/unfinished.part"} << "x";
  BlobStore store = must(BlobStore::open(folder / "blobs"));
  CHECK(store.contents() == std::vector{sha256(one)});
  CHECK(*store.find(sha256(one)) == one);
  CHECK_FALSE(std::filesystem::exists(torn));
  store.forget(sha256(one));
  CHECK(std::filesystem::is_empty(folder / "blobs"));
}
