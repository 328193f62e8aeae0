#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/link_forecast.h"
#include "axs/core/result.h"
#include "axs/core/rng.h"
#include "axs/core/time.h"
#include "axs/core/units.h"
#include "axs/net/rate_trace.h"

namespace axs::net {

/// Delay on top of propagation that wanders with time: exponential with this mean, cut off at
/// `max`, drawn anew every `every` and interpolated between. It depends on the seed and the time
/// alone, not on the traffic, so two packets sent close together see nearly the same.
struct Jitter {
  Duration mean{};
  Duration max{};
  Duration every = milliseconds(10);
};

/// Loss in bursts (Gilbert 1960, Elliott 1963), a two-state chain stepped once per packet. The mean
/// burst is 1 / leave packets; the share of packets that meet one is enter / (enter + leave).
struct BurstLoss {
  double enter{};
  double leave = 1;
  double loss = 1;  ///< Probability of losing a packet while in a burst.
};

/// What a change of satellite does to the packets that leave within `length` after it: `loss` of
/// them are lost, and a delay that starts at `extra_delay` fades out linearly. It happens at each
/// change of path in the forecast or, without a forecast, every `period` from `phase` on.
struct Handover {
  Duration period{};  ///< 0: no handovers of its own.
  Duration phase{};
  Duration length{};
  double loss{};
  Duration extra_delay{};
};

/// The link is down from `from` until before `until`, both since the epoch of the run.
struct Outage {
  Duration from;
  Duration until;
};

/// `fifo`: packets leave in the order they came, as from one queue. `per_path`: packets on a new
/// path of satellites may overtake those still flying on the old, longer one.
enum class Ordering { fifo, per_path };

/// One direction of a link. The default is an ideal wire: no delay, 1 Tb/s, nothing lost.
struct PipeConfig {
  Duration delay{};                             ///< One-way propagation, when no forecast is set.
  BytesPerSecond rate = bits_per_second(1e12);  ///< Of the bottleneck, payload bytes.
  std::int64_t queue_bytes =
      64 * 1024 * 1024;  ///< Tail drop beyond, the packet in service included.
  Jitter jitter{};
  double loss{};  ///< Probability of losing a packet, each on its own.
  BurstLoss burst{};
  Handover handover{};
  double corruption{};            ///< Probability that a packet arrives with a flipped bit.
  std::vector<Outage> outages{};  ///< In order, not overlapping.
  Ordering ordering = Ordering::fifo;
  CapacityTrace capacity{};  ///< In the place of `rate`, unless empty.
  DelayTrace delays{};       ///< In the place of `delay`, unless empty or a forecast is set.
};

/// Refuses a config whose numbers make no sense; `what` names the link in the message.
Result<> validate(const PipeConfig& config, const std::string& what);

/// Refuses a forecast with samples out of order or a negative delay.
Result<> validate(const catalog::LinkForecast& forecast, const std::string& what);

/// What became of a packet. Up to `corrupted` it arrives; a world without payloads treats a
/// corrupted packet as lost, since authentication discards it.
enum class Fate {
  delivered,
  corrupted,
  queue_full,
  random_loss,
  burst_loss,
  handover_loss,
  outage
};

struct Admission {
  Fate fate;
  Instant departs_at{};   ///< When its last byte leaves the queue (unless outage or queue_full).
  Instant released_at{};  ///< When it arrives at the far end, if it does.
  bool arrives() const { return fate <= Fate::corrupted; }
};

/// offered = delivered + corrupted + the sum of the losses.
struct PipeCounters {
  std::uint64_t offered{};
  std::uint64_t offered_bytes{};
  std::uint64_t delivered{};
  std::uint64_t delivered_bytes{};  ///< Of delivered and corrupted packets.
  std::uint64_t corrupted{};
  std::uint64_t queue_full{};
  std::uint64_t random_loss{};
  std::uint64_t burst_loss{};
  std::uint64_t handover_loss{};
  std::uint64_t outage{};
};

/// The model of one direction of a link: a byte-bounded FIFO queue drained at `rate`, then a wire
/// with delay, jitter and loss. A rate that changes is known in advance, as a trace. It decides
/// when a packet arrives, or that it does not, at the moment the packet is offered, and holds no
/// packets itself; so the emulator, which moves real datagrams, and the twin, which moves events,
/// run the same arithmetic. A packet that is lost on the wire has used its share of the rate, as on
/// a real one.
class Pipe {
 public:
  /// `config` must pass validate().
  Pipe(PipeConfig config, Rng rng);

  /// Offers a packet of `size` > 0 bytes. `now` must not go back between calls.
  Admission admit(Instant now, std::size_t size);

  /// New parameters for the packets offered from now on; the queue keeps its backlog in time.
  void set(PipeConfig config);
  void set_delay(Duration delay) { config_.delay = delay; }
  /// Delay, outages and handovers follow `forecast`; an empty one returns to the config's delay.
  void set_forecast(catalog::LinkForecast forecast);
  /// A cut loses what has not departed by `now`: the queue is emptied here, and the owner, who
  /// holds the packets, drops those with departs_at > now and reports each with lose_queued().
  void cut(Instant now);
  void heal() { cut_ = false; }
  void lose_queued(Fate fate, std::size_t size);

  const PipeConfig& config() const { return config_; }
  const PipeCounters& counters() const { return counters_; }
  /// Bytes that have not left the queue at `now`.
  std::int64_t backlog(Instant now) const;

 private:
  /// What the wire is like at one instant.
  struct Wire {
    Duration delay;
    std::uint32_t path;
    bool up;
    Duration since_handover;  ///< Negative if there was none.
  };

  Fate fate_on_wire(const Wire& wire);
  std::uint64_t& counter(Fate fate);
  bool follows_trace() const { return !config_.capacity.bytes_per_second.empty(); }
  Instant depart(Instant now, std::size_t size);
  Instant depart_by_trace(std::size_t size);
  Instant arrive(Instant departs_at, const Wire& wire);
  Wire wire_at(Instant at);
  Wire forecast_at(Duration at);
  bool in_outage(Duration at);
  Duration jitter_at(Instant at);
  Duration jitter_draw(std::int64_t slot) const;
  bool in_handover(const Wire& wire) const;
  void count(Fate fate, std::size_t size);

  PipeConfig config_;
  Rng loss_rng_;
  Rng jitter_rng_;
  catalog::LinkForecast forecast_;
  PipeCounters counters_;

  /// Before any packet; half the range, so that no difference to it overflows.
  static constexpr Instant long_ago{INT64_MIN / 2};

  std::int64_t rate_;                ///< Whole bytes per second.
  Instant busy_until_ = long_ago;    ///< When the last byte offered so far leaves the queue.
  RateIntegral capacity_;            ///< Of the trace, if there is one.
  std::int64_t credit_{};            ///< What busy_until_ was rounded up by, in 1/rate ns.
  Instant last_release_ = long_ago;  ///< FIFO: nothing is released before it.
  std::uint32_t last_path_{};
  bool in_burst_{};
  bool cut_{};
  std::size_t outage_cursor_{};
  std::size_t forecast_cursor_{};
  std::optional<Duration> handover_at_;
  std::optional<std::int64_t> jitter_slot_;
  Duration jitter_from_{};
  Duration jitter_to_{};
};

}  // namespace axs::net
