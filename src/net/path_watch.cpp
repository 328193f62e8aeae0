#include "axs/net/path_watch.h"

#include <algorithm>

namespace axs::net {

namespace {

/// How often the budget is shared out anew, and links that others rely on are looked for.
constexpr Duration budget_every = milliseconds(100);
/// What slow hellos may take of the budget.
constexpr double slow_share = 0.25;

}  // namespace

PathWatch::PathWatch(const Config& config) : self_{config.self}, hellos_{config.hellos} {
  for (const UnderlayLink& link : config.topology.links()) links_[link.id] = {link.a, link.b};
  for (const SiteId peer : config.topology.sites()) {
    if (peer == self_) continue;
    const auto& paths = config.topology.paths(self_, peer);
    peers_.emplace(
        peer,
        Peer{.monitor =
                 PathMonitor{{.local = self_, .peer = peer, .paths = paths, .token = config.token}},
             .paths = paths});
  }
  for (auto& [id, peer] : peers_) update_due(id, peer);
}

void PathWatch::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  if (const auto* received = std::get_if<HelloReceived>(&event.what))
    hear(event.peer, received->hello);
  run(event.peer, event.what);
  share();
}

void PathWatch::step(Instant now, Wakeup, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  if (!budget_at_ || now - *budget_at_ >= budget_every) {
    budget_at_ = now;
    need_links();
    set_budget();
  }
  for (auto& [id, peer] : peers_)
    if (peer.due && *peer.due <= now) run(id, Wakeup{});
  share();
}

void PathWatch::run(SiteId id, const PathMonitor::Event& event) {
  std::vector<PathMonitor::Action> performed;
  Peer& peer = peers_.at(id);
  peer.monitor.step(now_, event, performed);
  update_due(id, peer);
  for (PathMonitor::Action& action : performed) perform(id, action);
}

bool PathWatch::ends_at(LinkId link, SiteId site) const {
  const auto found = links_.find(link);
  return found != links_.end() && (found->second.a == site || found->second.b == site);
}

/// The other end of one of our links.
SiteId PathWatch::far_end(LinkId link) const {
  const Ends ends = links_.at(link);
  return ends.a == self_ ? ends.b : ends.a;
}

/// Not more than there are links: a peer does not decide how much work its hello is.
std::span<const LinkId> PathWatch::believable(const std::vector<LinkId>& links) const {
  return std::span{links}.first(std::min(links.size(), links_.size()));
}

/// What a peer says of its own links, and which links beyond us it relies on.
void PathWatch::hear(SiteId from, const Hello& hello) {
  hear_lost(from, hello);
  for (const LinkId link : believable(hello.relayed))
    if (ends_at(link, self_) && far_end(link) != from) run(far_end(link), LinkNeeded{link});
}

/// A hello over a slower path says what was so when it left.
void PathWatch::hear_lost(SiteId from, const Hello& hello) {
  Peer& peer = peers_.at(from);
  const std::pair told_at{hello.token, hello.news};
  if (told_at <= peer.told_at) return;
  peer.told_at = told_at;
  std::set<LinkId> told;
  for (const LinkId link : believable(hello.lost))
    if (ends_at(link, from) && !ends_at(link, self_)) told.insert(link);
  if (told != peer.told) peer.told = std::move(told), shared_ = false;
}

void PathWatch::perform(SiteId id, PathMonitor::Action& action) {
  if (auto* hello = std::get_if<Hello>(&action)) {
    hello->news = news_;
    for (const LinkId link : own_lost_)
      if (!ends_at(link, id)) hello->lost.push_back(link);
    hello->relayed = relayed_by(id);
  }
  if (const auto* up = std::get_if<PathUp>(&action)) note(id, up->path, true);
  if (const auto* down = std::get_if<PathDown>(&action)) note(id, down->path, false);
  actions_->push_back({id, std::move(action)});
}

/// A path of one link is that link.
void PathWatch::note(SiteId id, PathId path, bool up) {
  const CandidatePath& way = peers_.at(id).paths[path.value];
  if (way.hops > 1) return;
  const bool changed =
      up ? own_lost_.erase(way.links[0]) > 0 : own_lost_.insert(way.links[0]).second;
  if (!changed) return;
  ++news_;
  shared_ = told_ = false;
}

/// The links that a path to `peer` may need and that are dead.
std::vector<LinkId> PathWatch::lost_beyond(SiteId peer) const {
  std::vector<LinkId> lost;
  for (const LinkId link : own_lost_)
    if (!ends_at(link, peer)) lost.push_back(link);
  for (const auto& [id, other] : peers_)
    lost.insert(lost.end(), other.told.begin(), other.told.end());
  return lost;
}

/// Until all know: a path that dies for it may be the last over another link, but is no link
/// itself.
void PathWatch::share() {
  if (std::exchange(shared_, true)) return;
  for (const auto& [id, peer] : peers_) run(id, LinksLost{lost_beyond(id)});
  if (std::exchange(told_, true)) return;  // What others say is theirs to tell.
  for (const auto& [id, peer] : peers_) run(id, NewsToTell{});
}

/// The second links of the paths over `peer` that carry traffic.
std::vector<LinkId> PathWatch::relayed_by(SiteId peer) const {
  std::vector<LinkId> links;
  for (const auto& [id, other] : peers_) {
    if (id == peer || !other.monitor.busy()) continue;
    for (const auto& route : other.monitor.routes()) {
      if (!route) continue;
      const CandidatePath& way = other.paths[route->primary.value];
      if (way.hops > 1 && ends_at(way.links[0], peer) &&
          std::ranges::find(links, way.links[1]) == links.end())
        links.push_back(way.links[1]);
    }
  }
  return links;
}

/// Traffic for a peer over a relay needs the link to that relay.
void PathWatch::need_links() {
  for (const auto& [id, peer] : peers_) {
    if (!peer.monitor.busy()) continue;
    for (const auto& route : peer.monitor.routes()) {
      if (!route || peer.paths[route->primary.value].hops < 2) continue;
      const LinkId first = peer.paths[route->primary.value].links[0];
      run(far_end(first), LinkNeeded{first});
    }
  }
}

void PathWatch::set_budget() {
  PathMonitor::Demand all;
  for (const auto& [id, peer] : peers_) {
    const PathMonitor::Demand one = peer.monitor.demand();
    all.fast += one.fast;
    all.slow += one.slow;
    all.calm += one.calm;
  }
  const double slow = std::max(1.0, all.calm / (slow_share * hellos_));
  const double left = hellos_ - all.slow / slow;
  const PathMonitor::Stretch stretch{.fast = std::max(1.0, all.fast / left), .slow = slow};
  for (auto& [id, peer] : peers_) peer.monitor.stretch(stretch);
}

/// Most events leave the time as it was: a data packet costs the same whatever the number of peers.
void PathWatch::update_due(SiteId id, Peer& peer) {
  const std::optional<Instant> due = peer.monitor.wakeup();
  if (due == peer.due) return;
  if (peer.due) due_.erase({*peer.due, id});
  if (due) due_.insert({*due, id});
  peer.due = due;
}

}  // namespace axs::net
