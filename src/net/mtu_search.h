#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/rtt.h"

/// How large a packet of one path may be (RFC 8899). Sizes are those of UDP payloads, with all
/// headers of ours. Only what the peer says inside sealed packets counts, never ICMP.
namespace axs::net {

/// The path may be used from now on, or may have become another one.
struct MtuPathOpened {};
/// The peer has this probe.
struct MtuProbeArrived {
  std::uint32_t number{};
};
/// This machine's own interface does not take the probe.
struct MtuProbeRefused {
  std::uint32_t number{};
};
using MtuEvent = std::variant<MtuPathOpened, MtuProbeArrived, MtuProbeRefused, Wakeup>;

/// Send a packet of exactly `size` bytes to which the peer answers with `number`.
struct SendMtuProbe {
  std::uint32_t number{};
  std::uint32_t size{};
};

struct MtuSearchConfig {
  /// What every path is held to carry; QUIC assumes the same (RFC 9000 section 14).
  std::uint32_t base = 1200;
  std::uint32_t max = 1472;  ///< A packet of 1,500 bytes without IPv4's and UDP's headers.
  /// The search ends when the answer is known this closely.
  std::uint32_t step = 8;
  /// The size in use is confirmed so often; a black hole lasts this long and a few round trips.
  Duration confirm_every = seconds(2);
  /// A path that has become wider is noticed after this time (RFC 8899 section 5.1.1).
  Duration raise_after = seconds(600);
};

/// The search on one path, a state machine. A size is used once a probe of it has arrived. A size
/// is given up when three probes of it are lost and then one of the size in use arrives: so neither
/// a random loss nor an outage passes for a narrow path. When that one does not arrive either, the
/// base size is used until the path answers again.
class MtuSearch {
 public:
  using Event = MtuEvent;
  using Action = SendMtuProbe;

  explicit MtuSearch(const MtuSearchConfig& config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const;

  /// Packets may have so many bytes now.
  std::uint32_t packet_size() const { return size_; }
  /// Nothing larger is being tried.
  bool complete() const { return phase_ == Phase::complete; }

 private:
  enum class Phase : std::uint8_t {
    idle,      ///< Not opened yet.
    base,      ///< Waits until the path carries the base size.
    search,    ///< Probes a larger size.
    verify,    ///< That was lost; is the path alive?
    complete,  ///< Confirms the size now and then.
  };
  /// Probes of one size, not answered yet.
  struct Probe {
    std::uint32_t size{};
    std::uint32_t first{};  ///< The number of its first attempt.
    std::int64_t attempts{};
    Instant sent_at{};
    Instant due{};
  };

  void on(const MtuPathOpened&);
  void on(const MtuProbeArrived& event);
  void on(const MtuProbeRefused& event);
  void on(const Wakeup&);

  void enter_base();
  void search();
  void finish();
  void give_up();
  bool awaited(std::uint32_t number) const;
  void probe(std::uint32_t size);
  void send_probe();
  Duration patience() const;

  MtuSearchConfig config_;
  Phase phase_ = Phase::idle;
  std::uint32_t size_;       ///< Of packets now.
  std::uint32_t too_large_;  ///< The least size that is known not to pass.
  std::uint32_t candidate_{};
  std::optional<Probe> probe_;
  std::uint32_t next_number_ = 0;
  Instant confirm_at_;  ///< In the phase complete; likewise the next.
  Instant raise_at_;
  RttEstimator rtt_;
  // Only during step().
  Instant now_{};
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace axs::net
