#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>

#include "axs/core/crypto.h"
#include "axs/core/rng.h"
#include "axs/net/packet.h"
#include "axs/net/tunnel.h"

/// For tests: two tunnel policies under a virtual clock, with a link that misbehaves and TLS
/// objects of the test's choice. Nothing outside tests includes this.
namespace axs::net::testing {

inline const MarkKey mark_key = handshake_key({7});

struct LinkFaults {
  double loss = 0;
  double duplicate = 0;
  double corrupt = 0;
  Duration delay_min = milliseconds(40);
  Duration delay_max = milliseconds(40);
};

/// What the harness needs of a TLS object, real or scripted.
template <class T>
concept TlsLike = requires(T tls, ByteView bytes, Incarnation incarnation, TlsRole role) {
  tls.feed(bytes);
  { tls.take_output() } -> std::convertible_to<ByteVector>;
  { tls.finished() } -> std::convertible_to<bool>;
  { tls.failed() } -> std::convertible_to<bool>;
  { tls.secret(incarnation, incarnation, role) } -> std::convertible_to<Key256>;
};

template <TlsLike Tls>
class TunnelPair {
 public:
  /// Makes the TLS object of end 0 or 1.
  using MakeTls = std::function<Tls(std::size_t end, TlsRole role)>;

  struct End {
    std::optional<TunnelPolicy> policy;
    std::optional<Tls> tls;
    HandshakeId tls_id{};
    Incarnation incarnation{};
    std::optional<Establish> established{};
    std::optional<Key256> secret{};  ///< Of the established session.
    int establishments = 0, rekeys = 0, dropped = 0;
  };

  TunnelPair(std::uint64_t seed, LinkFaults link, MakeTls make_tls)
      : faults{link}, make_tls_{std::move(make_tls)}, rng_{seed} {}

  /// Starts, or starts again, the agent of end 0 (site 1) or end 1 (site 2).
  void boot(std::size_t index, std::uint32_t incarnation) {
    TunnelConfig config;
    config.local = {static_cast<std::uint32_t>(1 + index)};
    config.peer = {static_cast<std::uint32_t>(2 - index)};
    config.incarnation = {incarnation};
    ends[index] = End{};
    ends[index].incarnation = {incarnation};
    ends[index].policy.emplace(config);
  }

  void step(std::size_t index, const TunnelEvent& event) {
    std::vector<TunnelAction> actions;
    ends[index].policy->step(now, event, actions);
    for (const auto& action : actions)
      std::visit([&](const auto& what) { perform(index, what); }, action);
  }

  /// Lets time pass until `done` holds; false if it does not before `limit`.
  bool run_until(const std::function<bool()>& done, Instant limit) {
    while (!done()) {
      const Instant next = next_instant();
      if (next > limit) return false;
      now = std::max(now, next);
      advance();
    }
    return true;
  }
  void run_for(Duration time) {
    const Instant end = now + time;
    (void)run_until([] { return false; }, end);
    now = end;
  }

  bool both_up() const { return phase(0) == TunnelPhase::up && phase(1) == TunnelPhase::up; }
  bool same_keys() const { return both_up() && ends[0].secret == ends[1].secret; }
  TunnelPhase phase(std::size_t index) const { return ends[index].policy->phase(); }
  /// All that went over the wire, for tests that look for plaintext in it.
  const std::vector<ByteVector>& wire() const { return wire_; }

  LinkFaults faults;
  std::array<End, 2> ends;
  Instant now{};

 private:
  struct Arrival {
    std::size_t to;
    ByteVector packet;
  };
  static constexpr Instant never{INT64_MAX};

  Instant next_instant() const {
    Instant next = arrivals_.empty() ? never : arrivals_.begin()->first.first;
    for (const auto& end : ends)
      if (end.policy) next = std::min(next, end.policy->wakeup().value_or(never));
    return next;
  }

  void advance() {
    for (std::size_t index : {0u, 1u})
      if (ends[index].policy && ends[index].policy->wakeup().value_or(never) <= now)
        step(index, Wakeup{});
    while (!arrivals_.empty() && arrivals_.begin()->first.first <= now) {
      const Arrival arrival = std::move(arrivals_.begin()->second);
      arrivals_.erase(arrivals_.begin());
      deliver(arrival);
    }
  }

  void deliver(const Arrival& arrival) {
    if (!ends[arrival.to].policy) return;
    const auto packet = parse_packet(arrival.packet);
    if (!packet) return;
    auto segment = parse_handshake(mark_key, *packet);
    if (segment) step(arrival.to, SegmentArrived{*std::move(segment)});
  }

  void perform(std::size_t index, const SendSegment& send) {
    const auto local = static_cast<std::uint32_t>(index);
    const ByteVector packet = handshake_packet(
        mark_key, {.source = {1 + local}, .destination = {2 - local}}, send.segment);
    wire_.push_back(packet);
    for (int copies = rng_.chance(faults.duplicate) ? 2 : 1; copies > 0; --copies) {
      if (rng_.chance(faults.loss)) continue;
      ByteVector copy = packet;
      if (rng_.chance(faults.corrupt)) copy[rng_.below(copy.size())] ^= 1;
      const Duration spread = faults.delay_max - faults.delay_min;
      const Duration delay = faults.delay_min + scaled(spread, rng_.uniform());
      arrivals_.emplace(std::pair{now + delay, sequence_++}, Arrival{1 - index, std::move(copy)});
    }
  }
  void perform(std::size_t index, const StartTls& start) {
    ends[index].tls.emplace(make_tls_(index, start.role));
    ends[index].tls_id = start.handshake;
    pump(index);
  }
  void perform(std::size_t index, const FeedTls& feed) {
    if (feed.handshake != ends[index].tls_id || !ends[index].tls) return;
    ends[index].tls->feed(feed.bytes);
    pump(index);
  }
  void perform(std::size_t index, const DropTls& drop) {
    if (drop.handshake == ends[index].tls_id) ends[index].tls.reset();
    ++ends[index].dropped;
  }
  void perform(std::size_t index, const Establish& establish) {
    End& end = ends[index];
    end.established = establish;
    end.secret = end.tls->secret(end.incarnation, establish.peer, end.policy->role());
    ++end.establishments;
  }
  void perform(std::size_t index, const Rekey&) { ++ends[index].rekeys; }

  void pump(std::size_t index) {
    End& end = ends[index];
    const HandshakeId id = end.tls_id;
    const bool finished = end.tls->finished(), failed = end.tls->failed();
    ByteVector output = end.tls->take_output();
    if (!output.empty()) step(index, TlsOutput{id, std::move(output)});
    if (finished) step(index, TlsFinished{id});
    if (failed) step(index, TlsFailed{id});
  }

  MakeTls make_tls_;
  Rng rng_;
  std::map<std::pair<Instant, std::uint64_t>, Arrival> arrivals_;
  std::uint64_t sequence_ = 0;
  std::vector<ByteVector> wire_;
};

}  // namespace axs::net::testing
