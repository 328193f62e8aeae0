#include "axs/live/link_streams.h"

#include <doctest/doctest.h>

#include "axs/live/link_testing.h"

namespace axs::live {
namespace {

using testing::must;

enum class Kind : std::uint8_t { open, data, finish, credit, reset };
struct Head {
  Kind kind{};
  std::uint32_t stream{};
  std::uint64_t number{};
};

/// The second end of a link with a TCP port, and a first end that says whatever it is told to.
struct Forged {
  Forged() {
    LinkSpec spec;
    spec.tcp = {{.port = 1, .target = target->local()}};
    honest = must(LinkStreams::open(*pair.loop, pair.channel(LinkSide::to), spec, LinkSide::to, 1));
    messages.path_changed();
    honest->path_changed();
    pair.frames[static_cast<std::size_t>(LinkSide::from)] = [this](LinkFrame, ByteView frame) {
      messages.take(frame);
      messages.batch_end();
    };
    pair.frames[static_cast<std::size_t>(LinkSide::to)] = [this](LinkFrame, ByteView frame) {
      honest->take(frame);
      honest->batch_end();
    };
  }
  void say(const Head& head, ByteVector bytes = {}) {
    ByteVector message = to_wire(head);
    message.insert(message.end(), bytes.begin(), bytes.end());
    messages.send(net::TrafficClass::gradient, std::move(message));
    messages.batch_end();
  }

  testing::LinkPair pair;
  std::vector<host::Fd> connections;
  std::unique_ptr<StreamListener> target =
      must(StreamListener::open(*pair.loop, {}, "test", [this](host::Fd socket) {
        connections.push_back(std::move(socket));
      }));
  LinkMessages messages{*pair.loop,
                        pair.channel(LinkSide::from),
                        {.incarnation = 1},
                        {.message = [](ByteVector) {}, .more = [] {}, .reset = [] {}}};
  std::unique_ptr<LinkStreams> honest;
};

TEST_CASE("link streams: a connection of messages without bytes is ended, and no other") {
  for (const Kind kind : {Kind::data, Kind::finish}) {
    CAPTURE(static_cast<int>(kind));
    Forged link;
    for (const std::uint32_t stream : {1u, 2u}) link.say({Kind::open, stream, 0}, {0, 0});
    link.pair.run_until([&] { return link.connections.size() == 2; });
    // In order, and out of order.
    for (const std::uint64_t first : {1u, 50u})
      for (std::uint64_t i = 0; i < 20; ++i) link.say({kind, 1, first + i});
    link.pair.run_until([&] { return link.honest->counters().failed == 1; });
    CHECK(link.honest->streams() == 1);
    link.say({Kind::data, 2, 1}, {42});
    link.pair.run_until([&] { return link.honest->counters().delivered_bytes == 1; });
  }
}

}  // namespace
}  // namespace axs::live
