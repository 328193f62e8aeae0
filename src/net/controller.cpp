#include "axs/net/controller.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::net {

namespace {

/// A jump of the old path's delay this long before another became better is why it did.
constexpr Duration handover_before = seconds(5);

std::uint32_t bit(PathId path) {
  return 1u << path.value;
}

bool plausible(BytesPerSecond rate) {
  return rate.value() >= 0 && rate.value() <= 1e13;
}

/// Numbers that an honest agent may report; of such ones no sum or product overflows.
bool plausible(const PathReport& path) {
  const auto span = [](Duration d) { return d >= Duration{} && d <= seconds(3600); };
  return span(path.rtt) && span(path.rtt_least) && span(path.jitter) && path.loss >= 0 &&
         path.loss <= 1 && plausible(path.carries.known) && plausible(path.carries.proven);
}

BytesPerSecond rate(std::span<const CandidatePath> paths, PathId path) {
  return paths[path.value].rate;
}

}  // namespace

Controller::Controller(Config config)
    : config_{std::move(config)},
      superhighway_{config_.topology, config_.superhighway},
      demand_{config_.topology, config_.gradients} {
  AXS_ASSERT(config_.term > 0);
}

void Controller::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
}

bool Controller::fits(const LinkReport& report) const {
  if (!std::all_of(report.paths.begin(), report.paths.end(),
                   [](const PathReport& path) { return plausible(path); }) ||
      !plausible(report.use.gradient_rate))
    return false;
  const auto sites = config_.topology.sites();
  const auto listed = [&](SiteId site) {
    return std::binary_search(sites.begin(), sites.end(), site);
  };
  if (!listed(report.from) || !listed(report.to) || report.from == report.to) return false;
  const std::size_t count = config_.topology.paths(report.from, report.to).size();
  const auto known = [&](PathId path) { return path.value < count; };
  for (std::size_t i = 0; i < report.paths.size(); ++i)
    if (report.paths[i].path.value != i) return false;
  return report.paths.size() == count &&
         std::all_of(report.routes.begin(), report.routes.end(), [&](const auto& route) {
           return !route || (known(route->primary) && (!route->backup || known(*route->backup)));
         });
}

Controller::Pair& Controller::pair_of(const LinkReport& report) {
  Pair& pair = pairs_[{report.from, report.to}];
  if (pair.tracks.empty()) pair.tracks.resize(report.paths.size(), {FlapDamper{config_.damping}});
  return pair;
}

void Controller::on(const ReportReceived& event) {
  const LinkReport& report = event.report;
  if (superseded_ || !fits(report)) return;
  if (report.applied.term > config_.term) {
    superseded_ = true;
    actions_->push_back(Superseded{report.applied.term});
    return;
  }
  Pair& pair = pair_of(report);
  const std::pair newest{report.token, report.sequence};
  if (newest <= pair.newest) return;
  pair.newest = newest;
  pair.use = report.use;
  track(report, pair);
  Case at{report, config_.topology.paths(report.from, report.to), pair, report.paths};
  for (PathReport& path : at.attractive)
    path.up = path.up && pair.tracks[path.path.value].damper.attractive(now_);
  // Where all paths are held down, as after a restart of an agent, one of them is better than none.
  const bool any = std::ranges::any_of(at.attractive, &PathReport::up);
  const auto moved = superhighway_.hear(now_, report, at.paths, any ? at.attractive : report.paths);
  evaluate(at);
  for (const auto& key : moved)
    if (key != std::pair{report.from, report.to}) give_order(key, pairs_.at(key));
}

void Controller::track(const LinkReport& report, Pair& pair) {
  for (const PathReport& path : report.paths) {
    Track& track = pair.tracks[path.path.value];
    path.up ? track.damper.went_up(now_) : track.damper.went_down(now_);
    if (path.steps != track.steps) track.stepped = now_;
    track.steps = path.steps;
  }
}

void Controller::evaluate(Case& at) {
  const auto& order = at.pair.order;
  const bool pending = order && at.report.applied < order->fence;
  const ClassRoutes current = pending ? order->routes : at.report.routes;
  observe(at, current);
  std::array<std::optional<Decision>, traffic_class_count> decisions;
  at.pair.routes = current;
  // Every agent gets an order once.
  bool changed = lease_due(at) || (at.report.applied == Fence{} && !order);
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    decisions[i] = decide(at, static_cast<TrafficClass>(i), current[i]);
    changed = changed || (decisions[i] && decisions[i]->route != current[i]);
  }
  const bool any = std::any_of(decisions.begin(), decisions.end(),
                               [](const auto& decision) { return decision.has_value(); });
  if (changed && any)
    give_order(at, current, decisions);
  else if (pending && now_ - at.pair.ordered_at >= config_.repeat_after)
    repeat(at);
  const auto& gradient = at.pair.routes[static_cast<std::size_t>(TrafficClass::gradient)];
  demand_.route(at.report.from, at.report.to,
                gradient ? std::optional{gradient->primary} : std::nullopt);
}

void Controller::repeat(Case& at) {
  at.pair.ordered_at = now_;
  actions_->push_back(*at.pair.order);
}

/// Notes when each class last changed its path, whoever changed it.
void Controller::observe(Case& at, const ClassRoutes& current) {
  for (std::size_t i = 0; i < current.size(); ++i) {
    Lane& lane = at.pair.lanes[i];
    if (!current[i] || lane.primary == current[i]->primary) continue;
    lane.primary = current[i]->primary;
    lane.moved_at = now_;
    lane.challenge.reset();
    lane.missed &= ~bit(*lane.primary);
  }
}

std::optional<Controller::Decision> Controller::decide(Case& at, TrafficClass traffic,
                                                       const std::optional<ClassRoute>& current) {
  const auto challenger = best(at, traffic);
  notice_dead(at, at.pair.lanes[static_cast<std::size_t>(traffic)], challenger);
  const bool dead = !current || !at.report.paths[current->primary.value].up;
  if (dead) {
    const auto refuge = challenger ? challenger : cheapest(at.report.paths);
    if (!refuge) return current ? std::optional{Decision{*current, {}}} : std::nullopt;
    return Decision{{*refuge, backup(at, *refuge, {})},
                    {current ? RouteReason::cut : RouteReason::recovered}};
  }
  const PathId old = current->primary;
  const PathId better = challenger.value_or(old);
  if (may_move(at, traffic, better, old))
    return Decision{{better, backup(at, better, {})}, rule(at, traffic, better, old)};
  return Decision{{old, backup(at, old, current->backup)}, {}};
}

Duration Controller::cost(const Case& at, TrafficClass traffic, const PathReport& path) const {
  if (traffic != TrafficClass::gradient) return latency_cost(path);
  return demand_.cost(at.report.from, at.report.to, path);
}

std::optional<PathId> Controller::best(const Case& at, TrafficClass traffic) const {
  if (traffic == TrafficClass::gradient)
    return demand_.quickest(at.report.from, at.report.to, at.attractive);
  const auto fast = cheapest(at.attractive);
  if (!fast || traffic != TrafficClass::bulk) return fast;
  const Duration bound = scaled(latency_cost(at.attractive[fast->value]), config_.bulk_stretch);
  PathId widest = *fast;
  for (const PathReport& path : at.attractive) {
    if (!path.up) continue;
    if (rate(at.paths, path.path) == BytesPerSecond{}) return fast;
    if (latency_cost(path) <= bound && rate(at.paths, path.path) > rate(at.paths, widest))
      widest = path.path;
  }
  return widest;
}

bool Controller::superior(const Case& at, TrafficClass traffic, PathId challenger,
                          PathId current) const {
  const Duration here = cost(at, traffic, at.report.paths[current.value]);
  const Duration there = cost(at, traffic, at.report.paths[challenger.value]);
  if (traffic == TrafficClass::bulk) {
    const BytesPerSecond had = rate(at.paths, current);
    const BytesPerSecond offered = rate(at.paths, challenger);
    if (offered * config_.hysteresis.ratio > had) return true;
    const auto fast = cheapest(at.attractive);
    const Duration bound = scaled(latency_cost(at.attractive[fast->value]), config_.bulk_stretch);
    if (offered < had && here <= bound) return false;
  }
  return config_.hysteresis.better(there, here);
}

/// A path that died is missed until it attracts traffic again; if it is not the best then, it has
/// had its chance.
void Controller::notice_dead(const Case& at, Lane& lane, std::optional<PathId> best) {
  for (const PathReport& path : at.report.paths) {
    if (!path.up) lane.missed |= bit(path.path);
    if (at.attractive[path.path.value].up && path.path != best) lane.missed &= ~bit(path.path);
  }
}

bool Controller::may_move(Case& at, TrafficClass traffic, PathId challenger, PathId current) {
  Lane& lane = at.pair.lanes[static_cast<std::size_t>(traffic)];
  if (challenger == current || !superior(at, traffic, challenger, current)) {
    lane.challenge.reset();
    lane.missed &= ~bit(challenger);
    return false;
  }
  if (!lane.challenge || lane.challenge->path != challenger)
    lane.challenge = Challenge{challenger, now_};
  if (at.report.applied == Fence{}) return true;  // The agent chose alone; nothing to protect.
  if (lane.moved_at && now_ - *lane.moved_at < config_.damping.period) return false;
  return reason(at, traffic, challenger, current) == RouteReason::recovered ||
         now_ - lane.challenge->since >= config_.hysteresis.hold;
}

RouteReason Controller::reason(const Case& at, TrafficClass traffic, PathId challenger,
                               PathId current) const {
  const Lane& lane = at.pair.lanes[static_cast<std::size_t>(traffic)];
  if ((lane.missed & bit(challenger)) != 0) return RouteReason::recovered;
  const auto stepped = at.pair.tracks[current.value].stepped;
  if (stepped && lane.challenge && *stepped >= lane.challenge->since - handover_before)
    return RouteReason::handover;
  return RouteReason::slower;
}

RouteRule Controller::rule(const Case& at, TrafficClass traffic, PathId challenger,
                           PathId current) const {
  const RouteReason why = reason(at, traffic, challenger, current);
  const FlapDamper& damper = at.pair.tracks[challenger.value].damper;
  if (why == RouteReason::recovered) return {why, damper.uptime(now_), damper.hold()};
  const auto& challenge = at.pair.lanes[static_cast<std::size_t>(traffic)].challenge;
  const bool waited = at.report.applied != Fence{};
  return {why, challenge ? now_ - challenge->since : Duration{},
          waited ? config_.hysteresis.hold : Duration{}};
}

/// The current backup while it is of use and no other is much better.
std::optional<PathId> Controller::backup(const Case& at, PathId primary,
                                         std::optional<PathId> current) const {
  const auto& reports = at.report.paths;
  const auto found = choose_backup(primary, reports, at.paths);
  if (!found || !current || *current == primary || !reports[current->value].up) return found;
  const auto shares = [&](PathId path) {
    return !link_disjoint(at.paths[primary.value], at.paths[path.value]);
  };
  if (shares(*found) != shares(*current)) return found;
  const bool better = config_.hysteresis.better(latency_cost(reports[found->value]),
                                                latency_cost(reports[current->value]));
  return better ? found : current;
}

/// The pair's share has changed, or what it has is half over.
bool Controller::lease_due(const Case& at) const {
  const auto& granted = superhighway_.shares({at.report.from, at.report.to});
  const bool renew = !granted.empty() && now_ - at.pair.ordered_at >= superhighway_.lease() / 2;
  return renew || granted != (at.pair.order ? at.pair.order->bulk : std::vector<PathShare>{});
}

void Controller::give_order(
    Case& at, const ClassRoutes& current,
    const std::array<std::optional<Decision>, traffic_class_count>& decisions) {
  const SiteId from = at.report.from, to = at.report.to;
  ClassRoutes& routes = at.pair.routes = {};
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    if (!decisions[i]) continue;
    const auto& [route, rule] = *decisions[i];
    routes[i] = route;
    at.pair.rules[i] = rule;
    if (current[i] && current[i]->primary == route.primary) continue;
    RouteChanged change{from,        to,  static_cast<TrafficClass>(i), {}, route.primary,
                        rule.reason, rule};
    change.new_seen = at.report.paths[route.primary.value];
    if (current[i]) change.old_path = current[i]->primary;
    if (current[i]) change.old_seen = at.report.paths[current[i]->primary.value];
    actions_->push_back(change);
  }
  observe(at, routes);
  give_order({from, to}, at.pair);
}

void Controller::give_order(Superhighway::Pair key, Pair& pair) {
  tell_lease(key, pair);
  const auto& granted = superhighway_.shares(key);
  pair.order = RouteOrder{{config_.term, ++epoch_},
                          key.first,
                          key.second,
                          pair.routes,
                          pair.rules,
                          granted,
                          granted.empty() ? Duration{} : superhighway_.lease()};
  pair.ordered_at = now_;
  actions_->push_back(*pair.order);
}

/// A mere renewal is not told, unless it comes so late that the lease has lapsed meanwhile.
void Controller::tell_lease(Superhighway::Pair key, const Pair& pair) {
  const auto& granted = superhighway_.shares(key);
  const bool lapsed = now_ - pair.ordered_at >= superhighway_.lease();
  const std::vector<PathShare> none, &before = pair.order ? pair.order->bulk : none;
  if (granted == before && (granted.empty() || !lapsed)) return;
  actions_->push_back(
      LeaseGranted{key.first, key.second, granted, superhighway_.lease(), pair.use});
}

}  // namespace axs::net
