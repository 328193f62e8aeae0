#include "axs/live/sealed_link.h"

#include <doctest/doctest.h>
#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "axs/core/rng.h"
#include "axs/live/run_testing.h"

namespace {

/// Of the whole program, libcrypto's included.
std::atomic<std::uint64_t> allocations = 0;

void* counted(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size > 0 ? size : 1);
}

void* crypto_allocate(std::size_t size, const char*, int) {
  return counted(size);
}
void* crypto_resize(void* memory, std::size_t size, const char*, int) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::realloc(memory, size);
}
void crypto_free(void* memory, const char*, int) {
  std::free(memory);
}

bool crypto_is_counted = false;

/// Before all others, because libcrypto takes it only before its first allocation.
[[gnu::constructor(101)]] void count_crypto() {
  crypto_is_counted = CRYPTO_set_mem_functions(crypto_allocate, crypto_resize, crypto_free) == 1;
}

}  // namespace

// Not inlined, or GCC takes free() for the wrong partner of an operator new that it has not
// inlined.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* memory = counted(size);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace axs::live {
namespace {

using testing::must;

const Key256 secret{9, 8, 7};
constexpr Endpoint nowhere{.port = 9};

DatagramSocket open_socket() {
  return must(DatagramSocket::open({}, "test"));
}

struct Ends {
  net::Direction sending;
  Endpoint peer;
  net::MtuSearchConfig mtu{};
  Key256 key = secret;
};

SealedLink make_link(DatagramSocket socket, const Ends& ends) {
  return {std::move(socket), net::SecureSession{ends.key, ends.sending},
          SealedLink::Config{
              .peer = ends.peer, .envelope = {SiteId{1}, SiteId{2}, {}}, .mtu = ends.mtu}};
}

/// A client and a server with somebody in the middle, whom each takes for the other.
class Wire {
 public:
  explicit Wire(net::MtuSearchConfig mtu = {})
      : middle{open_socket()},
        client_socket_{open_socket()},
        server_socket_{open_socket()},
        server_end{server_socket_.local()},
        client_end{client_socket_.local()},
        server{make_link(std::move(server_socket_),
                         {net::Direction::server_to_client, middle.local(), mtu})},
        client{make_link(std::move(client_socket_),
                         {net::Direction::client_to_server, middle.local(), mtu})} {}

  DatagramSocket middle;

 private:
  DatagramSocket client_socket_, server_socket_;

 public:
  const Endpoint server_end, client_end;
  SealedLink server, client;
  DatagramBuffer buffer;
  Instant now{};

  /// Hands on what has come to the middle; `disturb` may send more and change the client's trains.
  template <class Disturb>
  void pass(const Disturb& disturb) {
    middle.receive(buffer);
    for (Datagram& datagram : buffer.datagrams) {
      const bool back = datagram.from == server_end;
      if (back || disturb(datagram.train))
        CHECK(middle.send(back ? client_end : server_end, datagram.train) == Sent::taken);
    }
  }
  void pass() {
    pass([](net::Train&) { return true; });
  }
  /// Lets a round trip happen and `passing` afterwards.
  template <class Disturb>
  void turn(const Disturb& disturb, Duration passing, const SealedLink::Take& take) {
    pass(disturb);
    server.receive(now, buffer, take);
    pass(disturb);
    client.receive(now, buffer, [](ByteView) {});
    now = now + passing;
    for (SealedLink* link : {&client, &server})
      if (link->wakeup() && *link->wakeup() <= now) link->wake(now);
  }
};

/// Packets by number, each with bytes that follow from it.
class Numbered {
 public:
  explicit Numbered(std::uint32_t count) : seen_(count) {}

  void write(std::span<std::uint8_t> room) { write(written_++, room); }
  void take(ByteView payload) {
    std::uint32_t number;
    if (payload.size() != size) return void(++wrong);
    std::memcpy(&number, payload.data(), sizeof number);
    if (number >= written_ || seen_[number]) return void(++wrong);
    write(number, expected_);
    if (std::memcmp(expected_.data(), payload.data(), size) != 0) return void(++wrong);
    seen_[number] = true;
    ++taken;
  }
  std::uint32_t written() const { return written_; }

  static constexpr std::size_t size = 80;
  std::uint32_t taken = 0;
  std::uint32_t wrong = 0;

 private:
  static void write(std::uint32_t number, std::span<std::uint8_t> room) {
    std::memset(room.data(), static_cast<int>(number * 31 & 0xff), size);
    std::memcpy(room.data(), &number, sizeof number);
  }

  std::uint32_t written_ = 0;
  std::vector<bool> seen_;
  std::array<std::uint8_t, size> expected_{};
};

/// Somebody on the wire who holds back, repeats, alters and cuts trains, but loses none.
class Mischief {
 public:
  Mischief(DatagramSocket& from, Endpoint to) : from_{from}, to_{to} {}

  bool operator()(net::Train& train) {
    const bool keep = held_.empty() && rng_.chance(0.1);
    if (!keep && !held_.empty()) release();
    if (keep) {
      held_.assign(train.bytes.begin(), train.bytes.end());
      held_segment_ = train.segment;
      return false;
    }
    if (rng_.chance(0.1)) send(train);
    if (rng_.chance(0.1)) send(cut(train));
    if (rng_.chance(0.1)) send(altered(train));
    return true;
  }
  void release() {
    if (!held_.empty()) send({held_, held_segment_});
    held_.clear();
  }
  std::uint64_t packets_added = 0;

 private:
  void send(const net::Train& train) {
    CHECK(from_.send(to_, train) == Sent::taken);
    packets_added += (train.bytes.size() + train.segment - 1) / train.segment;
  }
  net::Train cut(const net::Train& train) {
    copy_.assign(train.bytes.begin(), train.bytes.end());
    return {std::span{copy_}.first(1 + rng_.below(copy_.size())), train.segment};
  }
  net::Train altered(const net::Train& train) {
    copy_.assign(train.bytes.begin(), train.bytes.end());
    copy_[rng_.below(copy_.size())] ^= static_cast<std::uint8_t>(1 << rng_.below(8));
    return {copy_, train.segment};
  }

  DatagramSocket& from_;
  Endpoint to_;
  Rng rng_{5};
  ByteVector held_, copy_;
  std::size_t held_segment_ = 0;
};

TEST_CASE("sealed link: a million packets, new keys, repeats, cuts: each arrives exactly once") {
  constexpr std::uint32_t count = 1'000'000;
  Wire wire;
  Numbered numbered{count};
  Mischief mischief{wire.middle, wire.server_end};
  const auto take = [&](ByteView payload) { numbered.take(payload); };
  while (numbered.written() < count) {
    for (int i = 0; i < 500; ++i) {
      numbered.write(wire.client.room());
      REQUIRE(wire.client.commit(Numbered::size));
    }
    wire.client.flush();
    if (numbered.written() % 10'000 == 0) wire.client.session().request_rekey();
    wire.turn([&](net::Train& train) { return mischief(train); }, microseconds(10), take);
    // A word from the server, so that the client may go on to the next key.
    REQUIRE(wire.server.commit(1));
    wire.server.flush();
  }
  mischief.release();
  for (int i = 0; i < 10; ++i) wire.turn([](net::Train&) { return true; }, microseconds(10), take);

  const SealedLinkCounters& got = wire.server.counters();
  CHECK(numbered.taken == count);
  CHECK(numbered.wrong == 0);
  CHECK(got.accepted == count);
  CHECK(got.replayed > 10'000);
  CHECK(got.forged > 100);
  CHECK(wire.client.session().epoch() >= 90);
  CHECK(wire.client.counters().refused + wire.server.kernel_drops() + wire.middle.kernel_drops() ==
        0);
}

TEST_CASE("sealed link: nothing is allocated per packet") {
  REQUIRE(crypto_is_counted);
  Wire wire;
  Numbered numbered{60'000};
  const SealedLink::Take take = [&](ByteView payload) { numbered.take(payload); };
  const auto pass_all = [](net::Train&) { return true; };
  wire.client.open(wire.now);
  wire.server.open(wire.now);
  const auto send_until = [&](std::uint32_t end) {
    while (numbered.written() < end) {
      for (int i = 0; i < 500; ++i) {
        numbered.write(wire.client.room());
        if (!wire.client.commit(Numbered::size)) return;
      }
      wire.client.flush();
      wire.turn(pass_all, milliseconds(30), take);
    }
  };
  send_until(10'000);
  const std::uint64_t before = allocations;
  send_until(60'000);
  CHECK(allocations == before);
  CHECK(numbered.taken == 60'000);
  CHECK(wire.client.counters().probes >= 3);
}

TEST_CASE("sealed link: payloads of every size arrive, in order, in few trains") {
  Wire wire;
  Rng rng{3};
  std::vector<ByteVector> sent, got;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 60; ++i) {
      const auto room = wire.client.room();
      const std::size_t size = rng.chance(0.8) ? room.size() : rng.below(room.size() + 1);
      for (std::uint8_t& byte : room.first(size)) byte = static_cast<std::uint8_t>(rng.below(256));
      sent.emplace_back(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
      REQUIRE(wire.client.commit(size));
    }
    wire.client.flush();
    wire.turn([](net::Train&) { return true; }, {},
              [&](ByteView payload) { got.emplace_back(payload.begin(), payload.end()); });
  }
  CHECK(got == sent);
  CHECK(wire.client.counters().trains < 50 * 60 / 2);
}

TEST_CASE("sealed link: what was sealed under other keys, or is no packet, is counted apart") {
  DatagramSocket socket = open_socket();
  const Endpoint end = socket.local();
  SealedLink server = make_link(std::move(socket), {net::Direction::server_to_client, nowhere});
  SealedLink stranger = make_link(
      open_socket(), {.sending = net::Direction::client_to_server, .peer = end, .key = {1}});
  SealedLink mirror = make_link(open_socket(), {net::Direction::server_to_client, end});
  for (SealedLink* link : {&stranger, &mirror}) {
    CHECK(link->commit(100));
    CHECK(link->commit(100));
    link->flush();
  }
  std::vector<std::uint8_t> noise(100, 0xff);
  CHECK(open_socket().send(end, net::Train{noise, 30}) == Sent::taken);
  DatagramBuffer buffer;
  int taken = 0;
  server.receive({}, buffer, [&](ByteView) { ++taken; });
  CHECK(taken == 0);
  CHECK(server.counters().unknown_key == 2);
  CHECK(server.counters().forged == 2 + 4);
}

TEST_CASE("sealed link: packets grow to what the path carries, and shrink when that does") {
  Wire wire;
  std::size_t width = 1'420;
  const auto narrow = [&](net::Train& train) { return train.segment <= width; };
  std::size_t largest = 0;
  const auto turns = [&](int count) {
    for (int i = 0; i < count; ++i) {
      largest = 0;
      REQUIRE(wire.client.commit(wire.client.room().size()));
      wire.client.flush();
      wire.turn(narrow, milliseconds(20),
                [&](ByteView payload) { largest = std::max(largest, payload.size()); });
    }
  };
  const std::size_t overhead = net::OuterHeader::fixed_size + 1 + Aead::tag_size;
  wire.client.open(wire.now);
  turns(300);
  CHECK(wire.client.mtu().complete());
  CHECK(largest + overhead <= 1'420);
  CHECK(largest + overhead > 1'420 - net::MtuSearchConfig{}.step);
  width = 1'300;
  turns(300);
  CHECK(largest + overhead <= 1'300);
  CHECK(largest + overhead > 1'300 - net::MtuSearchConfig{}.step);
}

TEST_CASE("sealed link: a peer whose address changes is followed, but not back by an old packet") {
  DatagramSocket first = open_socket(), second = open_socket();
  DatagramSocket server_socket = open_socket(), client_socket = open_socket();
  const Endpoint server_end = server_socket.local();
  SealedLink server =
      make_link(std::move(server_socket), {net::Direction::server_to_client, nowhere});
  SealedLink client =
      make_link(std::move(client_socket), {net::Direction::client_to_server, first.local()});
  DatagramBuffer buffer;
  const auto pass_by = [&](DatagramSocket& socket, const net::Train& train) {
    CHECK(socket.send(server_end, train) == Sent::taken);
    server.receive({}, buffer, [](ByteView) {});
  };
  std::vector<ByteVector> packets;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.commit(40));
    client.flush();
    first.receive(buffer);
    REQUIRE(buffer.datagrams.size() == 1);
    const auto bytes = buffer.datagrams.front().train.bytes;
    packets.emplace_back(bytes.begin(), bytes.end());
  }
  pass_by(first, {packets[0], packets[0].size()});
  CHECK(server.peer() == first.local());
  pass_by(second, {packets[2], packets[2].size()});
  CHECK(server.peer() == second.local());
  pass_by(first, {packets[1], packets[1].size()});  // Accepted, but late.
  pass_by(first, {packets[2], packets[2].size()});  // A repetition.
  CHECK(server.peer() == second.local());
  CHECK(server.counters().accepted == 3);
  ByteVector altered = packets[2];
  altered.back() ^= 1;
  pass_by(first, {altered, altered.size()});
  CHECK(server.peer() == second.local());
}

TEST_CASE("sealed link: over IPv6, and between a socket for both kinds and one of IPv4") {
  net::IpAddress any{}, loopback{};
  any.bytes.fill(0);
  loopback.bytes.fill(0);
  loopback.bytes.back() = 1;
  for (const net::IpAddress& address : {loopback, net::IpAddress{}}) {
    auto server_socket = DatagramSocket::open({any, 0}, "test");
    if (!server_socket) {
      MESSAGE("no IPv6 here: ", server_socket.error().what);
      return;
    }
    const std::uint16_t port = server_socket->local().port;
    SealedLink server =
        make_link(*std::move(server_socket), {net::Direction::server_to_client, nowhere});
    DatagramSocket socket = must(DatagramSocket::open({address, 0}, "test"));
    const Endpoint client_end = socket.local();
    SealedLink client =
        make_link(std::move(socket), {net::Direction::client_to_server, {address, port}});
    DatagramBuffer buffer;
    int taken = 0;
    for (int i = 0; i < 200; ++i) REQUIRE(client.commit(1'000));
    client.flush();
    const auto count = [&](ByteView) { ++taken; };
    while (taken < 200) server.receive({}, buffer, count);
    CHECK(server.peer() == client_end);
    REQUIRE(server.commit(500));
    server.flush();
    client.receive({}, buffer, count);
    CHECK(taken == 201);
  }
}

TEST_CASE("endpoints: what is written is read again, and what is none is refused") {
  for (const std::string text :
       {"127.0.0.1:1", "192.0.2.1:7000", "[2001:db8::1]:65535", "[::]:0", "0.0.0.0:9"})
    CHECK(text_of(must(parse_endpoint(text))) == text);
  CHECK(must(parse_endpoint(":80")) == Endpoint{.port = 80});
  for (const std::string text : {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "::1:5", "[::1]5",
                                 "[::1:5", "1.2.3:4", "host:5", "[]:5", "1.2.3.4:5x"})
    CHECK(!parse_endpoint(text));
}

TEST_CASE("datagram socket: what the interface does not take is told at once, not fragmented") {
  const DatagramSocket receiver = open_socket();
  DatagramSocket sender = open_socket();
  std::vector<std::uint8_t> packet(65'508);
  CHECK(sender.send(receiver.local(), net::Train{packet, packet.size()}) == Sent::too_large);
  CHECK(DatagramSocket::open(receiver.local(), "link x")
            .error()
            .what.starts_with("link x: UDP port " + std::to_string(receiver.local().port) +
                              ": bind"));
}

}  // namespace
}  // namespace axs::live
