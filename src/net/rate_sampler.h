#pragma once

#include "axs/net/sent_packets.h"

namespace axs::net {

/// bounded: the sender had no more to send, so the path may be faster than `rate`. measured: the
/// path itself set the pace. none: too little to say.
enum class RateKind : std::uint8_t { none, bounded, measured };

/// Bytes per second that one acknowledgement shows to have been delivered.
struct RateSample {
  double rate{};
  RateKind kind{};
  std::uint64_t prior_delivered{};  ///< What was delivered when the newest packet left.
};

/// The delivery rate of a path. Long transfers are measured over a round trip
/// (draft-cheng-iccrg-delivery-rate-estimation-02), but by the receiver's clock, so that neither
/// the way of the acknowledgements nor a busy sender that reads them late adds to the error. A
/// burst shorter than a round trip cannot be: it is measured as a train of packets, by how far the
/// path pulled it apart on the way (Jain and Dovrolis 2002), from the arrival times that the
/// receiver reports.
class RateSampler {
 public:
  std::uint64_t delivered() const { return delivered_; }

  /// Fills the snapshot of a packet that is about to leave.
  DeliverySnapshot sending(Instant now, std::uint64_t in_flight);
  /// There is nothing more to send although the path would take it.
  void app_limited(std::uint64_t in_flight) {
    app_limited_until_ = delivered_ + in_flight;
    limited_ = paused_ = true;
  }
  void acknowledged(Instant now, const SentPacket& packet);
  /// Of the newest packet that an acknowledgement covers.
  struct Arrival {
    Instant at;       ///< On the receiver's clock.
    Duration jitter;  ///< By how much such times are off.
  };
  /// After all packets of one acknowledgement: what they show together.
  RateSample take(Instant now, Arrival arrival);

 private:
  RateSample over_round_trip(Instant now, Arrival arrival) const;
  RateSample over_train(Arrival arrival);

  struct Newest {
    Instant sent;
    std::uint64_t number{};
    DeliverySnapshot snapshot;
    bool valid{};
  };
  struct TrainStart {
    Instant sent;
    Instant arrival;
    std::uint64_t number{};
    std::uint64_t bytes{};  ///< Of what was sent after it and has arrived.
    std::uint32_t train{};
    bool valid{};
  };

  std::uint64_t delivered_ = 0;
  Instant delivered_at_;
  std::optional<Instant> arrived_at_;
  Instant first_sent_;
  Instant last_sent_;
  std::uint64_t app_limited_until_ = 0;
  bool limited_ = true;
  bool paused_ = false;
  std::uint32_t train_ = 0;
  Newest newest_;
  TrainStart train_start_;
};

}  // namespace axs::net
