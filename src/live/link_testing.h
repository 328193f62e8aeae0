#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "axs/core/enums.h"
#include "axs/host/clock.h"
#include "axs/live/link_channel.h"
#include "axs/live/port.h"
#include "axs/live/run_testing.h"

/// For tests: both ends of a link in one process. Nothing outside tests includes this.
namespace axs::live::testing {

class LinkPair {
 public:
  LinkPair() {
    const catalog::UtcTime now{host::unix_time().ns};
    const auto authority = must(CertificateAuthority::create("pair", now));
    const Endpoint at{.port = must(UdpPort::open_lasting("test"))->local_port()};
    for (const LinkSide side : link_sides) {
      const bool first = side == LinkSide::from;
      const auto index = static_cast<std::size_t>(side);
      channels_[index] = must(LinkChannel::open(
          *loop,
          {.run = "pair",
           .side = side,
           .own = {"here", first ? at : Endpoint{}, first ? Endpoint{.port = 0} : at, {}, {}},
           .peer_name = std::string{enum_name(other(side))},
           .credentials = must(authority.issue_with_key(enum_name(side), now)),
           .incarnation = net::Incarnation{1}},
          {.frame =
               [this, index](LinkFrame kind, ByteView frame) {
                 if (frames[index]) frames[index](kind, frame);
               },
           .batch_end = [] {},
           .changed = [] {}}));
    }
    run_until([this] { return channel(LinkSide::from).up() && channel(LinkSide::to).up(); });
  }

  LinkChannel& channel(LinkSide side) { return *channels_[static_cast<std::size_t>(side)]; }

  /// Runs the loop until that is so; it must come to be within a minute.
  void run_until(const std::function<bool()>& done) {
    host::TimerId timer{};
    bool is_done = false;
    const std::function<void()> look = [&] {
      is_done = done();
      if (is_done) return loop->stop();
      timer = loop->after(milliseconds(5), look);
    };
    look();
    const auto limit = loop->after(seconds(60), [&] { loop->stop(); });
    must(loop->run());
    loop->cancel(timer);
    loop->cancel(limit);
    REQUIRE(is_done);
  }
  void run_for(Duration time) {
    loop->after(time, [this] { loop->stop(); });
    must(loop->run());
  }

  std::unique_ptr<host::Loop> loop = must(host::Loop::create(host::RunClock{Instant{}}));
  /// What becomes of the frames that an end gets.
  std::array<std::function<void(LinkFrame, ByteView)>, 2> frames;

 private:
  std::array<std::unique_ptr<LinkChannel>, 2> channels_;
};

}  // namespace axs::live::testing
