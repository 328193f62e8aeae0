#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/crypto.h"
#include "axs/core/policy.h"
#include "axs/net/endpoint.h"
#include "axs/net/tunnel.h"

/// A third site at which the two ends of a link meet when they cannot find each other: behind
/// address translation (NAT), for instance. It tells each where the other was seen, and passes
/// their packets on as long as they need it; those are sealed end to end, so it cannot read or
/// alter them. docs/design/022-reach.md says why it is so.
namespace axs::net {

/// Names the link at the meeting point. Only who knows the key of the link's handshakes can derive
/// it.
using MeetingRoom = std::array<std::uint8_t, 16>;
MeetingRoom meeting_room(const MarkKey& handshakes);

/// Proves that who shows it receives at the address that it sends from.
using MeetingCookie = std::array<std::uint8_t, 16>;

/// An end asks for its place. It is no shorter than what it is answered with, so that nobody can
/// have more bytes sent to a third party than he sends himself.
struct Attend {
  MeetingRoom room{};
  std::uint8_t side{};  ///< 0 or 1.
  /// It comes over a stream (TCP), and where it is seen leads nobody to it.
  bool stream{};
  MeetingCookie cookie{};
  std::array<std::uint8_t, 40> filling{};
};

/// The answer, and news: where the meeting point sees both ends. `accepted`: the cookie was right;
/// otherwise ask again with this one.
struct Welcome {
  MeetingRoom room{};
  MeetingCookie cookie{};
  bool accepted{};
  Endpoint you{};
  std::optional<Endpoint> peer{};  ///< Where it can be tried; it may be reachable only from here.
};

using MeetingMessage = std::variant<Attend, Welcome>;

/// The whole packet, in the clear, and the reverse.
ByteVector meeting_packet(const MeetingMessage& message);
std::optional<MeetingMessage> parse_meeting(const OuterPacket& packet);

/// The meeting point's side: who is where. An end keeps its place by asking again; a place that
/// nobody has asked for during place_lasts is free.
class MeetingPoint {
 public:
  static constexpr Duration place_lasts = seconds(60);
  static constexpr std::size_t rooms_max = 1 << 16;

  struct AttendArrived {
    Endpoint from;
    Attend message;
  };
  using Event = std::variant<AttendArrived, Wakeup>;
  struct Tell {
    Endpoint to;
    Welcome message;
  };
  using Action = Tell;

  /// `secret` makes the cookies: new for each start.
  explicit MeetingPoint(const Key256& secret) : secret_{secret} {}

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return sweep_at_; }

  /// Where a packet goes that came from there; nothing if that is no end, or the other one is away.
  std::optional<Endpoint> partner(const Endpoint& from) const;
  std::size_t rooms() const { return rooms_.size(); }

 private:
  struct Seat {
    Endpoint end;
    bool stream{};
    Instant heard;
  };
  using Room = std::array<std::optional<Seat>, 2>;

  void on(const AttendArrived& event);
  void on(const Wakeup&);
  void sit(const AttendArrived& event);
  void leave(const Endpoint& end);
  void tell(const MeetingRoom& name, std::size_t side);
  MeetingCookie cookie_for(const AttendArrived& event) const;

  Key256 secret_;
  std::map<MeetingRoom, Room> rooms_;
  std::map<Endpoint, std::pair<MeetingRoom, std::size_t>> ends_;
  std::optional<Instant> sweep_at_;
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
