#include "axs/live/meeting_server.h"

#include <doctest/doctest.h>

#include <array>

#include "axs/live/peer_finder.h"
#include "axs/live/port.h"
#include "axs/live/run_testing.h"

namespace axs::live {
namespace {

using testing::must;

/// One end: a sealed link whose session is there from the start, and how it looks for its peer.
class End {
 public:
  End(host::Loop& loop, net::Direction sending, Endpoint meeting)
      : loop_{loop},
        link_{must(DatagramSocket::open({}, "test")), config(sending)},
        finder_{loop,
                link_,
                {.meeting = meeting,
                 .room = {7},
                 .side = static_cast<std::uint8_t>(
                     sending == net::Direction::client_to_server ? 0 : 1)}} {
    link_.use(net::SecureSession{Key256{3}, sending});
    link_.redirect({}, meeting);
    must(loop.watch(link_.fd(), host::Interest::readable, [this](host::Ready) {
      link_.receive(loop_.now(), buffer_, [this](ByteView payload) { taken += payload.size(); });
    }));
    finder_.session(true);
  }
  ~End() { loop_.unwatch(link_.fd()); }

  void send() {
    if (link_.commit(100)) link_.flush();
  }
  const PeerFinder& finder() const { return finder_; }
  Endpoint own() const { return link_.local(); }
  const SealedLink& link() const { return link_; }
  std::size_t taken = 0;

 private:
  SealedLink::Config config(net::Direction sending) {
    const bool client = sending == net::Direction::client_to_server;
    return {
        .peer = {},
        .envelope = {SiteId{client ? 1U : 2U}, SiteId{client ? 2U : 1U}, {}},
        .unsealed = [this](Endpoint from,
                           const net::OuterPacket& packet) { finder_.take(from, packet); },
        .reached = [this](Endpoint from, std::uint32_t number) { finder_.reached(from, number); }};
  }
  host::Loop& loop_;
  SealedLink link_;
  PeerFinder finder_;
  DatagramBuffer buffer_;
};

struct Meeting {
  explicit Meeting(const MeetingServer::Config& config = {})
      : server{must(MeetingServer::open(*loop, config))} {}
  std::unique_ptr<host::Loop> loop = must(host::Loop::create(host::RunClock{Instant{}}));
  std::unique_ptr<MeetingServer> server;

  /// Runs until that is so, or for a minute.
  void run_until(const std::function<bool()>& done) {
    const std::function<void()> look = [&] {
      if (done()) return loop->stop();
      timer = loop->after(milliseconds(10), look);
    };
    look();
    const auto limit = loop->after(seconds(60), [&] { loop->stop(); });
    must(loop->run());
    loop->cancel(timer);
    loop->cancel(limit);
  }
  host::TimerId timer{};
};

TEST_CASE("meeting server: two ends meet there, and go direct when each knows where the other is") {
  Meeting meeting;
  const Endpoint at = meeting.server->datagrams();
  End a{*meeting.loop, net::Direction::client_to_server, at};
  End b{*meeting.loop, net::Direction::server_to_client, at};
  meeting.run_until([&] { return a.finder().direct() && b.finder().direct(); });
  CHECK(a.finder().way() == b.own());
  CHECK(b.finder().way() == a.own());
  CHECK(a.finder().why() == "probes to " + text_of(b.own()) + " are answered");
  const std::uint64_t passed = meeting.server->packets_passed();
  meeting.run_until([&] {
    a.send(), b.send();
    return a.taken > 1'000 && b.taken > 1'000;
  });
  CHECK(a.taken > 1'000);
  CHECK(b.taken > 1'000);
  CHECK(meeting.server->packets_passed() == passed);
}

TEST_CASE("meeting server: where no UDP comes through, a TCP connection carries the packets") {
  // Nobody has this UDP port: as though it were blocked.
  const std::uint16_t blocked = must(UdpPort::open_lasting("free"))->local_port();
  Meeting meeting{{.datagrams = {}, .streams = {.port = blocked}}};
  End a{*meeting.loop, net::Direction::client_to_server, meeting.server->streams()};
  End b{*meeting.loop, net::Direction::server_to_client, meeting.server->datagrams()};
  meeting.run_until([&] {
    a.send(), b.send();
    return a.taken > 1'000 && b.taken > 1'000;
  });
  CHECK(a.taken > 1'000);
  CHECK(b.taken > 1'000);
  CHECK(a.finder().over_stream());
  CHECK(a.finder().why() ==
        "the meeting point told no address to try directly, and the meeting point answers no UDP");
  CHECK_FALSE(b.finder().direct());
  CHECK(a.link().counters().forged + b.link().counters().forged == 0);
  // The connection breaks and is made again.
  const Endpoint streams = meeting.server->streams(), datagrams = meeting.server->datagrams();
  meeting.server.reset();
  meeting.server = must(MeetingServer::open(*meeting.loop, {datagrams, streams}));
  a.taken = b.taken = 0;
  meeting.run_until([&] {
    a.send(), b.send();
    return a.taken > 1'000 && b.taken > 1'000;
  });
  CHECK(a.taken > 1'000);
  CHECK(b.taken > 1'000);
}

TEST_CASE("stream bridge: packets of every size come through whole; a broken stream is told once") {
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  std::array<DatagramSocket, 2> ends{must(DatagramSocket::open({}, "test")),
                                     must(DatagramSocket::open({}, "test"))};
  int closed = 0;
  DatagramBuffer buffer, bridges;
  std::unique_ptr<StreamBridge> far;
  const auto listener = must(StreamListener::open(*loop, {}, "test", [&](host::Fd stream) {
    far = must(StreamBridge::open(
        *loop, bridges, {.stream = std::move(stream), .local = {}, .peer = ends[1].local()}));
  }));
  auto near = must(StreamBridge::open(*loop, bridges,
                                      {.stream = must(connect_stream(listener->local())),
                                       .local = {},
                                       .peer = ends[0].local(),
                                       .closed = [&] { ++closed, loop->stop(); }}));
  std::vector<ByteVector> sent, got;
  must(loop->watch(ends[1].fd(), host::Interest::readable, [&](host::Ready) {
    ends[1].receive(buffer);
    for (const Datagram& datagram : buffer.datagrams)
      got.emplace_back(datagram.train.bytes.begin(), datagram.train.bytes.end());
    if (got.size() == 40) loop->stop();
  }));
  for (std::size_t i = 0; i < 40; ++i) {
    ByteVector packet(1 + i * 220, static_cast<std::uint8_t>(i));
    REQUIRE(ends[0].send(near->local(), net::Train{packet, packet.size()}) == Sent::taken);
    sent.push_back(std::move(packet));
  }
  loop->after(seconds(60), [&] { loop->stop(); });
  must(loop->run());
  CHECK(got == sent);
  far.reset();
  must(loop->run());
  CHECK(closed == 1);
  loop->unwatch(ends[1].fd());
}

TEST_CASE("meeting server: a connection over which nothing comes is closed, one in use is not") {
  Meeting meeting{{.datagrams = {}, .streams = {}, .silence_max = milliseconds(300)}};
  const host::Fd idle = must(connect_stream(meeting.server->streams()));
  const host::Fd busy = must(connect_stream(meeting.server->streams()));
  const auto ended = [](const host::Fd& stream) {
    char byte;
    return ::recv(stream.get(), &byte, 1, 0) == 0;
  };
  const std::uint8_t empty_packet[]{0, 0};
  meeting.run_until([&] {
    (void)::send(busy.get(), empty_packet, sizeof empty_packet, MSG_NOSIGNAL);
    return ended(idle);
  });
  CHECK(ended(idle));
  CHECK_FALSE(ended(busy));
}

}  // namespace
}  // namespace axs::live
