#pragma once

#include <optional>
#include <span>
#include <vector>

#include "axs/net/bbr.h"
#include "axs/net/capacity_estimator.h"
#include "axs/net/chance_loss.h"
#include "axs/net/frame.h"
#include "axs/net/rtt.h"
#include "axs/net/sent_packets.h"

namespace axs::net {

/// What became of the spans of packets; the caller keeps one and clears it, so that no memory is
/// allocated per packet.
struct Outcome {
  std::vector<SentSpan> acknowledged;
  std::vector<SentSpan> lost;
  std::uint32_t probes{};  ///< Packets to send at once, whatever window and pacing say.
  void clear() {
    acknowledged.clear();
    lost.clear();
    probes = 0;
  }
};

/// What a person or the controller may want to know of one path.
struct PathStatistics {
  Duration smoothed_rtt;
  Duration least_rtt;
  BytesPerSecond bottleneck;
  Duration queue{};  ///< How long what is under way may wait before the bottleneck, at most.
  std::uint64_t in_flight{};
  std::uint64_t packets_sent{};
  std::uint64_t packets_lost{};
  std::uint64_t packets_spurious{};  ///< Given up, then acknowledged after all.
  std::uint64_t repair_bytes{};      ///< In frames that only make up for losses.
  double chance_loss{};              ///< Share of the packets that is lost without congestion.
};

/// The sending half of one path: packet numbers, loss detection and probe timeouts (RFC 9002),
/// congestion control and pacing. A packet is lost when a later one is acknowledged and it is
/// behind by a number of packets or by a time; both grow when a packet turns out to have been
/// merely late. A path that answers neither of two probes in a row is silent: all that is in flight
/// is given up, so that another path may carry it, and only probes go out until one is answered.
class PathSender {
 public:
  struct Options {
    std::uint32_t packet_size = 1372;
    Duration max_ack_delay = milliseconds(2);
  };
  explicit PathSender(Options options) : options_{options}, congestion_{options.packet_size} {}

  /// The number that the next packet must carry.
  std::uint64_t next_number() const { return packets_.next_number(); }
  /// A packet that only acknowledges has left: it is neither counted nor awaited.
  void sent_unawaited() { packets_.skip(); }
  void sent(Instant now, std::uint32_t size, std::span<const SentSpan> spans);
  /// So much of the next packet is repairs.
  void count_repair(std::uint32_t bytes) { repair_bytes_ += bytes; }
  /// False if the peer acknowledges what was never sent; then nothing has changed.
  bool acknowledged(Instant now, const AckFrame& ack, Outcome& outcome);
  /// When timed_out() wants to be called.
  std::optional<Instant> deadline() const;
  void timed_out(Instant now, Outcome& outcome);
  /// Gives up all that is in flight: the path is down.
  void abandon(Outcome& outcome);
  /// Forgets all that is in flight: the peer that it was for is gone.
  void forget();

  /// Nothing leaves for a while, as planned, and before then no answer is to be expected.
  void hold(Instant answers_from) {
    answers_from_ = answers_from;
    app_limited();
  }
  void app_limited() {
    sampler_.app_limited(in_flight_);
    busy_ = false;
  }
  void assign(std::optional<BytesPerSecond> rate) { congestion_.assign(rate); }
  std::uint32_t packet_size() const { return options_.packet_size; }
  /// Of packets from now on.
  void set_packet_size(std::uint32_t bytes) {
    options_.packet_size = bytes;
    congestion_.set_packet_size(bytes);
  }

  /// ordinary packets wait for room in the window and for their turn; urgent ones, which are few
  /// and small, only while there is far too much under way.
  enum class Urgency : std::uint8_t { ordinary, urgent };
  bool window_open(Urgency urgency = Urgency::ordinary) const;
  bool may_send(Instant now, Urgency urgency) const;
  /// From when on pacing allows the next packet; nothing: it does already. Packets may leave in
  /// small batches.
  std::optional<Instant> paced_until() const { return next_send_; }
  /// How long after paced_until() a sleeping sender may wake, so as to send several at once.
  Duration batch() const;

  bool queueing() const { return Bbr::queueing(rtt_); }
  /// What the path loses although nobody overloads it.
  ChanceLoss chance_loss() const { return chance_loss_.estimate(); }
  /// No probe waits for an answer that is overdue.
  bool answers() const { return probe_count_ == 0; }
  /// Bytes per second that the path is taken to carry.
  BytesPerSecond rate() const { return congestion_.rate(); }
  const RttEstimator& rtt() const { return rtt_; }
  const CapacityEstimator& capacity() const { return capacity_; }
  PathStatistics statistics() const;

 private:
  bool silent() const;
  bool tells(const SentPacket& packet) const;
  void settle(Instant now, SentPacket& packet, std::uint64_t largest, Outcome& outcome);
  void give_up(SentPacket& packet, PacketState how, Outcome& outcome);
  void abandon_oldest(std::uint64_t limit, Outcome& outcome);
  void detect_losses(Instant now, Outcome& outcome);
  Duration loss_delay() const;
  Duration probe_delay() const;
  Duration queue() const;
  void pace(Instant now, std::uint32_t size);

  Options options_;
  SentPackets packets_;
  RttEstimator rtt_;
  RateSampler sampler_;
  Bbr congestion_;
  CapacityEstimator capacity_;
  ChanceLossEstimator chance_loss_;
  std::optional<Instant> queued_until_;  ///< What was sent before may have met a queue.

  std::uint64_t in_flight_ = 0;
  std::uint64_t in_flight_packets_ = 0;
  std::optional<std::uint64_t> largest_acked_;
  std::optional<Instant> loss_at_;
  std::optional<Instant> answers_from_;  ///< After the last hold.
  Instant last_sent_;                    ///< Of what is in flight, if anything.
  std::optional<Instant> next_send_;
  bool busy_ = false;  ///< There was more to send after the last packet.
  std::uint32_t probe_count_ = 0;
  std::uint64_t reorder_packets_ = 3;
  Duration reorder_time_{};
  std::uint64_t lost_ = 0;
  std::uint64_t spurious_ = 0;
  std::uint64_t repair_bytes_ = 0;
};

}  // namespace axs::net
