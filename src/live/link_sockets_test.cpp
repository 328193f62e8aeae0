#include "axs/live/link_sockets.h"

#include <doctest/doctest.h>

#include "axs/live/datagram_socket.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

constexpr LinkId link{3};

/// One link of an agent, whose other end is a socket that chatters.
class Chatter {
 public:
  explicit Chatter(bool data) : data_{data} {
    sockets_ = must(
        LinkSockets::open(*loop_, {{link, {0, far_.local().port}}},
                          {.packet =
                               [this](LinkId, std::span<std::uint8_t> packet, Duration waited) {
                                 CHECK(waited >= Duration{});
                                 heard.push_back(packet[0]);
                                 if (data_) sockets_->hurry(link);
                                 if (heard.size() == packets) loop_->stop();
                               },
                           .batch_end = [this] { ++readings; }}));
    sockets_->room(link)[0] = 1;
    sockets_->commit(link, 1);
    sockets_->flush();
    DatagramBuffer buffer;
    while (buffer.datagrams.empty()) far_.receive(buffer);
    agent_ = buffer.datagrams[0].from;
  }

  void run() {
    say();
    must(loop_->run());
  }

  static constexpr std::size_t packets = 250;
  std::vector<std::uint8_t> heard;
  std::size_t readings = 0;

 private:
  void say() {
    const std::uint8_t number = said_++;
    const ByteView packet{&number, 1};
    CHECK(far_.send(agent_, std::span{&packet, 1}) == 0);
    if (said_ < packets) loop_->after(microseconds(200), [this] { say(); });
  }

  bool data_;
  std::unique_ptr<host::Loop> loop_ = must(host::Loop::create(host::RunClock{Instant{}}));
  DatagramSocket far_ = must(DatagramSocket::open({}, "test"));
  std::unique_ptr<LinkSockets> sockets_;
  Endpoint agent_;
  std::uint8_t said_ = 0;
};

}  // namespace

TEST_CASE("link sockets: small talk is read on ticks, data when it comes, all of it in order") {
  for (const bool data : {false, true}) {
    CAPTURE(data);
    Chatter chatter{data};
    chatter.run();
    REQUIRE(chatter.heard.size() == Chatter::packets);
    for (std::size_t i = 0; i < chatter.heard.size(); ++i) CHECK(chatter.heard[i] == i);
    // After 16 ms of 5 packets a tick, many share a reading.
    if (!data) CHECK(chatter.readings < Chatter::packets * 3 / 4);
  }
}
