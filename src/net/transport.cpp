#include "axs/net/transport.h"

#include <algorithm>
#include <numeric>

namespace axs::net {

namespace {

/// Packet numbers beyond any that a link can count up to; keeps sums from overflowing.
constexpr std::uint64_t max_packet_number = std::uint64_t{1} << 62;
constexpr Duration reply_interval = milliseconds(10);
/// What a class with a rate may make up for when it was late, as pacing may.
constexpr Duration limit_burst = milliseconds(8);

}  // namespace

Transport::Transport(const Config& config)
    : config_{config},
      flows_{Flow{SendQueue{TrafficClass::control, config.window}, Reassembly{config.window}},
             Flow{SendQueue{TrafficClass::gradient, config.window}, Reassembly{config.window}},
             Flow{SendQueue{TrafficClass::bulk, config.window}, Reassembly{config.window}}} {
  AXS_ASSERT(config.incarnation > 0);
  AXS_ASSERT(config.packet_size >= least_packet_size);
  AXS_ASSERT(std::find(config.weights.begin(), config.weights.end(), 0u) == config.weights.end());
}

void Transport::step(Instant now, const Event& event, std::vector<Action>& actions) {
  const Turn turn{now, actions};
  std::visit([&](const auto& held) { on(turn, held); }, event);
  end_holds(now);
  run_timers(turn);
  greet(turn);
  send_all(turn);
  update_wakeup(now);
}

std::uint64_t Transport::rebuilt_bytes() const {
  return std::accumulate(
      flows_.begin(), flows_.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Flow& f) { return sum + f.inbox.rebuilt_bytes(); });
}

std::optional<PathStatistics> Transport::statistics(PathId path) const {
  if (path.value >= paths_.size()) return std::nullopt;
  return paths_[path.value].sender.statistics();
}

const CapacityEstimator* Transport::capacity(PathId path) const {
  return path.value < paths_.size() ? &paths_[path.value].sender.capacity() : nullptr;
}

void Transport::on(Turn, const SendMessage& event) {
  flow(event.traffic).queue.push(event.message, event.size);
}

void Transport::on(Turn, const CancelMessage& event) {
  flow(event.traffic).queue.cancel(event.message);
}

void Transport::on(Turn, const RouteSet& event) {
  flow(event.traffic).route = event;
}

void Transport::on(Turn turn, const SpreadSet& event) {
  AXS_ASSERT(event.rates.empty() || event.rates.size() == event.paths.size());
  Flow& held = flow(event.traffic);
  held.spread = event.paths;
  held.limits.clear();
  for (const std::uint64_t rate : event.rates) {
    AXS_ASSERT(rate > 0);
    held.limits.emplace_back(BytesPerSecond{static_cast<double>(rate)}, limit_burst, turn.now);
  }
}

void Transport::on(Turn, const PathUp& event) {
  Path& path = path_at(event.path);
  if (path.up) return;
  path.up = true;
  path.probes = 1;
}

void Transport::on(Turn turn, const PathDown& event) {
  Path& path = path_at(event.path);
  path.up = false;
  path.probes = 0;
  outcome_.clear();
  path.sender.abandon(outcome_);
  settle(turn);
}

void Transport::on(Turn, const PathHold& event) {
  Path& path = path_at(event.path);
  path.hold = event;
  path.sender.hold(event.settled);
}

void Transport::on(Turn, const PacketSizeSet& event) {
  AXS_ASSERT(event.bytes >= least_packet_size);
  path_at(event.path).sender.set_packet_size(event.bytes);
}

void Transport::on(Turn, const RateAssigned& event) {
  std::optional<BytesPerSecond> rate;
  if (event.bytes_per_second) {
    AXS_ASSERT(*event.bytes_per_second > 0);
    rate = BytesPerSecond{static_cast<double>(*event.bytes_per_second)};
  }
  path_at(event.path).sender.assign(rate);
}

void Transport::on(Turn turn, const PacketReceived& event) {
  const Packet& packet = event.packet;
  const bool absurd =
      packet.from == 0 || packet.path.value >= max_paths || packet.number >= max_packet_number;
  if (absurd) {
    turn.actions.emplace_back(Refused{packet.path, packet.number});
    return;
  }
  if (packet.from < peer_) return;
  if (packet.from > peer_) meet(turn, packet.from);
  if (packet.to != config_.incarnation) {
    // It was meant for an earlier incarnation, or for whoever is here: say who is.
    if (reply_at_ && turn.now < *reply_at_) return;
    const PathId back = ack_path(packet.path);
    if (path_at(back).hold) return;  // It will ask again.
    send_hello(turn, back, peer_);
    reply_at_ = turn.now + reply_interval;
    return;
  }
  auto asks = AckTracker::Asks::nothing;
  for (std::size_t i = 0; i < packet.frames.size(); ++i) {
    if (!accept(turn, event, i)) {
      turn.actions.emplace_back(Refused{packet.path, packet.number});
      return;
    }
    if (!std::holds_alternative<AckFrame>(packet.frames[i]))
      asks = AckTracker::Asks::acknowledgement;
  }
  const Instant arrived = turn.now - std::max(event.waited, Duration{});
  path_at(packet.path).acks.received(arrived, packet.number, asks);
}

void Transport::meet(Turn turn, std::uint32_t incarnation) {
  if (peer_ != 0) {
    for (auto& path : paths_) {
      path.sender.forget();
      path.acks.reset();
    }
    for (auto& flow : flows_) {
      flow.queue.restart();
      flow.inbox.reset();
    }
  }
  peer_ = incarnation;
  for (auto& path : paths_) path.probes = path.up ? 1 : 0;
  turn.actions.emplace_back(PeerStarted{incarnation});
}

bool Transport::accept(Turn turn, const PacketReceived& event, std::size_t frame) {
  const Frame& any = event.packet.frames[frame];
  if (const auto* data = std::get_if<DataFrame>(&any)) return accept_data(turn, *data, frame);
  if (const auto* ack = std::get_if<AckFrame>(&any)) return accept_ack(turn, *ack);
  if (const auto* cancel = std::get_if<CancelFrame>(&any)) return accept_cancel(turn, *cancel);
  if (const auto* repair = std::get_if<RepairFrame>(&any))
    return accept_repair(turn, *repair, frame);
  return true;
}

bool Transport::accept_data(Turn turn, const DataFrame& data, std::size_t frame) {
  arrival_.clear();
  const auto verdict = flow(data.traffic).inbox.receive(data, arrival_);
  for (const Range range : arrival_.fresh)
    turn.actions.emplace_back(Stored{.traffic = data.traffic,
                                     .message = data.message,
                                     .total = data.total,
                                     .offset = static_cast<std::uint32_t>(range.first),
                                     .length = static_cast<std::uint32_t>(range.size()),
                                     .frame = static_cast<std::uint32_t>(frame)});
  arrival_.total = data.total;
  return conclude(turn, data, verdict);
}

bool Transport::accept_repair(Turn turn, const RepairFrame& repair, std::size_t frame) {
  arrival_.clear();
  const auto verdict = flow(repair.traffic).inbox.receive(repair, arrival_);
  if (arrival_.kept)
    turn.actions.emplace_back(RepairStored{repair.traffic, repair.message, repair.block,
                                           repair.index, static_cast<std::uint32_t>(frame)});
  return conclude(turn, repair, verdict);
}

/// What has come of a message, by data or by repairs.
template <class ArrivedFrame>
bool Transport::conclude(Turn turn, const ArrivedFrame& frame, Reassembly::Verdict verdict) {
  for (auto& done : arrival_.rebuilt)
    turn.actions.emplace_back(Rebuilt{frame.traffic, frame.message, arrival_.total, done.block,
                                      std::move(done.lost), std::move(done.repairs)});
  if (verdict == Reassembly::Verdict::completed)
    turn.actions.emplace_back(Deliver{frame.traffic, frame.message, arrival_.total});
  return verdict != Reassembly::Verdict::refused;
}

bool Transport::accept_cancel(Turn turn, const CancelFrame& cancel) {
  const auto result = flow(cancel.traffic).inbox.cancel(cancel.number);
  if (result.discarded) turn.actions.emplace_back(Discarded{cancel.traffic, *result.discarded});
  return result.verdict != Reassembly::Verdict::refused;
}

bool Transport::accept_ack(Turn turn, const AckFrame& ack) {
  if (ack.path.value >= paths_.size()) return false;
  outcome_.clear();
  PathSender& sender = paths_[ack.path.value].sender;
  if (!sender.acknowledged(turn.now, ack, outcome_)) return false;
  settle(turn, sender.queueing() ? SendQueue::Loss::congestion : SendQueue::Loss::chance);
  expect_losses();
  return true;
}

/// A class expects what the worst of its paths loses: its end may go over any of them.
void Transport::expect_losses() {
  for (Flow& flow : flows_) {
    ChanceLoss worst;
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (!carries(PathId{static_cast<std::uint8_t>(i)}, flow)) continue;
      const ChanceLoss loss = paths_[i].sender.chance_loss();
      if (loss.rate > worst.rate) worst = loss;
    }
    flow.queue.expect(worst);
  }
}

void Transport::settle(Turn turn, SendQueue::Loss why) {
  for (const SentSpan& span : outcome_.acknowledged)
    if (const auto message = flow(span.traffic).queue.acknowledged(span))
      turn.actions.emplace_back(Acknowledged{span.traffic, *message});
  for (const SentSpan& span : outcome_.lost) flow(span.traffic).queue.lost(span, why);
}

Transport::Path& Transport::path_at(PathId path) {
  AXS_ASSERT(path.value < max_paths);
  while (paths_.size() <= path.value) paths_.emplace_back(config_);
  return paths_[path.value];
}

}  // namespace axs::net
