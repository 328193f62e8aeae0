#include "axs/net/path_monitor.h"

#include <algorithm>
#include <span>

#include "axs/core/assert.h"

namespace axs::net {

namespace {

/// A path that was dead is believed again after this many answers in a row.
constexpr int answers_to_rise = 3;
/// A hello is counted as lost when it is this much older than a round trip.
constexpr Duration judged_after = seconds(1);
/// Hellos leave at multiples of it, so that those to many peers cost one wake-up and one system
/// call; an answer waits so long for a hello to ride in, or for the next where they are fast.
constexpr Duration tick = milliseconds(1);
/// More answers than that do not wait, nor are they believed.
constexpr std::size_t answers_max = 16;
/// Hellos leave so often to measure round trips, whatever traffic there is.
constexpr Duration measuring = milliseconds(10);

Duration whole_ticks(Duration interval, double stretch) {
  return (scaled(interval, stretch) + tick - nanoseconds(1)) / tick.ns * tick.ns;
}

/// The answers that wait, with the time that they have waited by now.
template <class Asked>
std::vector<HelloAnswer> take_answers(std::vector<Asked>& waiting, Instant now) {
  std::vector<HelloAnswer> answers;
  for (const Asked& asked : waiting) {
    answers.push_back(asked.answer);
    answers.back().held += now - asked.at;
  }
  waiting.clear();
  return answers;
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
  // Not behind other events: what is due would no longer be, and nobody would judge.
  const bool due_now =
      std::holds_alternative<Wakeup>(event) || std::holds_alternative<NewsToTell>(event);
  if (due_now) excuse_lateness();
  excuse_held_paths();
  std::visit([this](const auto& e) { on(e); }, event);
  set_pace();
  if (due_now) run_timers();
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
  if (!wakeup_ || now_ - *wakeup_ <= tick) return;
  excused_ += now_ - *wakeup_;
  excused_at_ = now_;
}

void PathMonitor::prove_time(Instant at) {
  if (at <= last_life_) return;
  const Duration usual = 2 * usual_gap();
  const Duration gap = at - last_life_;
  if (gap - excused_ > usual) resumed_ = now_;
  proven_ += std::min(gap, usual);
  last_life_ = at;
  // What reached this machine while it did not run excuses nothing that came before.
  excused_ = std::clamp(excused_at_ - at, Duration{}, excused_);
}

void PathMonitor::sign_of_life(Path& path, Duration waited) {
  const Instant at = now_ - std::max(waited, Duration{});
  // What a verdict could have seen until now; the word itself is worth more.
  const Duration silent = silence(path, proven_ + std::min(at - last_life_, usual_gap()));
  prove_time(at);
  const Duration proven = proven_ - (last_life_ - at);
  // A silence that was only a little too long for us is a false alarm to learn from.
  const bool telling = path.up ? path.used || fast(path) : silent <= 2 * path.last_limit;
  if (telling && path.peer_hears) path.estimator.survived(now_, silent, expected(path));
  path.heard = std::max(path.heard, proven);
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
  sign_of_life(path, event.waited);
  for (const HelloAnswer& answer :
       std::span{hello.answers}.first(std::min(hello.answers.size(), answers_max)))
    take_answer(hello.path, answer, event.waited);
  const HelloAnswer answer{hello.sequence, hello.token, event.waited};
  const Duration soon = fast(path) ? std::max(path.interval, tick) : tick;
  const bool rides = held(path) || path.next_hello - now_ <= soon;
  if (rides && path.asked.size() < answers_max)
    path.asked.push_back({answer, now_});
  else if (!held(path))
    actions_->push_back(HelloReply{hello.path, answer});
}

void PathMonitor::on(const HelloReplyReceived& event) {
  if (known(event.reply.path)) take_answer(event.reply.path, event.reply.answer, event.waited);
}

void PathMonitor::take_answer(PathId id, const HelloAnswer& answer, Duration waited) {
  Path& path = at(id);
  if (answer.token != config_.token || answer.sequence >= path.next_sequence) return;
  sign_of_life(path, waited);
  path.replied = std::max(path.replied, proven_ - (last_life_ - (now_ - waited)));
  if (path.outstanding.empty() || answer.sequence < path.outstanding.front().sequence) return;
  Sent& sent = path.outstanding[answer.sequence - path.outstanding.front().sequence];
  if (!sent.answered) answered(id, sent, answer, waited);
}

void PathMonitor::answered(PathId id, Sent& sent, const HelloAnswer& answer, Duration waited) {
  Path& path = at(id);
  sent.answered = true;
  path.newest_answered = std::max(path.newest_answered, sent.sequence);
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
  sign_of_life(at(event.path), event.waited);
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
    if (paths_[i].up && paths_[i].barred) bury(path_id(i), {RouteReason::cut}), buried = true;
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

/// Answers to the hellos under way may be more than the peer can keep until afterwards.
void PathMonitor::on(const PathHold& event) {
  if (!known(event.path)) return;
  at(event.path).hold = event;
  at(event.path).outstanding.clear();
}

/// In a planned break no hello leaves, and silence is what is expected: until the first answers can
/// have come.
void PathMonitor::excuse_held_paths() {
  for (Path& path : paths_) {
    if (!path.hold) continue;
    if (path.up) path.heard = path.replied = proven_now();
    if (held(path)) path.next_hello = std::max(path.next_hello, path.hold->until);
    if (now_ >= path.hold->settled + path.estimator.smoothed()) path.hold.reset();
  }
}

/// Silence counts from the last sign of life; if the peer says that it does not hear us, from the
/// last that proved both directions.
Duration PathMonitor::silence(const Path& path, Duration proven) const {
  return proven - (path.peer_hears ? std::max(path.heard, path.replied) : path.replied);
}

/// Between signs of life, whichever path they take.
Duration PathMonitor::usual_gap() const {
  return whole_ticks(pace_, busy_ ? stretch_.fast : stretch_.slow);
}

/// The peer that was heard an instant ago is alive: for an interval, then its next word is due.
Duration PathMonitor::proven_now() const {
  return proven_ + std::clamp(now_ - last_life_, Duration{}, usual_gap());
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
  const bool peer_silent = now_ - last_life_ - excused_ >= config_.peer_limit;
  const Duration proven = proven_now();
  bool buried = false;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const Path& path = paths_[i];
    if (!path.up) continue;
    const Duration silent = silence(path, proven);
    if (silent > path.limit && silent > allowance(path))
      bury(path_id(i), {RouteReason::cut, silent, allowance(path)}), buried = true;
    else if (peer_silent)
      bury(path_id(i), {RouteReason::cut, now_ - last_life_, config_.peer_limit}), buried = true;
  }
  if (buried) reroute();
}

void PathMonitor::bury(PathId id, const RouteRule& fell) {
  Path& path = at(id);
  path.availability.advance(now_, true);
  path.last_limit = path.limit;
  path.fell = fell;
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
    if (paths_[i].next_hello > now_ || held(paths_[i])) continue;
    traffic_stands_in(paths_[i]) ? pass_over(path_id(i)) : probe(path_id(i));
  }
  if (next_report_ > now_) return;
  if (applied_ == Fence{} && any_up()) {
    choose_freely();
    reroute();
  }
  report_due_ = true;
}

/// A hello of a path that is up counts as lost once a later one was answered: until then the path
/// may have died, and its own silence must not make its limit longer. No peer that answers nothing
/// makes them wait for more than a minute.
void PathMonitor::judge(Path& path) {
  const Instant before = now_ - judged_after - path.estimator.smoothed();
  const auto known = [&](const Sent& sent) {
    return !path.up || sent.answered || sent.sequence < path.newest_answered ||
           now_ - sent.at > seconds(60);
  };
  for (; !path.outstanding.empty() && path.outstanding.front().at <= before &&
         known(path.outstanding.front());
       path.outstanding.pop_front())
    if (path.up)
      path.estimator.judged(path.outstanding.front().at, path.outstanding.front().answered
                                                             ? HelloFate::answered
                                                             : HelloFate::lost);
}

void PathMonitor::probe(PathId id) {
  Path& path = at(id);
  if (now_ - path.streak_at > judged_after) path.streak = 0;
  const Duration before = expected(path);
  note_interval(path);
  const Duration usual = expected(path);
  const Duration limit = path.estimator.silence_limit(now_, usual);
  // Hellos that are fewer from now on do not excuse those that are already missing. Only the next
  // may take longer.
  const bool quiet = path.up && silence(path, proven_now()) > path.limit / 2;
  const Duration next = usual > before ? usual : Duration{};
  path.limit = quiet ? std::min(path.limit + next, limit) : limit;
  path.sure = path.estimator.knows_losses_are_rare(usual);
  path.measured_at = now_;
  const bool hears = path.newest_hello.second > 0 && proven_ - path.heard <= path.limit;
  path.outstanding.push_back({path.next_sequence, now_, false});
  Hello hello{id, path.next_sequence++, config_.token, hears};
  hello.answers = take_answers(path.asked, now_);
  actions_->push_back(std::move(hello));
  path.next_hello = next_hello(path);
}

/// The peer hears us by it, and we hear the peer: if we did not, only a hello could say so.
bool PathMonitor::traffic_stands_in(const Path& path) const {
  return path.sure && fast(path) && now_ - path.sent_at <= path.interval / 2 &&
         proven_ - path.heard <= 2 * path.interval && now_ - path.measured_at < measuring;
}

/// The answers that wait for the hello go alone.
void PathMonitor::pass_over(PathId id) {
  Path& path = at(id);
  path.spared_at = now_;
  for (const HelloAnswer& answer : take_answers(path.asked, now_))
    actions_->push_back(HelloReply{id, answer});
  path.next_hello = next_hello(path);
}

/// Fast hellos leave at multiples of their interval, those to all peers on the same ticks; slow
/// ones are many, and stay spread.
Instant PathMonitor::next_hello(const Path& path) const {
  const Duration usual = interval(path);
  const Duration grid = fast(path) ? usual : tick;
  return Instant{} + period_number(now_, grid) * grid + usual;
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

Duration PathMonitor::calm_interval(const Path& path) const {
  return path.used || path.streak > 0 ? config_.active : config_.idle;
}

Duration PathMonitor::unstretched(const Path& path) const {
  return fast(path) ? pace_ : calm_interval(path);
}

Duration PathMonitor::interval(const Path& path) const {
  return whole_ticks(unstretched(path), fast(path) ? stretch_.fast : stretch_.slow);
}

PathMonitor::Demand PathMonitor::demand() const {
  Demand demand;
  for (const Path& path : paths_) {
    const double calm = 1 / calm_interval(path).seconds();
    const bool spared = now_ - path.spared_at < measuring;
    demand.calm += calm;
    if (fast(path))
      demand.fast += 1 / (spared ? std::max(measuring, pace_) : pace_).seconds();
    else
      demand.slow += calm;
  }
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
  if (any_up()) next = std::min(next, last_life_ + excused_ + config_.peer_limit);
  const Duration proven = proven_now();
  const Duration reach = proven_ + usual_gap() - proven;
  for (const Path& path : paths_)
    if (const auto death = death_without_a_word(path, proven, reach)) next = std::min(next, *death);
  wakeup_ = next;
}

/// When the path will have been silent for too long, if nothing at all is heard until then and the
/// peer is not silent on all paths before. Without a word time can still prove itself for `reach`.
std::optional<Instant> PathMonitor::death_without_a_word(const Path& path, Duration proven,
                                                         Duration reach) const {
  const Duration silent = silence(path, proven);
  // The patience for longer paths is not needed to know this.
  if (!path.up || path.limit - silent >= reach) return {};
  const Duration left = std::max(path.limit, allowance(path)) - silent;
  if (left < Duration{} || left >= reach) return {};
  return now_ + left + nanoseconds(1);
}

}  // namespace axs::net
