#include <algorithm>

#include "axs/net/transport.h"

namespace axs::net {

namespace {

constexpr Duration greet_interval = milliseconds(250);
/// Cost of a byte in a class of weight 1, in units of virtual time.
constexpr std::uint64_t tag_scale = 1 << 10;
/// By how many bytes of weight 1 a class may fall behind or run ahead.
constexpr std::uint64_t max_lead = 64 << 10;

/// Bytes of a message that are worth a frame of their own behind another.
constexpr std::uint32_t least_piece = 64;

}  // namespace

void Transport::end_holds(Instant now) {
  for (auto& path : paths_)
    if (path.hold && path.hold->until <= now) path.hold.reset();
}

void Transport::run_timers(Turn turn) {
  for (auto& path : paths_) {
    const auto deadline = path.sender.deadline();
    if (!deadline || *deadline > turn.now) continue;
    outcome_.clear();
    path.sender.timed_out(turn.now, outcome_);
    path.probes = std::max(path.probes, outcome_.probes);
    settle(turn);
  }
}

void Transport::greet(Turn turn) {
  if (peer_ != 0 || (greet_at_ && turn.now < *greet_at_)) return;
  if (std::none_of(paths_.begin(), paths_.end(), [](const Path& p) { return p.up; })) return;
  greet_at_ = turn.now + greet_interval;
  for (std::size_t i = 0; i < paths_.size(); ++i)
    if (usable(PathId{static_cast<std::uint8_t>(i)}))
      send_hello(turn, PathId{static_cast<std::uint8_t>(i)}, 0);
}

void Transport::send_hello(Turn turn, PathId path, std::uint32_t to) {
  Draft draft{path_at(path).sender.packet_size()};
  add(draft, PingFrame{});
  draft.packet.to = to;
  emit(turn, path, draft);
}

void Transport::send_all(Turn turn) {
  if (peer_ == 0) return;
  for (std::size_t i = 0; i < paths_.size(); ++i)
    send_on(turn, PathId{static_cast<std::uint8_t>(i)});
}

void Transport::send_on(Turn turn, PathId path) {
  Path& at = paths_[path.value];
  if (at.hold) return;
  if (at.up) {
    while (send_one(turn, path)) continue;
    if (!has_data(turn.now, path) && at.sender.window_open()) at.sender.app_limited();
  }
  while (const auto about = due_ack(turn.now, path)) send_ack(turn, path, *about);
}

bool Transport::send_one(Turn turn, PathId path) {
  using Urgency = PathSender::Urgency;
  Path& at = paths_[path.value];
  if (at.probes == 0 && !has_data(turn.now, path)) return false;
  const bool ordinary = at.probes > 0 || at.sender.may_send(turn.now, Urgency::ordinary);
  if (!ordinary && !at.sender.may_send(turn.now, Urgency::urgent)) return false;
  Draft draft{at.sender.packet_size()};
  if (const auto about = due_ack(turn.now, path)) add_ack(turn, draft, *about);
  fill(turn, draft, path, ordinary ? Urgency::ordinary : Urgency::urgent);
  if (at.probes > 0) {
    --at.probes;
    if (!draft.awaited) add(draft, PingFrame{});
    draft.awaited = true;
  }
  if (draft.packet.frames.empty()) return false;
  draft.packet.to = peer_;
  emit(turn, path, draft);
  return draft.awaited;
}

void Transport::fill(Turn turn, Draft& draft, PathId path, PathSender::Urgency urgency) {
  Flow& control = flow(TrafficClass::control);
  if (offers(turn.now, control, path))
    while (add_from(draft, control)) continue;
  if (urgency == PathSender::Urgency::urgent) return;
  for (Flow* next = fairest(turn.now, path); next; next = fairest(turn.now, path)) {
    const std::uint32_t before = draft.size;
    if (!add_from(draft, *next)) return;
    const std::uint32_t added = draft.size - before;
    const auto weight = config_.weights[static_cast<std::size_t>(next - flows_.data())];
    virtual_time_ = start_tag(*next);
    next->finish_tag = virtual_time_ + tag_scale * added / weight;
    next->sent += added;
    if (TokenBucket* held = limit(*next, path)) held->take(turn.now, added);
  }
}

bool Transport::add_from(Draft& draft, Flow& from) {
  if (draft.span_count == draft.spans.size()) return false;
  const std::uint32_t space = draft.limit - draft.size;
  // A few bytes more at the end of a packet would cost another frame for the rest of that message.
  if (draft.span_count > 0 && space < data_overhead + least_piece) return false;
  const auto place =
      draft.packet.frames.empty() ? SendQueue::Place::first : SendQueue::Place::behind;
  const auto frame = from.queue.next(space, place);
  if (!frame) return false;
  if (const auto* data = std::get_if<DataFrame>(&*frame))
    draft.spans[draft.span_count++] = {data->number, data->offset, data->length, data->traffic};
  else if (const auto* cancel = std::get_if<CancelFrame>(&*frame))
    draft.spans[draft.span_count++] = {cancel->number, 0, 0, cancel->traffic};
  else
    draft.repair_bytes = wire_size(*frame);  // If it is lost, nothing is sent again.
  draft.awaited = true;
  add(draft, *frame);
  return true;
}

void Transport::add(Draft& draft, Frame frame) {
  draft.size += wire_size(frame);
  draft.packet.frames.push_back(std::move(frame));
}

void Transport::add_ack(Turn turn, Draft& draft, PathId about) {
  add(draft, paths_[about.value].acks.make(turn.now, about));
}

void Transport::send_ack(Turn turn, PathId path, PathId about) {
  Draft draft{path_at(path).sender.packet_size()};
  add_ack(turn, draft, about);
  draft.packet.to = peer_;
  emit(turn, path, draft);
}

void Transport::emit(Turn turn, PathId path, Draft& draft) {
  AXS_ASSERT(draft.size <= draft.limit);
  PathSender& sender = path_at(path).sender;
  draft.packet.from = config_.incarnation;
  draft.packet.path = path;
  draft.packet.number = sender.next_number();
  sender.count_repair(draft.repair_bytes);
  if (draft.awaited)
    sender.sent(turn.now, draft.size, {draft.spans.data(), draft.span_count});
  else
    sender.sent_unawaited();
  turn.actions.emplace_back(Transmit{std::move(draft.packet), draft.size});
}

std::uint64_t Transport::start_tag(const Flow& flow) const {
  return std::clamp(flow.finish_tag, virtual_time_, virtual_time_ + tag_scale * max_lead);
}

Transport::Flow* Transport::fairest(Instant now, PathId path) {
  const auto rank = [this](const Flow& flow) {
    return std::pair{!flow.limits.empty(), start_tag(flow)};
  };
  Flow* best = nullptr;
  for (auto& candidate : flows_) {
    if (&candidate == &flow(TrafficClass::control)) continue;
    if (!offers(now, candidate, path)) continue;
    if (!best || rank(candidate) < rank(*best)) best = &candidate;
  }
  return best;
}

/// From when on there is something that may go over the path, as far as rates are concerned.
std::optional<Instant> Transport::data_at(Instant now, PathId path) const {
  std::optional<Instant> at;
  for (const Flow& flow : flows_) {
    if (!wants(flow, path)) continue;
    const TokenBucket* held = limit(flow, path);
    const Instant opens = held ? std::max(held->opens_at(), now) : now;
    if (!at || opens < *at) at = opens;
  }
  return at;
}

bool Transport::has_data(Instant now, PathId path) const {
  const auto at = data_at(now, path);
  return at && *at <= now;
}

std::optional<PathId> Transport::active_path(const Flow& flow) const {
  if (!flow.route) return std::nullopt;
  if (is_up(flow.route->primary)) return free_path(flow.route->primary);
  if (flow.route->backup && is_up(*flow.route->backup)) return free_path(*flow.route->backup);
  return std::nullopt;
}

/// What is on hold has a stand-in, or none.
std::optional<PathId> Transport::free_path(PathId path) const {
  const auto& hold = paths_[path.value].hold;
  if (!hold) return path;
  return hold->instead && usable(*hold->instead) ? hold->instead : std::nullopt;
}

bool Transport::carries(PathId path, const Flow& flow) const {
  const auto& spread = flow.spread;
  if (usable(path) && std::find(spread.begin(), spread.end(), path) != spread.end()) return true;
  const bool only_spread =
      !flow.limits.empty() &&
      std::any_of(spread.begin(), spread.end(), [this](PathId other) { return is_up(other); });
  return !only_spread && active_path(flow) == path;
}

/// What part of a path the class has beside the others that want it now; control takes little. As
/// in fairest(), a class with rates has nothing beside one without.
double Transport::share(PathId path, const Flow& flow) const {
  double own = 0, all = 0;
  for (std::size_t i = 1; i < flows_.size(); ++i) {
    const Flow& other = flows_[i];
    const bool is_own = &other == &flow;
    if (!is_own && (!other.queue.has_next() || !carries(path, other))) continue;
    if (other.limits.empty() && !flow.limits.empty()) return 0;
    if (other.limits.empty() == flow.limits.empty()) all += config_.weights[i];
    own += is_own ? config_.weights[i] : 0;
  }
  return own == 0 ? 1 : own / all;
}

/// Whether the quicker paths of the class will have delivered all that is left of it before a
/// packet sent now over `path` arrives: then the last bytes of a message do not wait for the
/// slowest path. After ECF (Lim et al. 2017), for any number of paths. The quickest never leaves
/// anything, so there is always one that sends.
bool Transport::left_to_quicker(PathId path, const Flow& flow) const {
  if (flow.spread.empty()) return false;
  const Duration slow = paths_[path.value].sender.rtt().smoothed() / 2;
  double deliverable = 0;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const PathSender& other = paths_[i].sender;
    const PathId id{static_cast<std::uint8_t>(i)};
    if (!carries(id, flow) || !other.answers()) continue;
    const Duration ahead = slow - other.rtt().smoothed() / 2;
    if (ahead <= Duration{}) continue;
    const TokenBucket* held = limit(flow, id);
    const double carried = share(id, flow) * other.rate().value();
    deliverable += (held ? std::min(held->rate().value(), carried) : carried) * ahead.seconds();
  }
  return deliverable > static_cast<double>(flow.queue.unsent());
}

bool Transport::wants(const Flow& flow, PathId path) const {
  return flow.queue.has_next() && carries(path, flow) && !left_to_quicker(path, flow);
}

bool Transport::offers(Instant now, const Flow& flow, PathId path) const {
  if (!wants(flow, path)) return false;
  const TokenBucket* held = limit(flow, path);
  return !held || held->opens_at() <= now;
}

/// Acknowledgements go back where the packets came from, unless that path is of no use now.
PathId Transport::ack_path(PathId about) const {
  if (usable(about)) return about;
  const auto other = std::find_if(paths_.begin(), paths_.end(),
                                  [](const Path& path) { return path.up && !path.hold; });
  if (other == paths_.end()) return about;
  return PathId{static_cast<std::uint8_t>(other - paths_.begin())};
}

std::optional<PathId> Transport::due_ack(Instant now, PathId path) const {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const auto due = paths_[i].acks.due();
    const PathId about{static_cast<std::uint8_t>(i)};
    if (due && *due <= now && ack_path(about) == path) return about;
  }
  return std::nullopt;
}

void Transport::update_wakeup(Instant now) {
  wakeup_.reset();
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!wakeup_ || *at < *wakeup_)) wakeup_ = at;
  };
  for (const Path& path : paths_)
    if (path.hold) consider(path.hold->until);
  if (peer_ == 0) {
    if (std::any_of(paths_.begin(), paths_.end(), [](const Path& p) { return p.up; }))
      consider(greet_at_.value_or(now));
    return;
  }
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const Path& path = paths_[i];
    const PathId id{static_cast<std::uint8_t>(i)};
    if (!paths_[ack_path(id).value].hold) consider(path.acks.due());
    consider(path.sender.deadline());
    if (!usable(id) || !path.sender.window_open()) continue;
    if (const auto data = data_at(now, id))
      consider(std::max(*data, path.sender.paced_until().value_or(now)) + path.sender.batch());
  }
}

}  // namespace axs::net
