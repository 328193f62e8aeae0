#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/meeting.h"

namespace axs::net {

/// The meeting point has answered.
struct WelcomeArrived {
  Welcome message;
};
/// Somebody who has the session's keys has answered the probe of this number from there: packets
/// pass both ways.
struct ReachConfirmed {
  Endpoint from;
  std::uint32_t number{};
};
/// The session with the peer is up, or no longer.
struct SessionChanged {
  bool up{};
};
/// There is a stream (TCP) to the meeting point now, and packets sent there go through it.
struct StreamOpened {
  Endpoint through;
};
/// There is none, or it has broken.
struct StreamLost {};
using ReachEvent =
    std::variant<WelcomeArrived, ReachConfirmed, SessionChanged, StreamOpened, StreamLost, Wakeup>;

struct SendAttend {
  Endpoint to;
  Attend message;
};
/// Send a sealed probe there, to be answered with its number.
struct SendReachProbe {
  Endpoint to;
  std::uint32_t number{};
};
/// Send everything for the peer there from now on.
struct UseWay {
  Endpoint to;
};
/// UDP to the meeting point is not answered: try TCP.
struct OpenStream {};
using ReachAction = std::variant<SendAttend, SendReachProbe, UseWay, OpenStream>;

/// How one end finds the way to the other: through the meeting point at first, directly as soon as
/// that works both ways, through the meeting point again when it no longer does. Both ends probe
/// where the other was seen at the same time, which opens most address translators (RFC 5128
/// section 3.3). Those that give each partner another port are not opened: then the meeting point
/// stays in between.
class Reach {
 public:
  struct Config {
    Endpoint meeting;
    MeetingRoom room{};
    std::uint8_t side{};
  };
  using Event = ReachEvent;
  using Action = ReachAction;

  /// Address translators forget a silent mapping after 30 s or more (RFC 4787 asks for 2 minutes).
  static constexpr Duration keep_place = seconds(15);
  static constexpr Duration ask_again = seconds(1);
  /// After so many questions without an answer a stream is tried.
  static constexpr int questions_max = 3;
  static constexpr Duration probe_first = milliseconds(50);
  static constexpr Duration probe_later = seconds(5);
  /// Of a direct way: how often it is confirmed, and after how long without it is given up.
  static constexpr Duration confirm_every = seconds(1);
  static constexpr Duration direct_lasts = seconds(3);

  explicit Reach(const Config& config) : config_{config}, via_{config.meeting} {}

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  /// At once at first.
  std::optional<Instant> wakeup() const;

  bool direct() const { return direct_.has_value(); }
  /// Where the meeting point says that the peer can be tried; nothing if it is behind a stream.
  const std::optional<Endpoint>& candidate() const { return candidate_; }
  /// Where the meeting point is spoken to, itself or the stream to it.
  const Endpoint& via() const { return via_; }
  /// Where packets for the peer go.
  const Endpoint& way() const { return direct_ ? *direct_ : via_; }

 private:
  void on(const WelcomeArrived& event);
  void on(const ReachConfirmed& event);
  void on(const SessionChanged& event);
  void on(const StreamOpened& event);
  void on(const StreamLost&);
  void on(const Wakeup&);
  void attend();
  void go_through(const Endpoint& via, bool stream);
  void try_directly();
  void probe();

  Config config_;
  Endpoint via_;  ///< The meeting point, or the stream to it.
  bool stream_ = false;
  bool session_ = false;
  MeetingCookie cookie_{};
  std::optional<Endpoint> candidate_;
  std::optional<Endpoint> direct_;
  int questions_ = 0;                                          ///< Not answered so far.
  std::optional<Instant> attend_at_ = Instant{INT64_MIN / 2};  ///< At once, on any clock.
  std::optional<Instant> probe_at_;
  Duration probe_after_ = probe_first;
  Instant confirmed_at_;
  std::uint32_t next_probe_ = 0;
  std::uint32_t first_probe_ = 0;  ///< To the present candidate; answers to earlier ones are late.
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
