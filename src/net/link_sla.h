#pragma once

#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/core/result.h"

/// What a link promises of its round trip, and whether it keeps that.
namespace axs::net {

/// What can be had between two places, there and back. `light` is a beam in vacuum along the great
/// circle: no way over the ground or the sky is quicker by more than a few per mille.
struct LatencyOffer {
  Duration light{};
  Duration fibre{};             ///< An estimate: fibre along a usual route.
  std::optional<Duration> leo;  ///< An estimate: satellites in low earth orbit, if there is a path.
};

/// What somebody asks for: a round trip, or a multiple of that of light. At most one of them.
struct PromiseWish {
  std::optional<Duration> round_trip;
  std::optional<double> stretch;
  double percentile = 99;
};

/// In every window `percentile` of a hundred probes come back within `stretch` times the round trip
/// of light.
struct LinkPromise {
  double stretch{};
  double percentile{};
  Duration round_trip{};  ///< stretch times that of light.
};

/// The promise, or nothing if none is wanted. Errc::invalid, with the bound and what can be had, if
/// light could not keep it. `link` begins the text of an error.
Result<std::optional<LinkPromise>> promise_of(const std::string& link, const LatencyOffer& offer,
                                              const PromiseWish& wish);
/// What can be had, in words; and a warning where a promise is possible for light only.
std::string offer_text(const LatencyOffer& offer);
bool beyond_known_ways(const LatencyOffer& offer, const LinkPromise& promise);

/// How a link did for a while. A probe that was not answered took for ever.
struct LinkQuality {
  std::uint32_t probes{};
  std::uint32_t lost{};
  std::optional<Duration> median;      ///< Nothing: it was lost, or there were no probes.
  std::optional<Duration> percentile;  ///< Likewise, of LinkWatch::Config::percentile.
};

/// Nearest-rank percentile, 0 < percentile <= 100, of what was answered and of `lost` infinities.
/// Sorts `answered`.
std::optional<Duration> percentile_of(std::vector<Duration>& answered, std::size_t lost,
                                      double percentile);

/// Ask the peer for an echo of this number.
struct SendEcho {
  std::uint32_t number{};
};
/// The window from `begin` to `end` is judged.
struct WindowClosed {
  Instant begin, end;
  LinkQuality quality;
  bool breach{};  ///< It was promised better.
};
struct EchoArrived {
  std::uint32_t number{};
};

/// Measures a link by probes at even intervals, whether it seems to be up or not, and judges every
/// window on its own: a policy. What was measured before a restart of the process is not judged.
class LinkWatch {
 public:
  struct Config {
    std::optional<LinkPromise> promise{};
    double percentile = 99;  ///< Shown, and that of the promise if there is one.
    Duration interval = milliseconds(50);
    Duration window = seconds(10);
    /// A probe that is not answered within this time is lost.
    Duration patience = seconds(2);
  };
  using Event = std::variant<EchoArrived, Wakeup>;
  using Action = std::variant<SendEcho, WindowClosed>;

  LinkWatch(const Config& config, Instant start)
      : config_{config}, window_begin_{start}, next_echo_{start} {}

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return next_echo_; }

  /// Of the last window's length, as far as it can be said now.
  LinkQuality recent(Instant now) const;

 private:
  struct Probe {
    std::uint32_t number{};
    Instant sent;
    std::optional<Duration> round_trip;
  };
  LinkQuality quality(Instant begin, Instant end) const;
  void take(Instant now, std::uint32_t number);
  void send_due(Instant now, std::vector<Action>& actions);
  void close_due(Instant now, std::vector<Action>& actions);

  Config config_;
  Instant window_begin_;
  Instant next_echo_;
  std::uint32_t next_number_ = 0;
  std::deque<Probe> probes_;  ///< Of two windows and the patience at most, in order.
};

}  // namespace axs::net
