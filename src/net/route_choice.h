#pragma once

#include <optional>
#include <span>

#include "axs/core/time.h"
#include "axs/net/routing.h"
#include "axs/net/topology.h"

/// The rules that the agents and the controller share for preferring one path to another.
namespace axs::net {

/// How much better another path must be, and for how long, before traffic moves to it of its own
/// accord.
struct Hysteresis {
  double ratio = 0.95;
  Duration margin = milliseconds(2);
  /// Longer than the 15 s for which a satellite network keeps its paths (arXiv 2310.09242), so that
  /// the steps of one reconfiguration do not move traffic to and fro.
  Duration hold = seconds(20);

  bool better(Duration challenger, Duration current) const {
    return challenger + margin <= current && challenger <= scaled(current, ratio);
  }
};

/// What a message that fits one packet waits for an acknowledgement on average, at a high quantile
/// of the jitter: rtt + 2 jitter, and for each loss a probe timeout of rtt + 4 jitter more (RFC
/// 9002 section 6.2.1), of which there are loss / (1 - loss). A path that loses everything costs 1
/// h.
Duration latency_cost(const PathReport& path);

/// The path to hold ready while traffic is on `primary`: among those that are up the cheapest that
/// shares no link with it, else the cheapest other one, else nothing. Paths of equal cost: the
/// lower number. `reports` and `paths` are by PathId.
std::optional<PathId> choose_backup(PathId primary, std::span<const PathReport> reports,
                                    std::span<const CandidatePath> paths);

/// The cheapest path that is up; of equal ones the lowest number.
std::optional<PathId> cheapest(std::span<const PathReport> reports);

/// Whether a path that has gone down before may attract traffic again: not before it has been up
/// for `period` at one go, and for twice as long after each further death within `memory` of the
/// last. So a flapping path attracts traffic at most once per period, and less and less often.
///
/// A hold-down with doubling (as RFC 8405 does for SPF runs) rather than the decaying penalty of
/// RFC 2439: one number that a person can check against the log, no suppression long after the
/// last flap. It never delays the flight from a dead path, and a held path may still be a backup.
class FlapDamper {
 public:
  struct Config {
    Duration period = seconds(10);
    Duration period_max = seconds(300);
    Duration memory = seconds(600);
  };

  FlapDamper() : FlapDamper{Config{}} {}
  explicit FlapDamper(const Config& config) : config_{config} {}

  void went_down(Instant now);
  void went_up(Instant now);
  bool attractive(Instant now) const {
    return up_ && (hold_ == Duration{} || now - changed_ >= hold_);
  }
  /// For how long it must be, or had to be, up at one go.
  Duration hold() const { return hold_; }
  /// How long it has been up.
  Duration uptime(Instant now) const { return up_ ? now - changed_ : Duration{}; }
  /// When it last went down, if ever.
  std::optional<Instant> last_down() const { return last_down_; }

 private:
  Config config_;
  bool up_ = false;
  Instant changed_{};
  Duration hold_{};
  std::optional<Instant> last_down_;
};

}  // namespace axs::net
