#include "axs/net/path_sender.h"

#include <algorithm>

namespace axs::net {

namespace {

/// An idle sender may burst what pacing would have sent in this time, and the wake-ups of a busy
/// one are at least half of it apart.
constexpr Duration burst_time = milliseconds(1);
/// What a busy sender may make up for when it was woken late: on a loaded machine it often is, and
/// what it does not send then looks as though the path could not carry it.
constexpr Duration catch_up_time = milliseconds(8);
/// The pause between probes of a silent path grows to this and no further: an outage may end at any
/// moment and a probe costs next to nothing.
constexpr Duration longest_probe_delay = seconds(1);
constexpr std::uint32_t probes_per_timeout = 2;
constexpr std::uint32_t timeouts_to_silence = 2;
constexpr std::uint64_t max_reorder_packets = 4096;
/// By how much urgent packets may exceed the window and run ahead of pacing.
constexpr std::uint64_t urgent_bytes = 64 << 10;
constexpr Duration urgent_time = milliseconds(20);

void append(std::vector<SentSpan>& out, const SentPacket& packet) {
  out.insert(out.end(), packet.spans.begin(), packet.spans.begin() + packet.span_count);
}

/// Walks the ranges of an AckFrame, which come newest first, with growing packet numbers.
class RangeCursor {
 public:
  explicit RangeCursor(const std::vector<PacketRange>& ranges)
      : ranges_{ranges}, next_{ranges.size()} {}
  bool contains(std::uint64_t number) {
    while (next_ > 0 && ranges_[next_ - 1].last < number) --next_;
    return next_ > 0 && ranges_[next_ - 1].first <= number;
  }

 private:
  const std::vector<PacketRange>& ranges_;
  std::size_t next_;
};

/// On the receiver's clock, which may show less than 0. Of any number that a peer may send only the
/// lower 48 bits count, so that no sum of two overflows.
Instant arrival_of(const AckFrame& ack) {
  const auto signed_us = static_cast<std::int64_t>(ack.arrival_us << 16) >> 16;
  return Instant{} + microseconds(signed_us);
}

bool well_formed(const std::vector<PacketRange>& ranges, std::uint64_t next_number) {
  if (ranges.empty() || ranges.size() > max_ack_ranges) return false;
  if (ranges.front().last >= next_number) return false;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].first > ranges[i].last) return false;
    if (i > 0 && ranges[i].last >= ranges[i - 1].first) return false;
  }
  return true;
}

}  // namespace

void PathSender::sent(Instant now, std::uint32_t size, std::span<const SentSpan> spans) {
  AXS_ASSERT(spans.size() <= SentPacket::max_spans);
  SentPacket& packet = packets_.push();
  packet.sent = now;
  packet.size = size;
  packet.telling = !congestion_.pushing();
  packet.snapshot = sampler_.sending(now, in_flight_);
  packet.span_count = static_cast<std::uint8_t>(spans.size());
  std::copy(spans.begin(), spans.end(), packet.spans.begin());
  in_flight_ += size;
  ++in_flight_packets_;
  last_sent_ = now;
  pace(now, size);
  busy_ = true;
}

void PathSender::pace(Instant now, std::uint32_t size) {
  const double rate = congestion_.pacing_rate(rtt_).value();
  const Duration cost = from_seconds(size / rate);
  const Duration credit = std::max(busy_ ? catch_up_time : burst_time, 2 * cost);
  const Instant earliest = now - credit;
  next_send_ = std::max(next_send_.value_or(earliest), earliest) + cost;
}

bool PathSender::silent() const {
  return probe_count_ >= timeouts_to_silence;
}

bool PathSender::window_open(Urgency urgency) const {
  if (urgency == Urgency::ordinary && silent()) return false;
  const std::uint64_t more = urgency == Urgency::urgent ? urgent_bytes : 0;
  return in_flight_ + options_.packet_size <= congestion_.window(rtt_) + more;
}

bool PathSender::may_send(Instant now, Urgency urgency) const {
  const Duration ahead = urgency == Urgency::urgent ? urgent_time : Duration{};
  return (!next_send_ || *next_send_ <= now + ahead) && window_open(urgency);
}

Duration PathSender::batch() const {
  const double rate = congestion_.pacing_rate(rtt_).value();
  const Duration two_packets = from_seconds(2 * options_.packet_size / rate);
  return two_packets < burst_time / 2 ? burst_time / 2 : Duration{};
}

bool PathSender::acknowledged(Instant now, const AckFrame& ack, Outcome& outcome) {
  if (!well_formed(ack.ranges, next_number())) return false;
  const std::uint64_t largest = ack.ranges.front().last;
  largest_acked_ = std::max(largest_acked_.value_or(0), largest);
  RangeCursor cursor{ack.ranges};
  std::optional<Instant> newest_sent;
  packets_.visit_unsettled(largest, [&](SentPacket& packet) {
    if (!cursor.contains(packet.number)) return;
    settle(now, packet, *largest_acked_, outcome);
    if (packet.number == largest) newest_sent = packet.sent;
  });
  if (newest_sent) {
    rtt_.sample(now, now - *newest_sent, microseconds(ack.delay_us));
    // Not by single samples, which show jitter too.
    if (Bbr::queueing(rtt_, rtt_.smoothed() - 2 * rtt_.variation()))
      queued_until_ = *newest_sent + rtt_.least();
  }
  detect_losses(now, outcome);
  const RateSample rate = sampler_.take(now, {arrival_of(ack), rtt_.variation()});
  const bool known = congestion_.known_since().has_value();
  congestion_.acknowledged(now, {rate, sampler_.delivered(), in_flight_}, rtt_);
  capacity_.add(now, BytesPerSecond{rate.rate}, congestion_.limiting(rate));
  // The first search for the path's rate may have overrun it.
  if (!known && congestion_.known_since()) chance_loss_ = {};
  return true;
}

/// Whether the fate of the packet, which shows now, says something of losses by chance.
bool PathSender::tells(const SentPacket& packet) const {
  return packet.telling && packet.sent >= queued_until_.value_or(packet.sent) &&
         packet.sent >= congestion_.known_since().value_or(packet.sent);
}

void PathSender::settle(Instant now, SentPacket& packet, std::uint64_t largest, Outcome& outcome) {
  if (packet.state == PacketState::outstanding) {
    in_flight_ -= packet.size;
    --in_flight_packets_;
    if (tells(packet)) chance_loss_.arrived();
  } else {
    ++spurious_;
  }
  if (packet.state == PacketState::lost) {
    if (packet.telling) chance_loss_.was_late();
    reorder_packets_ = std::clamp(largest - packet.number + 1, reorder_packets_,
                                  std::max(reorder_packets_, max_reorder_packets));
    reorder_time_ = std::max(reorder_time_, now - packet.sent - rtt_.smoothed());
  }
  packet.state = PacketState::settled;
  probe_count_ = 0;
  sampler_.acknowledged(now, packet);
  append(outcome.acknowledged, packet);
}

Duration PathSender::loss_delay() const {
  const Duration round_trip = std::max(rtt_.smoothed(), rtt_.latest());
  const Duration tolerance = std::clamp(reorder_time_, round_trip / 8, round_trip / 4);
  return round_trip + std::max(tolerance, milliseconds(1));
}

void PathSender::give_up(SentPacket& packet, PacketState how, Outcome& outcome) {
  packet.state = how;
  in_flight_ -= packet.size;
  --in_flight_packets_;
  ++lost_;
  append(outcome.lost, packet);
}

void PathSender::detect_losses(Instant now, Outcome& outcome) {
  loss_at_.reset();
  if (!largest_acked_) return;
  const Duration delay = loss_delay();
  packets_.visit_unsettled(*largest_acked_, [&](SentPacket& packet) {
    const Instant late = packet.sent + delay;
    if (packet.state != PacketState::outstanding) {
      // An acknowledgement that comes a whole round trip after that will not come any more.
      if (now >= late + rtt_.smoothed()) packet.state = PacketState::settled;
    } else if (*largest_acked_ - packet.number >= reorder_packets_ || now >= late) {
      packet.telling = tells(packet);
      if (packet.telling) chance_loss_.lost(packet.number);
      give_up(packet, PacketState::lost, outcome);
    } else if (!loss_at_) {
      loss_at_ = late;
    }
  });
}

Duration PathSender::probe_delay() const {
  const Duration first = rtt_.probe_timeout(options_.max_ack_delay);
  const Duration backed_off = first * (std::int64_t{1} << std::min(probe_count_, 10u));
  return std::min(backed_off, std::max(first, longest_probe_delay));
}

std::optional<Instant> PathSender::deadline() const {
  if (!loss_at_ && in_flight_packets_ == 0) return std::nullopt;
  const Instant due = loss_at_ ? *loss_at_ : last_sent_ + probe_delay();
  if (!answers_from_) return due;
  return std::max(due, *answers_from_ + rtt_.probe_timeout(options_.max_ack_delay));
}

void PathSender::timed_out(Instant now, Outcome& outcome) {
  if (loss_at_) {
    if (now >= *loss_at_) detect_losses(now, outcome);
    return;
  }
  if (in_flight_packets_ == 0 || now < last_sent_ + probe_delay()) return;
  ++probe_count_;
  // Nothing says that these are lost, but what they carried is the best that a probe can carry.
  abandon_oldest(silent() ? in_flight_packets_ : probes_per_timeout, outcome);
  outcome.probes = probes_per_timeout;
}

void PathSender::abandon_oldest(std::uint64_t limit, Outcome& outcome) {
  packets_.visit_unsettled(SentPackets::none - 1, [&](SentPacket& packet) {
    if (limit == 0 || packet.state != PacketState::outstanding) return;
    give_up(packet, PacketState::abandoned, outcome);
    --limit;
  });
}

void PathSender::abandon(Outcome& outcome) {
  abandon_oldest(in_flight_packets_, outcome);
  loss_at_.reset();
  probe_count_ = 0;
}

void PathSender::forget() {
  packets_.clear();
  largest_acked_.reset();
  loss_at_.reset();
  in_flight_ = in_flight_packets_ = 0;
  probe_count_ = 0;
}

/// What round trips show, or what is under way beyond what the wire holds: that may have been sent
/// since.
Duration PathSender::queue() const {
  if (!rtt_.has_sample()) return {};
  const Duration seen = std::max(rtt_.latest(), rtt_.smoothed()) - rtt_.least();
  const double rate = congestion_.bottleneck().value();
  if (rate <= 0) return seen;
  return std::max(seen, from_seconds(static_cast<double>(in_flight_) / rate) - rtt_.least());
}

PathStatistics PathSender::statistics() const {
  return {.smoothed_rtt = rtt_.smoothed(),
          .least_rtt = rtt_.least(),
          .bottleneck = congestion_.bottleneck(),
          .queue = queue(),
          .in_flight = in_flight_,
          .packets_sent = next_number(),
          .packets_lost = lost_,
          .packets_spurious = spurious_,
          .repair_bytes = repair_bytes_,
          .chance_loss = chance_loss().rate};
}

}  // namespace axs::net
