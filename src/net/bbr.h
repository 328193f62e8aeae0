#pragma once

#include <array>
#include <optional>

#include "axs/core/units.h"
#include "axs/net/rate_sampler.h"
#include "axs/net/rtt.h"

namespace axs::net {

/// How much a path may carry: a model of its bottleneck, the highest recent delivery rate times the
/// least recent round trip, after BBR (Cardwell et al. 2016; draft-cardwell-iccrg-bbr-congestion-
/// control). Loss alone never slows it, so a radio link that drops 2 % is used in full. Differences
/// from BBR: probing for more starts at 10 % and grows only while it finds something, so that the
/// queue stays short for control traffic; and bursts shorter than a round trip are measured too
/// (RateSampler), since that is what training sends.
class Bbr {
 public:
  explicit Bbr(std::uint32_t packet_size) : packet_size_{packet_size} {}

  struct Ack {
    RateSample rate;
    std::uint64_t delivered{};
    std::uint64_t in_flight{};
  };
  void acknowledged(Instant now, const Ack& ack, const RttEstimator& rtt);
  /// A controller that knows the path's rate can say so; nothing: find out.
  void assign(std::optional<BytesPerSecond> rate) { assigned_ = rate; }
  void set_packet_size(std::uint32_t bytes) { packet_size_ = bytes; }

  /// Bytes per second at which to send now, above 0.
  BytesPerSecond pacing_rate(const RttEstimator& rtt) const;
  /// Bytes that may be in flight now.
  std::uint64_t window(const RttEstimator& rtt) const;
  /// More is sent than the path is known to carry, to see whether it does.
  bool pushing() const { return mode_ == Mode::probe_up; }
  /// What was sent before, when the path was not known yet; nothing while it is not.
  std::optional<Instant> known_since() const { return known_since_; }
  /// A queue stands before the bottleneck: what is lost now may be lost to congestion.
  static bool queueing(const RttEstimator& rtt) { return queueing(rtt, rtt.recent()); }
  /// Likewise before what took that round trip.
  static bool queueing(const RttEstimator& rtt, Duration round_trip);
  /// The path, not its sender, has set the pace of this sample.
  bool limiting(const RateSample& sample) const {
    return sample.kind == RateKind::measured && !assigned_ && mode_ != Mode::startup;
  }
  /// What the path is taken to carry: as assigned, or as estimated.
  BytesPerSecond rate() const { return assigned_.value_or(bottleneck()); }
  /// The estimate of the bottleneck, 0 before the first sample.
  BytesPerSecond bottleneck() const { return BytesPerSecond{rate_}; }

 private:
  enum class Mode : std::uint8_t { startup, drain, cruise, probe_up, probe_down, probe_rtt };

  void update_round(const Ack& ack);
  void update_rate(const RateSample& sample);
  void check_full_pipe(const RateSample& sample);
  void check_queue(const RttEstimator& rtt);
  void advance(Instant now, const Ack& ack, const RttEstimator& rtt);
  void advance_probing(Instant now, const RttEstimator& rtt);
  void check_round_trip(Instant now, const Ack& ack, const RttEstimator& rtt);
  void enter(Instant now, Mode mode) {
    mode_ = mode;
    mode_since_ = now;
    drained_ = false;
  }
  double gain(const RttEstimator& rtt) const;
  double product(const RttEstimator& rtt) const { return rate_ * rtt.least().seconds(); }

  std::uint32_t packet_size_;
  std::optional<BytesPerSecond> assigned_;
  Mode mode_ = Mode::startup;
  Instant mode_since_;
  std::optional<Instant> known_since_;
  bool drained_ = false;  ///< The queue is gone that this mode was to drain.

  static constexpr std::size_t rate_rounds = 10;
  std::array<double, rate_rounds> rate_by_round_{};
  std::size_t rate_round_ = 0;
  bool rate_round_over_ = false;
  double rate_ = 0;

  std::uint64_t round_ends_at_ = 0;
  bool round_started_ = false;
  bool round_measured_ = false;
  double full_pipe_rate_ = 0;
  int full_pipe_rounds_ = 0;

  std::size_t probe_step_ = 0;
  double rate_before_probe_ = 0;
  Instant short_queue_at_;
};

}  // namespace axs::net
