#include "axs/live/direction.h"

namespace axs::live {

void Direction::admit(Instant arrived, ByteView packet) {
  PacketStore::Token token;
  // Room first: what the pipe has counted as delivered must be sent.
  if (!store_.put(packet, token)) {
    ++no_memory_;
    return;
  }
  latest_arrival_ = std::max(latest_arrival_, arrived);
  const net::Admission admission = pipe_.admit(latest_arrival_, packet.size());
  if (!admission.arrives()) return store_.release(token);
  if (admission.fate == net::Fate::corrupted) {
    const std::uint64_t bit = corruption_.below(packet.size() * 8);
    store_.get(token)[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  flying_.push({admission.released_at, admission.departs_at,
                static_cast<std::uint32_t>(packet.size()), admission.fate, token});
}

std::size_t Direction::gather(Instant now) {
  std::size_t n = 0;
  while (n < batch_max && n < flying_.size() && flying_[n].released_at <= now) {
    batch_[n] = store_.get(flying_[n].token);
    ++n;
  }
  return n;
}

void Direction::send(std::size_t n) {
  if (!far_->ready()) {
    no_peer_ += n;
    return;
  }
  const std::size_t refused = far_->send(std::span{batch_}.first(n));
  refused_ += refused;
  sent_ += n - refused;
}

void Direction::settle(Instant sent_at) {
  error_.record(sent_at - flying_.front().released_at);
  store_.release(flying_.front().token);
  flying_.pop();
}

void Direction::cut(Instant now) {
  pipe_.cut(now);
  flying_.drop_queued(now, [this](const auto& entry) {
    pipe_.lose_queued(entry.fate, entry.size);
    store_.release(entry.token);
  });
}

DirectionStats Direction::stats() const {
  return {route_.link, route_.from,           route_.to,      pipe_.counters(),
          sent_,       flying_.size(),        no_memory_,     no_peer_,
          refused_,    near_->kernel_drops(), summary(error_)};
}

ReleaseError summary(const LatencyHistogram& histogram) {
  return {histogram.count(), histogram.quantile(0.5), histogram.quantile(0.99), histogram.max(),
          histogram.sum()};
}

}  // namespace axs::live
