#include "axs/train/site_sync.h"

#include <utility>

namespace axs::train {

SiteSync::SiteSync(Config config, Instant now)
    : config_{std::move(config)},
      agreement_{{.self = config_.self,
                  .sites = config_.sites,
                  .contribution_max = config_.contribution_max,
                  .window = config_.budget.fragments,
                  .heartbeat = config_.heartbeat,
                  .patience = config_.patience,
                  .first = {},
                  .records = std::move(config_.records)},
                 now},
      budget_{config_.budget},
      stored_{config_.stored.begin(), config_.stored.end()},
      leftovers_{stored_},
      begin_at_{now + config_.start_patience} {
  for (SyncId sync; sync < agreement_.open(); sync = next(sync))
    learn(sync, *agreement_.decision(sync));
  for (std::uint64_t sync = 0; sync < log_.size(); ++sync)
    for (const Contribution& member : log_[sync].members)
      if (leftovers_.erase(member.content) > 0) open_[{sync}].offers[member.site] = member;
  // Sites that took part are expected back, as this one is.
  for (const SiteId site : budget_.contributors()) left_at_[site] = now;
}

void SiteSync::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  settle();
  actions_ = nullptr;
}

/// Whatever has happened: what follows from it.
void SiteSync::settle() {
  note_absences();
  take_early_offers();
  begin_if_all_here();
  close_if_due();
  apply_decided();
  foresee();
  order_capture();
  ask_for_missing();
  forget_old();
  finish_if_over();
}

std::optional<Instant> SiteSync::wakeup() const {
  auto at = agreement_.wakeup();
  const auto not_after = [&at](Instant other) {
    if (!at || other < *at) at = other;
  };
  if (deadline_) not_after(*deadline_);
  if (!begun_ && worker_) not_after(begin_at_);
  if (!asked_.empty()) {
    const Duration patience = asking_patience();
    for (const auto& [what, asked] : asked_) not_after(asks_again_at(asked, patience));
  }
  return at;
}

void SiteSync::on(const Wakeup&) {
  agree(Wakeup{});
}

void SiteSync::on(const Captured& event) {
  if (!worker_) return;
  if (worker_->ordered && !learned_at_) grace_.captured_after(now_ - worker_->ordered_at);
  offer(event);
  worker_->capturing = std::max(worker_->capturing, next(event.sync));
  worker_->ordered.reset();
}

void SiteSync::on(const WorkerReady& event) {
  // The log of choices may have lost its end in a crash; what the worker has merged was chosen.
  worker_ = Worker{.applied = event.applied,
                   .merged = event.applied,
                   .capturing = std::max(agreement_.open(), event.applied)};
  working_.insert(config_.self);
  send_to_peers(Status{true});
  for (const Captured& captured : event.pending) {
    offer(captured);
    worker_->capturing = std::max(worker_->capturing, next(captured.sync));
  }
  forget_leftovers(event.pending);
}

void SiteSync::on(const WorkerLost&) {
  worker_.reset();
  working_.erase(config_.self);
  send_to_peers(Status{false});
}

void SiteSync::on(const Applied& event) {
  if (worker_) worker_->merged = next(event.sync);
  send_to_peers(StateHash{event.sync, event.hash});
  compare_hash(event.sync, config_.self, event.hash);
}

void SiteSync::on(const Received& event) {
  if (event.from.value >= config_.sites || event.from == config_.self) return;
  std::visit([&](const auto& message) { receive(event.from, message); }, event.message);
}

void SiteSync::on(const PeerUp& event) {
  // It may have what none of the others had when they were asked, its own above all.
  std::erase_if(asked_, [&](const auto& asked) {
    return asked.first.second == event.site || asked.second.times >= peers_.size();
  });
  peers_.insert(event.site);
  offers_since_.erase(event.site);
  send(event.site, Status{worker_.has_value()});
  agree(Agreement::Reached{event.site});
  // What was under way to it is lost: say again what is not decided.
  for (const auto& [sync, open] : open_) {
    const auto own = open.offers.find(config_.self);
    if (sync >= agreement_.open() && own != open.offers.end())
      send_offer(event.site, sync, own->second);
  }
}

void SiteSync::on(const PeerDown& event) {
  peers_.erase(event.site);
  offers_since_.erase(event.site);
  std::erase_if(asked_, [&](const auto& asked) {
    return asked.second.times > 0 && asked.second.of == event.site;
  });
  agree(Agreement::Suspected{event.site});
}

void SiteSync::on(const Persisted& event) {
  agree(Agreement::Persisted{event.sequence});
}

void SiteSync::receive(SiteId from, const AgreementMessage& message) {
  agree(Agreement::Received{from, message});
}

/// Its own contribution, or one that a decision names and that was asked for.
bool SiteSync::credible(SiteId from, const Offer& message) const {
  if (!well_formed(message.contribution, {config_.sites, config_.contribution_max})) return false;
  if (message.contribution.site == from) return true;
  if (message.sync.value >= log_.size()) return false;
  const auto& members = log_[message.sync.value].members;
  return std::find(members.begin(), members.end(), message.contribution) != members.end();
}

/// Neither forgotten nor so far ahead that this site has no use for it yet.
bool SiteSync::near(SyncId sync) const {
  return sync >= forgotten_ && sync.value < agreement_.open().value + near_syncs();
}

void SiteSync::receive(SiteId from, const Offer& message) {
  if (!credible(from, message)) {
    discard(message.contribution);
    return actions_->push_back(Refused{from});
  }
  if (message.contribution.site == from) note_sent_unasked(from, message.sync);
  saved_[from] = std::max(saved_[from], message.applied);
  if (near(message.sync)) {
    note_arrival(message.sync, message.contribution);
    return note_offer(message.sync, message.contribution);
  }
  if (message.sync < forgotten_ || message.contribution.site != from)
    return discard(message.contribution);
  // Nobody will say it again when this site has heard what was decided meanwhile.
  auto& early = early_[from];
  const auto [place, added] = early.try_emplace(message.sync, message.contribution);
  if (!added) discard(std::exchange(place->second, message.contribution));
  if (early.size() > near_syncs()) discard(early.extract(early.begin()).mapped());
}

void SiteSync::take_early_offers() {
  for (auto& [site, early] : early_)
    while (!early.empty() && early.begin()->first.value < agreement_.open().value + near_syncs()) {
      const auto taken = early.extract(early.begin());
      if (near(taken.key()))
        note_offer(taken.key(), taken.mapped());
      else
        discard(taken.mapped());
    }
}

void SiteSync::receive(SiteId from, const Status& message) {
  if (message.working)
    working_.insert(from);
  else
    working_.erase(from);
}

void SiteSync::receive(SiteId from, const StateHash& message) {
  // The hash of what is not decided here yet is kept for that moment.
  if (near(message.sync)) compare_hash(message.sync, from, message.hash);
}

void SiteSync::agree(const Agreement::Event& event) {
  std::vector<Agreement::Action> decided;
  agreement_.step(now_, event, decided);
  for (const auto& action : decided) std::visit([this](const auto& a) { perform(a); }, action);
}

void SiteSync::perform(const Agreement::Send& action) {
  // What is said to a site that cannot hear would only wait; it is said again when it can.
  if (peers_.contains(action.to)) send(action.to, action.message);
}

void SiteSync::perform(const Agreement::Persist& action) {
  actions_->push_back(Persist{action.sequence, action.record});
}

void SiteSync::perform(const Agreement::Chosen& action) {
  if (learned_at_) grace_.closed(now_ - *learned_at_);
  learned_at_ = now_;
  learn(action.sync, action.decision);
}

void SiteSync::perform(const Agreement::Leads&) {}

void SiteSync::perform(const Agreement::Behind&) {
  AXS_ASSERT(false);  // No site ever forgets a decision: they are small.
}

void SiteSync::perform(const Agreement::Refused& action) {
  actions_->push_back(Refused{action.from});
}

void SiteSync::learn(SyncId sync, const Decision& decision) {
  if (last_) return;  // A leader may not have known that it was over.
  AXS_ASSERT(log_.size() == sync.value);
  log_.push_back(budget_.chosen(sync, decision));
  if (decision.last) last_ = sync;
}

void SiteSync::note_absences() {
  const std::set<SiteId> here = live();
  for (const SiteId site : present_)
    if (!here.contains(site)) left_at_[site] = now_;
  for (const SiteId site : here) left_at_.erase(site);
  present_ = here;
}

void SiteSync::begin_if_all_here() {
  if (!begun_ && worker_)
    begun_ = present_.size() == config_.sites || now_ >= begin_at_ || agreement_.open() > SyncId{};
}

void SiteSync::offer(const Captured& captured) {
  saved_[config_.self] = std::max(saved_[config_.self], captured.applied);
  note_offer(captured.sync, captured.contribution);
  // Decided without it: its tokens go into the next.
  if (captured.sync < agreement_.open()) return;
  for (const SiteId peer : peers_) send_offer(peer, captured.sync, captured.contribution);
}

/// The bytes travel with it, unless there are none.
void SiteSync::send_offer(SiteId to, SyncId sync, const Contribution& contribution) {
  const bool empty = contribution.tokens.count() == 0;
  send(to, Offer{sync, contribution, saved_[config_.self]},
       empty ? std::nullopt : std::optional{contribution.content});
}

void SiteSync::note_offer(SyncId sync, const Contribution& contribution) {
  const bool empty = contribution.tokens.count() == 0;
  if (!empty) stored_.insert(contribution.content);
  leftovers_.erase(contribution.content);
  auto& seen = seen_[contribution.site];
  seen = std::max(seen, contribution.tokens.end);
  Open& open = open_[sync];
  if (!open.offers.insert_or_assign(contribution.site, contribution).second || empty) return;
  if (!open.first_at) open.first_at = now_;
  if (open.quorum_at) grace_.arrived(now_ - *open.quorum_at);
  note_quorum(sync, open);
}

/// Half of those who have something to offer, rounded up, begin the grace.
void SiteSync::note_quorum(SyncId sync, Open& open) {
  if (open.quorum_at) return;
  const auto offered = std::count_if(open.offers.begin(), open.offers.end(), [](const auto& offer) {
    return offer.second.tokens.count() > 0;
  });
  const std::size_t quorum = std::max<std::size_t>(1, (awaited(sync).size() + 1) / 2);
  if (static_cast<std::size_t>(offered) >= quorum) open.quorum_at = now_;
}

void SiteSync::order_capture() {
  if (!worker_ || !begun_ || last_) return;
  if (worker_->capturing < agreement_.open()) {
    worker_->capturing = agreement_.open();
    worker_->ordered.reset();
  }
  const SyncId sync = worker_->capturing;
  const std::uint32_t steps = steps_now(sync);
  if (worker_->ordered && steps >= *worker_->ordered) return;
  if (!worker_->ordered) worker_->ordered_at = now_;
  worker_->ordered = steps;
  actions_->push_back(Capture{sync, steps});
}

void SiteSync::apply_decided() {
  while (worker_ && worker_->applied.value < log_.size()) {
    const SyncId sync = worker_->applied;
    const Decision& decision = log_[sync.value];
    if (!has_all(decision.members)) return;
    actions_->push_back(Apply{sync, decision, budget_.stop_of(config_.self), budget_.merged()});
    worker_->applied = next(sync);
  }
}

/// A leader decides for what all have offered, so each site knows it as soon as it has that.
void SiteSync::foresee() {
  SyncId sync{log_.size()};
  // A worker that lacks what was decided, or knows more of it than the log, stands elsewhere.
  if (!worker_ || last_ || worker_->applied != sync) return;
  for (std::uint32_t i = 0; i < config_.budget.fragments; ++i, sync = next(sync)) {
    const auto open = open_.find(sync);
    if (open == open_.end() || open->second.foreseen) continue;
    if (!complete(open->second, awaited(sync)) || !open->second.offers.contains(config_.self))
      continue;
    const auto found = members(sync, open->second, budget_);
    if (found.empty() || !has_all(found)) continue;
    open->second.foreseen = true;
    actions_->push_back(Foresee{sync, found});
  }
}

void SiteSync::close_if_due() {
  deadline_.reset();
  // A fragment may not be decided again before its last decision is known: its ranges build on each
  // other.
  while (agreement_.may_propose() && !last_) {
    const SyncId sync = agreement_.next_proposal();
    const Decision* before = sync.value == 0 ? nullptr : agreement_.proposal({sync.value - 1});
    if (before != nullptr && before->last) return;
    Open& open = open_[sync];
    note_quorum(sync, open);
    if (!due(sync, open)) return set_deadline(open);
    const Decision decision = decide(sync, open);
    actions_->push_back(Closed{sync, static_cast<std::uint32_t>(decision.members.size()),
                               open.first_at ? now_ - *open.first_at : Duration{}});
    agree(Agreement::Propose{sync, decision});
  }
}

/// When time alone may make the open sync due.
void SiteSync::set_deadline(const Open& open) {
  if (open.quorum_at) deadline_ = *open.quorum_at + grace_.value();
  for (const auto& [site, left] : left_at_) {
    const Instant gone = left + grace_.absence();
    if (gone > now_ && (!deadline_ || gone < *deadline_)) deadline_ = gone;
  }
}

bool SiteSync::due(SyncId sync, const Open& open) const {
  if (open.quorum_at && now_ >= *open.quorum_at + grace_.value()) return true;
  const std::set<SiteId> sites = awaited(sync);
  if (!sites.empty()) return complete(open, sites);
  // All that are here have stopped. While another fragment lacks something, it comes to its turn;
  // otherwise only what changes something is worth a decision.
  if (present_.empty()) return false;
  if (!budget_.complete(present_)) return true;
  const Decision decision = decide(sync, open);
  const Budget ledger = with_proposals();
  return decision.last || !decision.members.empty() || decision.stops != ledger.stops() ||
         !left_behind(sync, ledger).empty();
}

/// Whether there is somebody to wait for, and nobody is missing.
bool SiteSync::complete(const Open& open, const std::set<SiteId>& sites) {
  return !sites.empty() && std::all_of(sites.begin(), sites.end(),
                                       [&](SiteId site) { return open.offers.contains(site); });
}

/// The ledger as it will be when all that this site has proposed is chosen.
Budget SiteSync::with_proposals() const {
  Budget budget = budget_;
  for (SyncId sync = agreement_.open(); sync < agreement_.next_proposal(); sync = next(sync))
    if (const Decision* proposed = agreement_.proposal(sync)) budget.chosen(sync, *proposed);
  return budget;
}

/// The offers that have something in them and continue what is merged.
std::vector<Contribution> SiteSync::members(SyncId sync, const Open& open, const Budget& ledger) {
  std::vector<Contribution> found;
  for (const auto& [site, contribution] : open.offers)
    if (contribution.tokens.count() > 0 &&
        contribution.tokens.begin == ledger.merged_end(sync, site))
      found.push_back(contribution);
  return found;
}

/// What sites that are gone have offered to syncs after this one, and still counts.
std::vector<Contribution> SiteSync::left_behind(SyncId sync, const Budget& ledger) const {
  const std::set<SiteId> sites = expected();
  std::vector<Contribution> found;
  for (auto open = open_.upper_bound(sync); open != open_.end(); ++open)
    for (const Contribution& member : members(open->first, open->second, ledger))
      if (!sites.contains(member.site)) found.push_back(member);
  return found;
}

Decision SiteSync::decide(SyncId sync, const Open& open) const {
  const Budget ledger = with_proposals();
  Decision decision;
  decision.members = members(sync, open, ledger);
  const std::set<SiteId> sites = expected();
  std::map<SiteId, std::uint64_t> positions = seen_;
  const auto left = left_behind(sync, ledger);
  // What a site has done that is gone, and nobody has got, is lost: once all others have stopped
  // they do that too.
  if (decision.members.empty() && !sites.empty() && ledger.complete(sites)) {
    std::erase_if(positions, [&](const auto& seen) { return !sites.contains(seen.first); });
    for (const Contribution& member : left)
      positions[member.site] = std::max(positions[member.site], member.tokens.end);
  }
  decision.stops = ledger.stops({.positions = std::move(positions), .expected = sites});
  decision.last = decision.members.empty() && left.empty() && !present_.empty() &&
                  decision.stops == ledger.stops() && ledger.complete(sites);
  return decision;
}

void SiteSync::compare_hash(SyncId sync, SiteId site, const Hash256& hash) {
  auto& hashes = open_[sync].hashes;
  hashes[site] = hash;
  const auto own = hashes.find(config_.self);
  if (own == hashes.end()) return;
  for (const auto& [other, theirs] : hashes)
    if (theirs != own->second && (site == config_.self || site == other))
      actions_->push_back(Diverged{sync, other});
}

void SiteSync::finish_if_over() {
  if (finished_ || !last_ || !worker_ || worker_->merged <= *last_) return;
  finished_ = true;
  actions_->push_back(Finished{});
}

std::set<SiteId> SiteSync::live() const {
  std::set<SiteId> sites;
  for (const SiteId site : working_)
    if (site == config_.self || peers_.contains(site)) sites.insert(site);
  return sites;
}

std::set<SiteId> SiteSync::expected() const {
  std::set<SiteId> sites = present_;
  for (const auto& [site, left] : left_at_)
    if (now_ < left + grace_.absence()) sites.insert(site);
  return sites;
}

std::set<SiteId> SiteSync::awaited(SyncId sync) const {
  std::set<SiteId> sites = live();
  std::erase_if(sites, [&](SiteId site) { return budget_.at_stop(sync, site); });
  return sites;
}

std::uint32_t SiteSync::steps_before(SyncId sync) const {
  const std::uint64_t period = config_.budget.period, fragments = config_.budget.fragments;
  const std::uint64_t turn = sync.value % fragments;
  return static_cast<std::uint32_t>((turn + 1) * period / fragments - turn * period / fragments);
}

/// Others that have captured already are waiting. Whoever has done a quarter captures as soon as it
/// hears of the first of them, so that sites fall into step and a faster site is kept up by none
/// that takes up to four times as long for a step; when half of them are, what is done counts now
/// and the rest goes into the next sync (adaptive flush).
std::uint32_t SiteSync::steps_now(SyncId sync) const {
  const std::uint32_t steps = steps_before(sync);
  const auto open = open_.find(sync);
  if (open == open_.end() || !open->second.first_at) return steps;
  return open->second.quorum_at ? 0 : (steps + 3) / 4;
}

void SiteSync::send(SiteId to, SyncMessage message, std::optional<Hash256> attached) {
  actions_->push_back(Send{to, std::move(message), attached});
}

void SiteSync::send_to_peers(const SyncMessage& message) {
  for (const SiteId peer : peers_) send(peer, message);
}

}  // namespace axs::train
