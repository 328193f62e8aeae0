#include "axs/net/rate_sampler.h"

#include <algorithm>

namespace axs::net {

namespace {

/// A pause longer than this ends a train.
constexpr Duration train_pause = milliseconds(2);
/// A shorter train says more about jitter than about the path.
constexpr std::uint64_t train_bytes = 32 * 1200;
constexpr Duration train_time = milliseconds(1);

}  // namespace

DeliverySnapshot RateSampler::sending(Instant now, std::uint64_t in_flight) {
  if (in_flight == 0) delivered_at_ = first_sent_ = now;
  if (paused_ && now - last_sent_ > train_pause) ++train_;
  paused_ = false;
  last_sent_ = now;
  return {delivered_, delivered_at_, first_sent_, train_, limited_};
}

void RateSampler::acknowledged(Instant now, const SentPacket& packet) {
  delivered_ += packet.size;
  delivered_at_ = now;
  if (newest_.valid && packet.number < newest_.number) return;
  newest_ = {packet.sent, packet.number, packet.snapshot, true};
}

RateSample RateSampler::take(Instant now, Instant arrival) {
  if (!newest_.valid) return {};
  if (limited_ && delivered_ > app_limited_until_) limited_ = false;
  const RateSample round_trip = over_round_trip(now);
  const RateSample train = over_train(arrival);
  first_sent_ = newest_.sent;
  newest_.valid = false;
  if (round_trip.kind == RateKind::measured || train.rate <= round_trip.rate) return round_trip;
  return train;
}

RateSample RateSampler::over_round_trip(Instant now) const {
  const DeliverySnapshot& then = newest_.snapshot;
  const Duration interval = std::max(newest_.sent - then.first_sent, now - then.delivered_at);
  RateSample sample{.prior_delivered = then.delivered};
  if (interval.ns <= 0) return sample;
  sample.rate = static_cast<double>(delivered_ - then.delivered) / interval.seconds();
  sample.kind = then.app_limited ? RateKind::bounded : RateKind::measured;
  return sample;
}

RateSample RateSampler::over_train(Instant arrival) {
  RateSample sample{.prior_delivered = newest_.snapshot.delivered};
  if (!train_start_.valid || train_start_.train != newest_.snapshot.train) {
    train_start_ = {newest_.sent, arrival, delivered_, newest_.snapshot.train, true};
    return sample;
  }
  const std::uint64_t bytes = delivered_ - train_start_.delivered;
  const Duration sending = newest_.sent - train_start_.sent;
  const Duration arriving = arrival - train_start_.arrival;
  if (bytes < train_bytes || std::max(sending, arriving) < train_time) return sample;
  sample.rate = static_cast<double>(bytes) / std::max(sending, arriving).seconds();
  // Only a train that came out longer than it went in has met the path's own limit.
  sample.kind = arriving.ns > sending.ns + sending.ns / 10 ? RateKind::measured : RateKind::bounded;
  return sample;
}

}  // namespace axs::net
