#include "axs/net/pipe.h"

#include <algorithm>
#include <string>
#include <utility>

namespace axs::net {

namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr Duration never = nanoseconds(-1);

/// Exponential with mean 1, by comparing uniforms only (von Neumann 1951): no logarithm, so the
/// same bits on every machine.
double exponential(Rng& rng) {
  for (double whole = 0;; ++whole) {
    const double first = rng.uniform();
    double previous = first;
    for (bool accept = true;; accept = !accept) {
      const double next = rng.uniform();
      if (next >= previous) {
        if (accept) return whole + first;
        break;
      }
      previous = next;
    }
  }
}

bool is_probability(double p) {
  return p >= 0 && p <= 1;
}

Duration since_epoch(Instant at) {
  return at - Instant{};
}

std::int64_t whole_bytes(BytesPerSecond rate) {
  return static_cast<std::int64_t>(rate.value());
}

RateIntegral integral_of(const PipeConfig& config) {
  return config.capacity.bytes_per_second.empty() ? RateIntegral{} : RateIntegral{config.capacity};
}

Result<> validate_probabilities(const PipeConfig& config, const std::string& what) {
  const std::pair<const char*, double> all[] = {{"loss", config.loss},
                                                {"corruption", config.corruption},
                                                {"burst enter", config.burst.enter},
                                                {"burst leave", config.burst.leave},
                                                {"burst loss", config.burst.loss},
                                                {"handover loss", config.handover.loss}};
  for (const auto& [name, p] : all)
    if (!is_probability(p))
      return Error{Errc::invalid,
                   what + ": " + name + " " + std::to_string(p) + ", want a value from 0 to 1"};
  return Ok{};
}

Result<> validate_times(const PipeConfig& config, const std::string& what) {
  const std::pair<const char*, Duration> all[] = {
      {"delay", config.delay},
      {"jitter mean", config.jitter.mean},
      {"jitter max", config.jitter.max},
      {"handover period", config.handover.period},
      {"handover phase", config.handover.phase},
      {"handover length", config.handover.length},
      {"handover extra delay", config.handover.extra_delay}};
  for (const auto& [name, time] : all)
    if (time < Duration{})
      return Error{Errc::invalid,
                   what + ": " + name + " " + std::to_string(time.ns) + " ns, want >= 0"};
  if (config.jitter.every <= Duration{})
    return Error{Errc::invalid, what + ": jitter every " + std::to_string(config.jitter.every.ns) +
                                    " ns, want > 0"};
  return Ok{};
}

}  // namespace

Result<> validate(const PipeConfig& config, const std::string& what) {
  // The upper bound keeps size * 10^9 and rate products far inside 64 bits.
  if (!(config.rate.value() >= 1 && config.rate.value() <= 1e15))
    return Error{Errc::invalid, what + ": rate " + std::to_string(config.rate.value() * 8) +
                                    " b/s, want from 8 b/s to 8 Pb/s"};
  if (config.queue_bytes < 1)
    return Error{Errc::invalid,
                 what + ": queue of " + std::to_string(config.queue_bytes) + " bytes, want > 0"};
  AXS_TRY(validate_probabilities(config, what));
  AXS_TRY(validate_times(config, what));
  AXS_TRY(validate(config.capacity, what));
  AXS_TRY(validate(config.delays, what));
  Duration previous{};
  for (const Outage& outage : config.outages) {
    if (outage.from < previous || outage.until < outage.from)
      return Error{Errc::invalid, what + ": outage from " + std::to_string(outage.from.ns) +
                                      " ns, want outages in order and not overlapping"};
    previous = outage.until;
  }
  return Ok{};
}

Result<> validate(const catalog::LinkForecast& forecast, const std::string& what) {
  for (std::size_t i = 0; i < forecast.size(); ++i) {
    if (forecast[i].one_way < Duration{} || (i > 0 && forecast[i].at < forecast[i - 1].at))
      return Error{Errc::invalid, what + ": forecast sample " + std::to_string(i) + " at " +
                                      std::to_string(forecast[i].at.ns) +
                                      " ns, want samples in order and no negative delay"};
  }
  return Ok{};
}

Pipe::Pipe(PipeConfig config, Rng rng)
    : config_{std::move(config)},
      loss_rng_{rng.fork(0)},
      jitter_rng_{rng.fork(1)},
      rate_{whole_bytes(config_.rate)},
      capacity_{integral_of(config_)} {
  AXS_ASSERT(validate(config_, "pipe").has_value());
}

void Pipe::set(PipeConfig config) {
  AXS_ASSERT(validate(config, "pipe").has_value());
  config_ = std::move(config);
  rate_ = whole_bytes(config_.rate);
  capacity_ = integral_of(config_);
  credit_ = 0;
  outage_cursor_ = 0;
  jitter_slot_.reset();
}

void Pipe::set_forecast(catalog::LinkForecast forecast) {
  AXS_ASSERT(validate(forecast, "pipe").has_value());
  forecast_ = std::move(forecast);
  forecast_cursor_ = 0;
  handover_at_.reset();
}

void Pipe::cut(Instant now) {
  cut_ = true;
  busy_until_ = std::min(busy_until_, now);
  credit_ = 0;
}

void Pipe::lose_queued(Fate fate, std::size_t size) {
  AXS_ASSERT(fate <= Fate::corrupted && counter(fate) > 0);
  --counter(fate);
  counters_.delivered_bytes -= size;
  ++counters_.outage;
}

std::int64_t Pipe::backlog(Instant now) const {
  if (busy_until_ <= now) return 0;
  if (follows_trace())
    return static_cast<std::int64_t>(
        (capacity_.between(now, busy_until_) + RateIntegral::byte - 1) / RateIntegral::byte);
  return static_cast<std::int64_t>((Wide{busy_until_.ns - now.ns} * rate_ + second_ns - 1) /
                                   second_ns);
}

Admission Pipe::admit(Instant now, std::size_t size) {
  AXS_ASSERT(size > 0);
  Admission admission{Fate::outage, now, now};
  if (!cut_ && wire_at(now).up) {
    if (backlog(now) + static_cast<std::int64_t>(size) > config_.queue_bytes) {
      admission.fate = Fate::queue_full;
    } else {
      admission.departs_at = depart(now, size);
      const Wire wire = wire_at(admission.departs_at);
      admission.fate = fate_on_wire(wire);
      if (admission.arrives()) admission.released_at = arrive(admission.departs_at, wire);
    }
  }
  count(admission.fate, size);
  return admission;
}

/// Rounds up, so that no packet is early, and carries the rounding over, so that a long train of
/// packets leaves at exactly the rate.
Instant Pipe::depart(Instant now, std::size_t size) {
  if (busy_until_ < now) {
    busy_until_ = now;
    credit_ = 0;
  }
  if (follows_trace()) return depart_by_trace(size);
  const std::int64_t work = static_cast<std::int64_t>(size) * second_ns - credit_;
  const std::int64_t ns = std::max<std::int64_t>(0, (work + rate_ - 1) / rate_);
  credit_ = ns * rate_ - work;
  return busy_until_ = busy_until_ + nanoseconds(ns);
}

/// Likewise where the rate changes on the way.
Instant Pipe::depart_by_trace(std::size_t size) {
  const RateIntegral::Work work = RateIntegral::Work{RateIntegral::byte} * size - credit_;
  const Instant at = work > 0 ? capacity_.finish(busy_until_, work) : busy_until_;
  credit_ = static_cast<std::int64_t>(capacity_.between(busy_until_, at) - work);
  return busy_until_ = at;
}

/// Every packet draws the same number of times whatever happens to it, so that changing one
/// probability does not reshuffle the fate of the others.
Fate Pipe::fate_on_wire(const Wire& wire) {
  const bool random = loss_rng_.chance(config_.loss);
  in_burst_ = loss_rng_.chance(in_burst_ ? 1 - config_.burst.leave : config_.burst.enter);
  const bool burst = loss_rng_.chance(config_.burst.loss) && in_burst_;
  const bool handover = loss_rng_.chance(config_.handover.loss) && in_handover(wire);
  const bool corrupted = loss_rng_.chance(config_.corruption);
  if (!wire.up) return Fate::outage;
  if (handover) return Fate::handover_loss;
  if (burst) return Fate::burst_loss;
  if (random) return Fate::random_loss;
  return corrupted ? Fate::corrupted : Fate::delivered;
}

bool Pipe::in_handover(const Wire& wire) const {
  return wire.since_handover >= Duration{} && wire.since_handover < config_.handover.length;
}

Instant Pipe::arrive(Instant departs_at, const Wire& wire) {
  Duration delay = wire.delay + jitter_at(departs_at);
  if (in_handover(wire)) {
    const Duration left = config_.handover.length - wire.since_handover;
    delay += nanoseconds(static_cast<std::int64_t>(Wide{config_.handover.extra_delay.ns} * left.ns /
                                                   config_.handover.length.ns));
  }
  Instant at = departs_at + delay;
  const bool follows = config_.ordering == Ordering::fifo || wire.path == last_path_;
  if (follows) at = std::max(at, last_release_);
  last_path_ = wire.path;
  return last_release_ = at;
}

Pipe::Wire Pipe::wire_at(Instant at) {
  const Duration t = since_epoch(at);
  Wire wire{config_.delay, 0, true, never};
  const Handover& handover = config_.handover;
  if (!config_.delays.one_way.empty()) wire.delay = config_.delays.at(at);
  if (!forecast_.empty())
    wire = forecast_at(t);
  else if (handover.period > Duration{} && t >= handover.phase)
    wire.since_handover = nanoseconds((t - handover.phase).ns % handover.period.ns);
  if (in_outage(t)) wire.up = false;
  return wire;
}

/// The delay moves linearly between two samples of one path and jumps where the path changes.
Pipe::Wire Pipe::forecast_at(Duration at) {
  // admit() looks at now and then at the departure: step back when now lies before the last one.
  while (forecast_cursor_ > 0 && forecast_[forecast_cursor_].at > at) --forecast_cursor_;
  if (handover_at_ && *handover_at_ > at) handover_at_.reset();
  while (forecast_cursor_ + 1 < forecast_.size() && forecast_[forecast_cursor_ + 1].at <= at) {
    const auto& old = forecast_[forecast_cursor_];
    const auto& next = forecast_[++forecast_cursor_];
    if (next.path != old.path) handover_at_ = next.at;
  }
  const auto& sample = forecast_[forecast_cursor_];
  Duration delay = sample.one_way;
  if (forecast_cursor_ + 1 < forecast_.size() && at > sample.at) {
    const auto& next = forecast_[forecast_cursor_ + 1];
    if (next.path == sample.path && next.up && next.at > sample.at)
      delay +=
          nanoseconds(static_cast<std::int64_t>(Wide{next.one_way.ns - sample.one_way.ns} *
                                                (at - sample.at).ns / (next.at - sample.at).ns));
  }
  return {delay, sample.path, sample.up, handover_at_ ? at - *handover_at_ : never};
}

bool Pipe::in_outage(Duration at) {
  const auto& outages = config_.outages;
  while (outage_cursor_ > 0 && outages[outage_cursor_ - 1].until > at) --outage_cursor_;
  while (outage_cursor_ < outages.size() && outages[outage_cursor_].until <= at) ++outage_cursor_;
  return outage_cursor_ < outages.size() && outages[outage_cursor_].from <= at;
}

Duration Pipe::jitter_at(Instant at) {
  const Jitter& jitter = config_.jitter;
  if (jitter.mean == Duration{}) return {};
  const std::int64_t slot = period_number(at, jitter.every);
  if (slot != jitter_slot_) {
    jitter_from_ = jitter_draw(slot);
    jitter_to_ = jitter_draw(slot + 1);
    jitter_slot_ = slot;
  }
  const std::int64_t into = at.ns - slot * jitter.every.ns;
  return jitter_from_ + nanoseconds(static_cast<std::int64_t>(Wide{(jitter_to_ - jitter_from_).ns} *
                                                              into / jitter.every.ns));
}

Duration Pipe::jitter_draw(std::int64_t slot) const {
  Rng rng = jitter_rng_.fork(static_cast<std::uint64_t>(slot));
  return std::min(scaled(config_.jitter.mean, exponential(rng)), config_.jitter.max);
}

std::uint64_t& Pipe::counter(Fate fate) {
  std::uint64_t* const all[] = {&counters_.delivered,  &counters_.corrupted,
                                &counters_.queue_full, &counters_.random_loss,
                                &counters_.burst_loss, &counters_.handover_loss,
                                &counters_.outage};
  return *all[static_cast<std::size_t>(fate)];
}

void Pipe::count(Fate fate, std::size_t size) {
  ++counters_.offered;
  counters_.offered_bytes += size;
  ++counter(fate);
  if (fate <= Fate::corrupted) counters_.delivered_bytes += size;
}

}  // namespace axs::net
