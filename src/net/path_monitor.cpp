#include "axs/net/path_monitor.h"

#include <algorithm>

#include "axs/core/assert.h"

namespace axs::net {

namespace {

/// A path that was dead is believed again after this many answers in a row.
constexpr int answers_to_rise = 3;
/// Right after a peer has come up its paths are compared without waiting.
constexpr Duration settling = seconds(3);
/// A hello is counted as lost when it is this much older than a round trip.
constexpr Duration judged_after = seconds(1);
/// Hellos leave at multiples of it, so that those to many peers cost one wake-up and one system
/// call; an answer waits so long for a hello to ride in.
constexpr Duration tick = milliseconds(1);
/// More answers than that do not wait.
constexpr std::size_t answers_max = 16;

Duration whole_ticks(Duration interval, double stretch) {
  return (scaled(interval, stretch) + tick - nanoseconds(1)) / tick.ns * tick.ns;
}

PathId path_id(std::size_t index) {
  return PathId{static_cast<std::uint8_t>(index)};
}

}  // namespace

PathMonitor::PathMonitor(const Config& config)
    : config_{config}, paths_(config.paths.size()), pace_{config.active} {
  AXS_ASSERT(paths_.size() <= Topology::max_paths);
  for (Path& path : paths_) path.damper = FlapDamper{config.damping};
}

void PathMonitor::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  if (!started_) start();
  excuse_lateness();
  std::visit([this](const auto& e) { on(e); }, event);
  bury_silent_paths();
  set_pace();
  run_timers();
  if (report_due_) report();
  update_wakeup();
}

void PathMonitor::start() {
  started_ = true;
  last_life_ = next_report_ = now_;
  wakeup_.reset();
  // Spread over the interval, so that they do not queue behind each other.
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    paths_[i].slower_until = now_;
    paths_[i].availability.advance(now_, false);
    paths_[i].interval = config_.idle;
    paths_[i].next_hello = now_ + config_.idle * static_cast<std::int64_t>(i) /
                                      static_cast<std::int64_t>(paths_.size());
  }
}

/// While this process did not run it could not hear, so the peer is not to blame.
void PathMonitor::excuse_lateness() {
  if (wakeup_ && now_ > *wakeup_) last_life_ = last_life_ + (now_ - *wakeup_);
}

void PathMonitor::prove_time() {
  const Duration usual = 2 * whole_ticks(pace_, busy_ ? stretch_.fast : stretch_.slow);
  if (now_ - last_life_ > usual) resumed_ = now_;
  proven_ += std::clamp(now_ - last_life_, Duration{}, usual);
  last_life_ = now_;
}

void PathMonitor::sign_of_life(Path& path) {
  prove_time();
  // A silence that was only a little too long for us is a false alarm to learn from.
  const bool telling = path.up ? path.used || fast(path) : silence(path) <= 2 * path.last_limit;
  const Duration usual = expected(path);
  if (telling && path.peer_hears) path.estimator.survived(now_, silence(path), usual);
  path.heard = std::max(path.heard, proven_);
}

void PathMonitor::on(const HelloReceived& event) {
  const Hello& hello = event.hello;
  if (!known(hello.path)) return;
  Path& path = at(hello.path);
  const std::pair newest{hello.token, hello.sequence + 1};
  if (newest > path.newest_hello) {
    path.newest_hello = newest;
    path.peer_hears = hello.hears;
  }
  sign_of_life(path);
  for (const HelloAnswer& answer : hello.answers) take_answer(hello.path, answer, event.waited);
  const HelloAnswer answer{hello.sequence, hello.token, event.waited};
  if (path.next_hello - now_ <= tick && path.asked.size() < answers_max)
    path.asked.push_back({answer, now_});
  else
    actions_->push_back(HelloReply{hello.path, answer});
}

void PathMonitor::on(const HelloReplyReceived& event) {
  if (known(event.reply.path)) take_answer(event.reply.path, event.reply.answer, event.waited);
}

void PathMonitor::take_answer(PathId id, const HelloAnswer& answer, Duration waited) {
  Path& path = at(id);
  if (answer.token != config_.token || answer.sequence >= path.next_sequence) return;
  sign_of_life(path);
  path.replied = std::max(path.replied, proven_);
  if (path.outstanding.empty() || answer.sequence < path.outstanding.front().sequence) return;
  Sent& sent = path.outstanding[answer.sequence - path.outstanding.front().sequence];
  if (!sent.answered) answered(id, sent, answer, waited);
}

void PathMonitor::answered(PathId id, Sent& sent, const HelloAnswer& answer, Duration waited) {
  Path& path = at(id);
  sent.answered = true;
  const Duration whole = std::max(now_ - waited - sent.at, nanoseconds(1));
  // A peer that claims more than the whole is wrong about its part.
  const Duration held = answer.held < whole ? answer.held : Duration{};
  if (path.estimator.answered(now_, whole - std::max(held, Duration{}))) report_due_ = true;
  if (path.up) return;
  path.streak = sent.sequence == path.streak_sequence + 1 ? path.streak + 1 : 1;
  path.streak_sequence = sent.sequence;
  path.streak_at = now_;
  path.next_hello = std::min(path.next_hello, now_ + config_.active);
  if (path.streak >= answers_to_rise && !path.barred) raise(id);
}

void PathMonitor::on(const TrafficReceived& event) {
  if (!known(event.path)) return;
  sign_of_life(at(event.path));
  traffic_at_ = now_;
}

void PathMonitor::on(const LinksLost& event) {
  const auto lost = [&](LinkId link) {
    return std::ranges::find(event.links, link) != event.links.end();
  };
  bool buried = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const CandidatePath& way = config_.paths[i];
    paths_[i].barred = way.hops > 1 && std::ranges::any_of(way.span(), lost);
    if (paths_[i].up && paths_[i].barred) bury(path_id(i)), buried = true;
  }
  if (buried) reroute();
}

void PathMonitor::on(const LinkNeeded& event) {
  for (std::size_t i = 0; i < paths_.size(); ++i)
    if (is_link(paths_[i]) && config_.paths[i].links[0] == event.link) paths_[i].needed_at = now_;
  traffic_at_ = now_;
}

void PathMonitor::on(const NewsToTell&) {
  for (Path& path : paths_)
    if (is_link(path) && path.up) path.next_hello = now_;
}

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
                RouteReason::order);
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

/// Silence counts from the last sign of life; if the peer says that it does not hear us, from the
/// last that proved both directions.
Duration PathMonitor::silence(const Path& path) const {
  return proven_ - (path.peer_hears ? std::max(path.heard, path.replied) : path.replied);
}

/// After a silence of all paths the answers on a longer one come later by half the difference.
Duration PathMonitor::allowance(const Path& path) const {
  // The least, because what lay about during that silence seems to have travelled long.
  Duration shortest = path.estimator.least();
  for (const Path& other : paths_)
    if (other.up) shortest = std::min(shortest, other.estimator.least());
  const Duration later = (path.estimator.least() - shortest) / 2;
  return now_ - resumed_ <= later + path.limit ? path.limit + later : path.limit;
}

void PathMonitor::bury_silent_paths() {
  const bool peer_silent = now_ - last_life_ >= config_.peer_limit;
  bool buried = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const Path& path = paths_[i];
    if (!path.up) continue;
    const bool silent = silence(path) > path.limit && silence(path) > allowance(path);
    if (silent || peer_silent) bury(path_id(i)), buried = true;
  }
  if (buried) reroute();
}

void PathMonitor::bury(PathId id) {
  Path& path = at(id);
  path.availability.advance(now_, true);
  path.last_limit = path.limit;
  path.up = false;
  path.streak = 0;
  path.damper.went_down(now_);
  actions_->push_back(PathDown{id});
  if (!any_up()) actions_->push_back(PeerDown{});
  report_due_ = true;
}

void PathMonitor::raise(PathId id) {
  Path& path = at(id);
  const bool first = !any_up();
  path.availability.advance(now_, false);
  path.up = true;
  path.outstanding.clear();  // What the cut took says nothing about the path's usual losses.
  path.damper.went_up(now_);
  actions_->push_back(PathUp{id});
  if (first) {
    actions_->push_back(PeerUp{});
    peer_up_at_ = now_;
  }
  report_due_ = true;
  reroute();
}

void PathMonitor::run_timers() {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    judge(paths_[i]);
    if (paths_[i].next_hello <= now_) probe(path_id(i));
  }
  if (next_report_ > now_) return;
  if (applied_ == Fence{} && any_up()) {
    choose_freely();
    reroute();
  }
  report_due_ = true;
}

void PathMonitor::judge(Path& path) {
  const Instant before = now_ - judged_after - path.estimator.smoothed();
  for (; !path.outstanding.empty() && path.outstanding.front().at <= before;
       path.outstanding.pop_front())
    if (path.up)
      path.estimator.judged(path.outstanding.front().at, path.outstanding.front().answered
                                                             ? HelloFate::answered
                                                             : HelloFate::lost);
}

void PathMonitor::probe(PathId id) {
  Path& path = at(id);
  if (now_ - path.streak_at > judged_after) path.streak = 0;
  note_interval(path);
  const Duration usual = expected(path);
  path.limit = path.estimator.silence_limit(now_, usual);
  const bool hears = path.newest_hello.second > 0 && proven_ - path.heard <= path.limit;
  path.outstanding.push_back({path.next_sequence, now_, false});
  Hello hello{id, path.next_sequence++, config_.token, hears};
  for (const Asked& asked : path.asked) {
    hello.answers.push_back(asked.answer);
    hello.answers.back().held += now_ - asked.at;
  }
  path.asked.clear();
  actions_->push_back(std::move(hello));
  const Instant on_tick = Instant{} + period_number(now_, tick) * tick;
  path.next_hello = on_tick + interval(path);
}

/// After its interval has become shorter, signs of life still come at the old one for a round trip.
void PathMonitor::note_interval(Path& path) {
  const Duration now_used = interval(path);
  if (now_used < path.interval) {
    path.slower = std::max(path.interval, now_ < path.slower_until ? path.slower : Duration{});
    path.slower_until = now_ + 2 * (path.estimator.smoothed() + path.interval);
  }
  path.interval = now_used;
}

/// At most so long after each other signs of life are usual.
Duration PathMonitor::expected(const Path& path) const {
  return now_ < path.slower_until ? path.slower : path.interval;
}

bool PathMonitor::is_link(const Path& path) const {
  return config_.paths[static_cast<std::size_t>(&path - paths_.data())].hops == 1;
}

bool PathMonitor::fast(const Path& path) const {
  const bool needed = path.needed_at && now_ - *path.needed_at < config_.lull;
  return busy_ && path.up && (path.used || needed);
}

Duration PathMonitor::unstretched(const Path& path) const {
  if (fast(path)) return pace_;
  return path.used || path.streak > 0 ? config_.active : config_.idle;
}

Duration PathMonitor::interval(const Path& path) const {
  return whole_ticks(unstretched(path), fast(path) ? stretch_.fast : stretch_.slow);
}

PathMonitor::Demand PathMonitor::demand() const {
  Demand demand;
  for (const Path& path : paths_)
    (fast(path) ? demand.fast : demand.slow) += 1 / unstretched(path).seconds();
  return demand;
}

void PathMonitor::set_pace() {
  busy_ = traffic_at_ && now_ - *traffic_at_ < config_.lull;
  const auto& route = routes_[static_cast<std::size_t>(TrafficClass::gradient)];
  const bool links = busy_ && route && is_link(at(route->primary));
  pace_ =
      links ? std::clamp(at(route->primary).estimator.range() / 4, config_.fastest, config_.active)
            : config_.active;
}

bool PathMonitor::any_up() const {
  return std::any_of(paths_.begin(), paths_.end(), [](const Path& path) { return path.up; });
}

void PathMonitor::reroute() {
  if (!any_up()) return;  // Nothing is better than what is.
  for (std::size_t i = 0; i < routes_.size(); ++i)
    set_route(static_cast<TrafficClass>(i), repaired(routes_[i]),
              routes_[i] ? RouteReason::cut : RouteReason::recovered);
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
  for (std::size_t i = 0; i < routes_.size(); ++i)
    set_route(static_cast<TrafficClass>(i), route,
              fell ? RouteReason::recovered : RouteReason::slower);
  challenge_.reset();
  mark_used();
}

void PathMonitor::set_route(TrafficClass traffic, const ClassRoute& route, RouteReason reason) {
  auto& held = routes_[static_cast<std::size_t>(traffic)];
  if (held == route) return;
  if (!held || held->primary != route.primary)
    actions_->push_back(RouteChanged{config_.local, config_.peer, traffic,
                                     held ? std::optional{held->primary} : std::nullopt,
                                     route.primary, reason});
  held = route;
  actions_->push_back(RouteSet{traffic, route.primary, route.backup});
  report_due_ = true;
}

void PathMonitor::mark_used() {
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Path& path = paths_[i];
    const bool was = path.used;
    path.used = std::any_of(routes_.begin(), routes_.end(), [&](const auto& route) {
      return route && (route->primary == path_id(i) || route->backup == path_id(i));
    });
    if (was || !path.used) continue;
    path.next_hello = now_;
    // The first answer at the new pace is a round trip away.
    path.replied = std::max(path.replied, proven_ + path.estimator.smoothed());
  }
}

std::vector<PathReport> PathMonitor::reports() const {
  std::vector<PathReport> reports;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const Path& path = paths_[i];
    reports.push_back({.path = path_id(i),
                       .up = path.up,
                       .rtt = path.estimator.smoothed(),
                       .rtt_least = path.estimator.least(),
                       .jitter = path.estimator.jitter(),
                       .loss = path.estimator.loss(),
                       .availability = path.availability.share(),
                       .steps = path.estimator.steps(),
                       .loss_steps = path.estimator.loss_steps(),
                       .availability_steps = path.availability.steps()});
  }
  return reports;
}

void PathMonitor::report() {
  report_due_ = false;
  next_report_ = now_ + config_.report_every;
  for (Path& path : paths_) path.availability.advance(now_, path.up);
  actions_->push_back(LinkReport{config_.local, config_.peer, config_.token, ++reports_sent_,
                                 applied_, routes_, reports()});
}

void PathMonitor::update_wakeup() {
  Instant next = next_report_;
  for (const Path& path : paths_) next = std::min(next, path.next_hello);
  if (any_up()) next = std::min(next, last_life_ + config_.peer_limit);
  wakeup_ = next;
}

}  // namespace axs::net
