#include "axs/net/reach.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <deque>
#include <functional>
#include <set>

#include "axs/core/wire.h"

namespace axs::net {
namespace {

constexpr Endpoint meeting_end{IpAddress::v4(0x0c000001), 443};

/// What hides an end: `port_per_partner` is the symmetric kind, which shows each partner another
/// port. Packets come in only from where packets went out to.
struct Translator {
  Endpoint inside;
  Endpoint outside;
  bool port_per_partner = false;
  bool passes_udp = true;
  std::set<Endpoint> contacted{};
  std::map<Endpoint, Endpoint> seen_as{};

  /// Where a packet to `to` is seen to come from.
  Endpoint out(const Endpoint& to) {
    contacted.insert(to);
    Endpoint& as = seen_as[to];
    as = outside;
    if (port_per_partner)
      as.port = static_cast<std::uint16_t>(outside.port + to.port + to.address.bytes[15]);
    return as;
  }
  bool lets_in(const Endpoint& from, const Endpoint& to) const {
    const auto as = seen_as.find(from);
    return passes_udp && contacted.contains(from) && as != seen_as.end() && as->second == to;
  }
};

/// Two ends, each behind a translator, and a meeting point: 20 ms from anywhere to anywhere.
class World {
 public:
  World() { ends_.emplace_back(1), ends_.emplace_back(2); }

  Translator& translator(std::size_t i) { return ends_[i].translator; }
  Reach& reach(std::size_t i) { return ends_[i].reach; }
  bool has_stream(std::size_t i) const { return ends_[i].stream; }
  void session(std::size_t i, bool up) { step(i, SessionChanged{up}); }
  bool met() const { return meeting_.rooms() > 0; }

  void run(Duration length) {
    const Instant end = now_ + length;
    while (now_ < end) {
      now_ = now_ + milliseconds(1);
      while (!due_.empty() && due_.front().first <= now_) {
        const auto work = std::move(due_.front().second);
        due_.pop_front();
        work();
      }
      for (std::size_t i = 0; i < 2; ++i)
        if (const auto at = ends_[i].reach.wakeup(); at && *at <= now_) step(i, Wakeup{});
      if (meeting_.wakeup() && *meeting_.wakeup() <= now_) step_meeting(Wakeup{});
    }
  }

 private:
  struct End {
    explicit End(std::uint8_t number)
        : translator{{IpAddress::v4(0x0a000000U + number), 7000},
                     {IpAddress::v4(0x0b000000U + number), 20'000}},
          reach{{meeting_end, {9}, static_cast<std::uint8_t>(number - 1)}},
          stream_end{IpAddress{}, number} {}
    Translator translator;
    Reach reach;
    Endpoint stream_end;  ///< As which the meeting point sees the stream.
    bool stream = false;
  };

  void later(std::function<void()> work) {
    due_.emplace_back(now_ + milliseconds(20), std::move(work));
  }
  void step(std::size_t i, const ReachEvent& event) {
    std::vector<ReachAction> actions;
    ends_[i].reach.step(now_, event, actions);
    for (const auto& action : actions) std::visit([&](const auto& a) { perform(i, a); }, action);
  }
  void step_meeting(const MeetingPoint::Event& event) {
    std::vector<MeetingPoint::Tell> actions;
    meeting_.step(now_, event, actions);
    for (const auto& tell : actions) later([this, tell] { welcome(tell); });
  }
  void welcome(const MeetingPoint::Tell& tell) {
    for (std::size_t i = 0; i < 2; ++i)
      if (ends_[i].translator.lets_in(meeting_end, tell.to) || tell.to == ends_[i].stream_end)
        step(i, WelcomeArrived{tell.message});
  }
  void perform(std::size_t i, const SendAttend& action) {
    End& end = ends_[i];
    if (!end.stream && !end.translator.passes_udp) return;
    const Endpoint from = end.stream ? end.stream_end : end.translator.out(meeting_end);
    later([this, from, message = action.message] {
      step_meeting(MeetingPoint::AttendArrived{from, message});
    });
  }
  void perform(std::size_t i, const SendReachProbe& action) {
    if (!ends_[i].translator.passes_udp) return;
    const Endpoint from = ends_[i].translator.out(action.to);
    const std::size_t other = 1 - i;
    later([this, from, other, action] {
      if (!ends_[other].translator.lets_in(from, action.to)) return;
      const Endpoint back = ends_[other].translator.out(from);
      later([this, other, from, back, number = action.number] {
        if (ends_[1 - other].translator.lets_in(back, from))
          step(1 - other, ReachConfirmed{back, number});
      });
    });
  }
  void perform(std::size_t, const UseWay&) {}
  void perform(std::size_t i, const OpenStream&) {
    later([this, i] {
      ends_[i].stream = true;
      step(i, StreamOpened{meeting_end});
    });
  }

  Instant now_ = Instant{} - seconds(5);
  std::vector<End> ends_;
  MeetingPoint meeting_{Key256{4}};
  std::deque<std::pair<Instant, std::function<void()>>> due_;
};

TEST_CASE("reach: behind translators with a port of their own, both ends go direct in a second") {
  World world;
  world.run(milliseconds(200));
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK_FALSE(world.reach(i).direct());
    CHECK(world.reach(i).way() == meeting_end);
  }
  world.session(0, true), world.session(1, true);
  world.run(seconds(1));
  CHECK(world.reach(0).way() == world.translator(1).outside);
  CHECK(world.reach(1).way() == world.translator(0).outside);
  world.run(seconds(120));
  CHECK(world.reach(0).direct());
  CHECK(world.met());
}

TEST_CASE(
    "reach: translators with a port per partner stay closed, and the meeting point in between") {
  World world;
  world.translator(0).port_per_partner = world.translator(1).port_per_partner = true;
  world.session(0, true), world.session(1, true);
  world.run(seconds(30));
  for (std::size_t i = 0; i < 2; ++i) CHECK(world.reach(i).way() == meeting_end);
}

TEST_CASE("reach: a direct way that dies is left for the meeting point, and found again") {
  World world;
  world.session(0, true), world.session(1, true);
  world.run(seconds(2));
  REQUIRE(world.reach(0).direct());
  world.translator(0).passes_udp = false;
  world.run(Reach::direct_lasts + seconds(2));
  CHECK_FALSE(world.reach(0).direct());
  CHECK_FALSE(world.reach(1).direct());
  world.translator(0).passes_udp = true;
  world.run(seconds(20));
  CHECK(world.reach(0).direct());
  CHECK(world.reach(1).direct());
}

TEST_CASE("reach: a translator that forgets and gives another port is followed") {
  World world;
  world.session(0, true), world.session(1, true);
  world.run(seconds(2));
  world.translator(0).outside.port = 30'000;
  world.translator(0).contacted.clear(), world.translator(0).seen_as.clear();
  world.run(seconds(40));
  CHECK(world.reach(1).way() == world.translator(0).outside);
  CHECK(world.reach(0).direct());
}

TEST_CASE("reach: where UDP does not pass, a stream to the meeting point carries everything") {
  World world;
  world.translator(1).passes_udp = false;
  world.session(0, true), world.session(1, true);
  world.run(seconds(10));
  CHECK_FALSE(world.has_stream(0));
  CHECK(world.has_stream(1));
  CHECK_FALSE(world.reach(0).direct());
  CHECK_FALSE(world.reach(1).direct());
}

Attend attend(std::uint8_t room, std::uint8_t side) {
  return {.room = {room}, .side = side};
}

/// Asks as an end that hears the answers: for a cookie first.
std::vector<MeetingPoint::Tell> attends(MeetingPoint& point, const Endpoint& from, Attend message,
                                        Instant now = {}) {
  std::vector<MeetingPoint::Tell> told;
  point.step(now, MeetingPoint::AttendArrived{from, message}, told);
  REQUIRE(told.size() == 1);
  CHECK_FALSE(told[0].message.accepted);
  message.cookie = told[0].message.cookie;
  told.clear();
  point.step(now, MeetingPoint::AttendArrived{from, message}, told);
  return told;
}

TEST_CASE(
    "meeting point: nobody has a place without showing that he receives where he sends from") {
  MeetingPoint point{Key256{1}};
  const Endpoint a{.port = 1}, b{.port = 2}, c{.port = 3};
  CHECK(attends(point, a, attend(1, 0)).size() == 1);
  const auto told = attends(point, b, attend(1, 1));
  REQUIRE(told.size() == 2);
  CHECK(told[0].to == b);
  CHECK(told[0].message.peer == a);
  CHECK(told[1].to == a);
  CHECK(told[1].message.peer == b);
  CHECK(point.partner(a) == b);
  CHECK(point.partner(b) == a);
  CHECK_FALSE(point.partner(c));
  std::vector<MeetingPoint::Tell> spoofed;
  Attend forged = attend(1, 0);
  forged.cookie = told[0].message.cookie;  // Of another address and side.
  point.step({}, MeetingPoint::AttendArrived{c, forged}, spoofed);
  CHECK(point.partner(b) == a);
}

TEST_CASE("meeting point: what it answers is never longer than what it was asked") {
  const std::size_t asked = meeting_packet(attend(1, 1)).size();
  CHECK(meeting_packet(Welcome{.peer = Endpoint{}}).size() <= asked);
}

TEST_CASE("meeting point: places end, and who is seated sits opposite of his partner") {
  CHECK(rc::check([] {
    MeetingPoint point{Key256{1}};
    Instant now{};
    std::set<Endpoint> ends;
    for (int i = 0; i < 60; ++i) {
      now = now + seconds(*rc::gen::inRange(0, 40));
      const Endpoint from{.port = *rc::gen::inRange<std::uint16_t>(1, 6)};
      ends.insert(from);
      if (point.wakeup() && *point.wakeup() <= now) {
        std::vector<MeetingPoint::Tell> none;
        point.step(now, Wakeup{}, none);
        RC_ASSERT(none.empty());
      }
      (void)attends(
          point, from,
          attend(*rc::gen::inRange<std::uint8_t>(0, 3), *rc::gen::inRange<std::uint8_t>(0, 2)),
          now);
      for (const Endpoint& end : ends)
        if (const auto partner = point.partner(end))
          RC_ASSERT(*partner != end && point.partner(*partner) == end);
    }
    std::vector<MeetingPoint::Tell> none;
    for (int i = 0; i < 3 && point.wakeup(); ++i) point.step(*point.wakeup(), Wakeup{}, none);
    RC_ASSERT(point.rooms() == 0U);
    for (const Endpoint& end : ends) RC_ASSERT(!point.partner(end));
  }));
}

TEST_CASE("meeting packets: what is written is read; noise is none of them") {
  const Welcome welcome{.room = {5}, .cookie = {6}, .accepted = true, .peer = Endpoint{.port = 9}};
  const ByteVector packet = meeting_packet(welcome);
  const auto outer = parse_packet(packet);
  REQUIRE(outer);
  const auto back = parse_meeting(*outer);
  REQUIRE(back);
  CHECK(std::get<Welcome>(*back).peer == Endpoint{.port = 9});
  CHECK(rc::check([&](const std::vector<std::uint8_t>& noise) {
    ByteVector altered(packet.begin(), packet.begin() + OuterHeader::fixed_size);
    altered.insert(altered.end(), noise.begin(), noise.end());
    const auto parsed = parse_packet(altered);
    RC_ASSERT(parsed);
    (void)parse_meeting(*parsed);
  }));
}

}  // namespace
}  // namespace axs::net
