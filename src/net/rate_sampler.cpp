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
  if (in_flight == 0) {
    delivered_at_ = first_sent_ = now;
    arrived_at_.reset();
  }
  if (paused_ && now - last_sent_ > train_pause) ++train_;
  paused_ = false;
  last_sent_ = now;
  return {delivered_, delivered_at_, arrived_at_, first_sent_, train_, limited_};
}

void RateSampler::acknowledged(Instant now, const SentPacket& packet) {
  delivered_ += packet.size;
  delivered_at_ = now;
  if (packet.snapshot.train == train_start_.train && packet.number > train_start_.number)
    train_start_.bytes += packet.size;
  if (newest_.valid && packet.number < newest_.number) return;
  newest_ = {packet.sent, packet.number, packet.snapshot, true};
}

RateSample RateSampler::take(Instant now, Arrival arrival) {
  if (!newest_.valid) return {};
  if (limited_ && delivered_ > app_limited_until_) limited_ = false;
  const RateSample round_trip = over_round_trip(now, arrival);
  const RateSample train = over_train(arrival);
  first_sent_ = newest_.sent;
  newest_.valid = false;
  arrived_at_ = std::max(arrived_at_.value_or(arrival.at), arrival.at);
  if (round_trip.kind == RateKind::measured || train.rate <= round_trip.rate) return round_trip;
  return train;
}

RateSample RateSampler::over_round_trip(Instant now, Arrival arrival) const {
  const DeliverySnapshot& then = newest_.snapshot;
  const Duration arriving =
      then.arrived_at ? arrival.at - *then.arrived_at : now - then.delivered_at;
  const Duration interval = std::max(newest_.sent - then.first_sent, arriving);
  RateSample sample{.prior_delivered = then.delivered};
  if (interval.ns <= 0) return sample;
  sample.rate = static_cast<double>(delivered_ - then.delivered) / interval.seconds();
  sample.kind = then.app_limited ? RateKind::bounded : RateKind::measured;
  return sample;
}

RateSample RateSampler::over_train(Arrival arrival) {
  RateSample sample{.prior_delivered = newest_.snapshot.delivered};
  if (!train_start_.valid || train_start_.train != newest_.snapshot.train) {
    train_start_ = {newest_.sent, arrival.at, newest_.number, 0, newest_.snapshot.train, true};
    return sample;
  }
  const Duration sending = newest_.sent - train_start_.sent;
  const Duration arriving = arrival.at - train_start_.arrival;
  const Duration longest = std::max(sending, arriving);
  if (train_start_.bytes < train_bytes || longest < train_time) return sample;
  // Both ends of the train may have arrived at a bad moment: rather too slow than too fast, since a
  // sample that is too fast would be believed and sent at.
  sample.rate = static_cast<double>(train_start_.bytes) / (longest + 2 * arrival.jitter).seconds();
  // Only a train that came out longer than it went in has met the path's own limit.
  sample.kind = arriving > sending + sending / 10 + 2 * arrival.jitter ? RateKind::measured
                                                                       : RateKind::bounded;
  return sample;
}

}  // namespace axs::net
