#include "axs/live/link_datagrams.h"

#include <doctest/doctest.h>

#include "axs/live/link_testing.h"

namespace axs::live {
namespace {

using testing::must;

constexpr auto from = static_cast<std::size_t>(LinkSide::from);
constexpr auto to = static_cast<std::size_t>(LinkSide::to);

/// A program with a UDP socket.
struct Program {
  DatagramSocket socket = must(DatagramSocket::open({}, "test"));
  DatagramBuffer buffer;
  Endpoint sender{};  ///< Of the latest datagram.

  void send(const Endpoint& where, std::uint8_t byte) {
    const ByteVector bytes{byte};
    const ByteView one[]{bytes};
    REQUIRE(socket.send(where, one) == 0);
  }
  /// The datagrams, of a byte each, that have come since the last call.
  ByteVector take() {
    ByteVector got;
    socket.receive(buffer);
    for (const Datagram& datagram : buffer.datagrams) {
      got.push_back(datagram.train.bytes[0]);
      sender = datagram.from;
    }
    return got;
  }
};

/// A UDP port over a link: clients send to `port`, and reach `target`.
struct Forwarding {
  explicit Forwarding(Duration idle) : idle_after{idle} {
    start(1);
    ends[to] = open(LinkSide::to, 1);
    for (const std::size_t side : {from, to})
      pair.frames[side] = [this, side](LinkFrame, ByteView frame) { ends[side]->take(frame); };
  }
  void start(std::uint32_t incarnation) {
    ends[from].reset();
    ends[from] = open(LinkSide::from, incarnation);
  }
  std::unique_ptr<LinkDatagrams> open(LinkSide side, std::uint32_t incarnation) {
    return must(LinkDatagrams::open(*pair.loop, pair.channel(side),
                                    {.forwards = {{port.port, target.socket.local()}},
                                     .side = side,
                                     .incarnation = incarnation,
                                     .idle_after = idle_after}));
  }
  /// Sends a byte to the target and waits for it; where it came from.
  Endpoint reach(Program& client, std::uint8_t byte) {
    client.send(port, byte);
    pair.run_until([&] { return target.take() == ByteVector{byte}; });
    return target.sender;
  }

  Duration idle_after;
  testing::LinkPair pair;
  Program target;
  Endpoint port{.port = must(UdpPort::open_lasting("test"))->local_port()};
  std::array<std::unique_ptr<LinkDatagrams>, 2> ends;
};

TEST_CASE("link datagrams: a flow lives as long as datagrams go either way") {
  Forwarding link{milliseconds(240)};
  Program client;
  const Endpoint flow = link.reach(client, 1);
  for (std::uint8_t i = 0; i < 12; ++i) {
    link.target.send(flow, i);
    link.pair.run_until([&] { return client.take() == ByteVector{i}; });
    link.pair.run_for(milliseconds(50));
  }
  CHECK(link.ends[to]->flows() == 1);
  // One that nobody uses any more is forgotten at both ends.
  link.pair.run_until([&] { return link.ends[from]->flows() + link.ends[to]->flows() == 0; });
}

TEST_CASE("link datagrams: an answer to a client of before a restart reaches no other client") {
  Forwarding link{seconds(120)};
  Program before, after;
  const Endpoint old_flow = link.reach(before, 1);
  link.start(2);
  const Endpoint new_flow = link.reach(after, 2);
  CHECK(new_flow != old_flow);
  link.target.send(old_flow, 3);
  link.target.send(new_flow, 4);
  ByteVector got;
  link.pair.run_until([&] { return !(got = after.take()).empty(); });
  CHECK(got == ByteVector{4});
  CHECK(before.take().empty());
}

}  // namespace
}  // namespace axs::live
