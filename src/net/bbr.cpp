#include "axs/net/bbr.h"

#include <algorithm>
#include <utility>

namespace axs::net {

namespace {

/// Doubles the rate every round trip: 2 / ln 2.
constexpr double startup_gain = 2.885;
constexpr double window_gain = 2;
/// A little below the estimate, so that errors of the estimate drain instead of adding up.
constexpr double pacing_margin = 0.99;
constexpr double probe_down_gain = 0.75;
/// While cruising behind a queue: the estimate is too high, as the highest of noisy samples is.
constexpr double queue_gain = 0.95;
constexpr std::array<double, 4> probe_gains{1.1, 1.25, 1.6, 2.0};
/// A probe has found more if the estimate has grown by this much.
constexpr double probe_success = 1.03;
/// So many rounds without growth, or a queue that has begun to grow, end the startup.
constexpr int full_pipe_limit = 3;
constexpr int cruise_round_trips = 6;
/// Paced over the first round trip, so that a slow path queues rather than drops them.
constexpr std::uint64_t initial_packets = 128;
constexpr std::uint64_t least_packets = 4;
/// Without a short queue for so long, the least round trip is measured on purpose.
constexpr Duration probe_rtt_interval = seconds(10);
constexpr Duration probe_rtt_time = milliseconds(200);
/// What acknowledgements that come late and together may hide.
constexpr Duration ack_aggregation = milliseconds(5);

}  // namespace

void Bbr::acknowledged(Instant now, const Ack& ack, const RttEstimator& rtt) {
  update_round(ack);
  if (ack.rate.kind != RateKind::none) update_rate(ack.rate);
  if (mode_ == Mode::startup) {
    check_full_pipe(ack.rate);
    if (ack.rate.kind == RateKind::measured) check_queue(rtt);
  }
  check_round_trip(now, ack, rtt);
  advance(now, ack, rtt);
}

void Bbr::update_round(const Ack& ack) {
  round_started_ = ack.rate.kind != RateKind::none && ack.rate.prior_delivered >= round_ends_at_;
  if (!round_started_) return;
  round_ends_at_ = ack.delivered;
  rate_round_over_ = true;
}

void Bbr::update_rate(const RateSample& sample) {
  // A sender that had nothing to send has learnt nothing about the path.
  if (sample.kind == RateKind::bounded && sample.rate < rate_) return;
  if (rate_round_over_) {
    rate_round_ = (rate_round_ + 1) % rate_rounds;
    rate_by_round_[rate_round_] = 0;
    rate_round_over_ = false;
  }
  double& round = rate_by_round_[rate_round_];
  round = std::max(round, sample.rate);
  rate_ = *std::max_element(rate_by_round_.begin(), rate_by_round_.end());
}

void Bbr::check_full_pipe(const RateSample& sample) {
  if (rate_ >= full_pipe_rate_ * 1.25) {
    full_pipe_rate_ = rate_;
    full_pipe_rounds_ = 0;
    return;
  }
  // A round counts once it is over: in a burst only the end of a round is measured.
  if (round_started_ && std::exchange(round_measured_, false)) ++full_pipe_rounds_;
  round_measured_ = round_measured_ || sample.kind == RateKind::measured;
}

void Bbr::check_queue(const RttEstimator& rtt) {
  const Duration long_round_trip = rtt.least() + std::max(rtt.least() / 4, milliseconds(8));
  if (rate_ > 0 && rtt.recent() > long_round_trip) full_pipe_rounds_ = full_pipe_limit;
}

void Bbr::check_round_trip(Instant now, const Ack& ack, const RttEstimator& rtt) {
  const bool least_seen = rtt.latest().ns <= rtt.least().ns + rtt.least().ns / 32;
  if (least_seen || static_cast<double>(ack.in_flight) < product(rtt) / 2) short_queue_at_ = now;
  if (mode_ == Mode::startup || mode_ == Mode::probe_rtt) return;
  if (now - short_queue_at_ > probe_rtt_interval) enter(now, Mode::probe_rtt);
}

void Bbr::advance(Instant now, const Ack& ack, const RttEstimator& rtt) {
  drained_ = drained_ || static_cast<double>(ack.in_flight) <= product(rtt);
  if (mode_ == Mode::startup) {
    if (full_pipe_rounds_ < full_pipe_limit) return;
    known_since_ = now;
    enter(now, Mode::drain);
  } else if (mode_ == Mode::drain) {
    if (drained_ || now - mode_since_ > 4 * rtt.smoothed()) enter(now, Mode::cruise);
  } else if (mode_ == Mode::probe_rtt) {
    if (now - mode_since_ < std::max(probe_rtt_time, rtt.smoothed())) return;
    short_queue_at_ = now;
    enter(now, Mode::cruise);
  } else {
    advance_probing(now, rtt);
  }
}

void Bbr::advance_probing(Instant now, const RttEstimator& rtt) {
  const Duration in_mode = now - mode_since_;
  if (mode_ == Mode::cruise) {
    if (in_mode <= cruise_round_trips * rtt.least()) return;
    rate_before_probe_ = rate_;
    enter(now, Mode::probe_up);
  } else if (mode_ == Mode::probe_up) {
    if (in_mode > rtt.least()) enter(now, Mode::probe_down);
  } else if (rate_ > rate_before_probe_ * probe_success && in_mode > rtt.least() / 2) {
    probe_step_ = std::min(probe_step_ + 1, probe_gains.size() - 1);
    rate_before_probe_ = rate_;
    enter(now, Mode::probe_up);
  } else if (in_mode > rtt.least() && (drained_ || in_mode > 3 * rtt.least())) {
    probe_step_ = 0;
    enter(now, Mode::cruise);
  }
}

bool Bbr::queueing(const RttEstimator& rtt, Duration round_trip) {
  return round_trip > rtt.least() + std::max(rtt.least() / 16, milliseconds(4));
}

double Bbr::gain(const RttEstimator& rtt) const {
  switch (mode_) {
    case Mode::startup:
      return startup_gain;
    case Mode::drain:
      return 1 / startup_gain;
    case Mode::probe_up:
      return probe_gains[probe_step_];
    case Mode::probe_down:
      return drained_ ? 1 : probe_down_gain;
    case Mode::cruise:
      return queueing(rtt) ? queue_gain : 1;
    case Mode::probe_rtt:
      return 1;
  }
  return 1;
}

BytesPerSecond Bbr::pacing_rate(const RttEstimator& rtt) const {
  if (assigned_) return *assigned_;
  const double seconds = rtt.smoothed().seconds();
  if (mode_ == Mode::startup) {
    const double initial = static_cast<double>(initial_packets * packet_size_) / seconds;
    return BytesPerSecond{startup_gain * std::max(rate_, initial)};
  }
  const double least = static_cast<double>(least_packets * packet_size_) / seconds;
  return BytesPerSecond{std::max(gain(rtt) * pacing_margin * rate_, least)};
}

std::uint64_t Bbr::window(const RttEstimator& rtt) const {
  const double slack = ack_aggregation.seconds();
  if (assigned_) {
    const double longest = 2 * rtt.smoothed().seconds() + slack;
    return static_cast<std::uint64_t>(assigned_->value() * longest) +
           initial_packets * packet_size_;
  }
  const double factor = mode_ == Mode::probe_rtt ? 0.5 : window_gain;
  const auto bytes = static_cast<std::uint64_t>(factor * product(rtt) + rate_ * slack);
  return std::max(bytes, (mode_ == Mode::startup ? initial_packets : least_packets) * packet_size_);
}

}  // namespace axs::net
