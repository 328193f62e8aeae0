#include <algorithm>

#include "axs/net/path_monitor.h"

/// Which path of those that live carries what: by order, or by own choice.
namespace axs::net {

namespace {

/// Right after a peer has come up its paths are compared without waiting.
constexpr Duration settling = seconds(3);

}  // namespace

void PathMonitor::on(const OrderReceived& event) {
  const RouteOrder& order = event.order;
  if (order.fence == applied_) return;  // The same order again.
  const bool sane = std::all_of(order.routes.begin(), order.routes.end(), [&](const auto& route) {
    return !route || (known(route->primary) && (!route->backup || known(*route->backup)));
  });
  if (order.fence < applied_ || !sane || order.from != config_.local || order.to != config_.peer) {
    actions_->push_back(OrderRefused{order.fence, applied_});
    return;
  }
  applied_ = order.fence;
  challenge_.reset();
  for (std::size_t i = 0; i < routes_.size(); ++i)
    if (order.routes[i])
      set_route(static_cast<TrafficClass>(i), obeying(*order.routes[i], routes_[i]),
                RouteReason::order, order.rules[i]);
  mark_used();
  report_due_ = true;
}

/// What comes nearest to the order with the paths that are up.
ClassRoute PathMonitor::obeying(const ClassRoute& ordered,
                                const std::optional<ClassRoute>& current) const {
  if (!any_up()) return ordered;
  if (up(ordered.primary)) {
    const bool ready = ordered.backup && up(*ordered.backup);
    return ready ? ordered : ClassRoute{ordered.primary, repaired_backup(ordered.primary, {})};
  }
  if (ordered.backup && up(*ordered.backup))
    return {*ordered.backup, repaired_backup(*ordered.backup, {})};
  return repaired(current);
}

void PathMonitor::reroute() {
  if (!any_up()) return;  // Nothing is better than what is.
  for (std::size_t i = 0; i < routes_.size(); ++i)
    set_route(static_cast<TrafficClass>(i), repaired(routes_[i]),
              routes_[i] ? RouteReason::cut : RouteReason::recovered,
              routes_[i] ? at(routes_[i]->primary).fell : RouteRule{RouteReason::recovered});
  mark_used();
}

/// The route with its dead parts replaced.
ClassRoute PathMonitor::repaired(const std::optional<ClassRoute>& route) const {
  PathId primary;
  if (route && up(route->primary))
    primary = route->primary;
  else if (route && route->backup && up(*route->backup))
    primary = *route->backup;
  else
    primary = cheapest(reports()).value_or(route ? route->primary : PathId{});
  return {primary, repaired_backup(primary, route ? route->backup : std::nullopt)};
}

/// The same backup as long as it is of use; without a controller a much better one if there is.
std::optional<PathId> PathMonitor::repaired_backup(PathId primary,
                                                   std::optional<PathId> backup) const {
  const auto best = choose_backup(primary, reports(), config_.paths);
  if (!best || !backup || *backup == primary || !up(*backup)) return best;
  const auto disjoint = [&](PathId path) {
    return link_disjoint(config_.paths[primary.value], config_.paths[path.value]);
  };
  if (disjoint(*best) && !disjoint(*backup)) return best;
  const auto cost = [&](PathId path) { return latency_cost(reports()[path.value]); };
  const bool free = applied_ == Fence{} && disjoint(*best) == disjoint(*backup);
  return free && config_.hysteresis.better(cost(*best), cost(*backup)) ? best : backup;
}

/// Without a controller: the cheapest path for all, when it has been so for long enough.
void PathMonitor::choose_freely() {
  const auto& current = routes_.front();
  const std::vector<PathReport> known_paths = reports();
  std::vector<PathReport> attractive = known_paths;
  for (PathReport& path : attractive) path.up = path.up && at(path.path).damper.attractive(now_);
  const auto best = cheapest(attractive);
  const bool better = best && current &&
                      config_.hysteresis.better(latency_cost(known_paths[best->value]),
                                                latency_cost(known_paths[current->primary.value]));
  if (!better) return challenge_.reset();
  if (!challenge_ || challenge_->path != *best) challenge_ = Challenge{*best, now_};
  const bool settled = now_ - peer_up_at_ > settling;
  if (settled && now_ - challenge_->since < config_.hysteresis.hold) return;
  const auto fell = at(*best).damper.last_down();
  const ClassRoute route{*best, choose_backup(*best, known_paths, config_.paths)};
  const FlapDamper& damper = at(*best).damper;
  const RouteRule rule = fell
                             ? RouteRule{RouteReason::recovered, damper.uptime(now_), damper.hold()}
                             : RouteRule{RouteReason::slower, now_ - challenge_->since,
                                         settled ? config_.hysteresis.hold : Duration{}};
  for (std::size_t i = 0; i < routes_.size(); ++i)
    set_route(static_cast<TrafficClass>(i), route, rule.reason, rule);
  challenge_.reset();
  mark_used();
}

void PathMonitor::set_route(TrafficClass traffic, const ClassRoute& route, RouteReason reason,
                            const RouteRule& rule) {
  auto& held = routes_[static_cast<std::size_t>(traffic)];
  if (held == route) return;
  if (!held || held->primary != route.primary) {
    const std::vector<PathReport> seen = reports();
    RouteChanged change{config_.local, config_.peer, traffic, {}, route.primary, reason, rule};
    change.new_seen = seen[route.primary.value];
    if (held) change.old_path = held->primary, change.old_seen = seen[held->primary.value];
    actions_->push_back(change);
  }
  held = route;
  actions_->push_back(RouteSet{traffic, route.primary, route.backup});
  report_due_ = true;
}

void PathMonitor::mark_used() {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Path& path = paths_[i];
    const PathId id{static_cast<std::uint8_t>(i)};
    const bool was = path.used;
    path.used = std::any_of(routes_.begin(), routes_.end(), [&](const auto& route) {
      return route && (route->primary == id || route->backup == id);
    });
    if (was || !path.used) continue;
    path.next_hello = now_;
    // The first answer at the new pace is a round trip away.
    path.replied = std::max(path.replied, proven_ + path.estimator.smoothed());
  }
}

}  // namespace axs::net
