#include "axs/train/site_sync.h"

#include <utility>

namespace axs::train {

SiteSync::SiteSync(Config config, Instant now)
    : config_{std::move(config)},
      agreement_{{.self = config_.self,
                  .sites = config_.sites,
                  .heartbeat = config_.heartbeat,
                  .patience = config_.patience,
                  .first = {},
                  .records = std::move(config_.records)},
                 now},
      budget_{config_.budget},
      stored_{config_.stored.begin(), config_.stored.end()},
      begin_at_{now + config_.start_patience} {
  for (SyncId sync; sync < agreement_.open(); sync = next(sync))
    learn(sync, *agreement_.decision(sync));
  // A site that has contributed is waited for a while, should it come back too.
  for (const SiteId site : budget_.contributors()) left_at_[site] = now;
}

void SiteSync::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  actions_ = nullptr;
}

std::optional<Instant> SiteSync::wakeup() const {
  auto at = agreement_.wakeup();
  if (deadline_ && (!at || *deadline_ < *at)) at = deadline_;
  if (!begun_ && worker_ && (!at || begin_at_ < *at)) at = begin_at_;
  for (const auto& [what, asked] : asked_)
    if (!at || asked.at + config_.patience < *at) at = asked.at + config_.patience;
  return at;
}

void SiteSync::on(const Wakeup&) {
  agree(Wakeup{});
  begin_if_all_here();
  close_if_due();
  ask_for_missing();
}

void SiteSync::begin_if_all_here() {
  if (begun_ || !worker_) return;
  begun_ = live().size() == config_.sites || now_ >= begin_at_ || agreement_.open() > SyncId{};
  if (begun_) order_capture(worker_->capturing);
}

void SiteSync::on(const Captured& event) {
  if (!worker_) return;
  offer(event);
  // An order for a later sync may have crossed this capture.
  order_capture(std::max(worker_->capturing, next(event.sync)));
  close_if_due();
  forget_old();
}

void SiteSync::on(const WorkerReady& event) {
  worker_ = Worker{.applied = event.applied, .capturing = {}};
  working_.insert(config_.self);
  send_to_peers(Status{true});
  note_absences();
  // The log of choices may have lost its end in a crash; what the worker has merged was chosen.
  SyncId capturing = std::max(agreement_.open(), event.applied);
  for (const Captured& captured : event.pending) {
    offer(captured);
    capturing = std::max(capturing, next(captured.sync));
  }
  worker_->capturing = capturing;
  apply_decided();
  if (begun_) order_capture(capturing);
  begin_if_all_here();
  if (last_ && event.applied > *last_) actions_->push_back(Finished{});
}

void SiteSync::on(const WorkerLost&) {
  worker_.reset();
  working_.erase(config_.self);
  note_absences();
  send_to_peers(Status{false});
  close_if_due();
}

void SiteSync::on(const Applied& event) {
  send_to_peers(StateHash{event.sync, event.hash});
  compare_hash(event.sync, config_.self, event.hash);
  if (last_ == event.sync) actions_->push_back(Finished{});
}

void SiteSync::on(const Received& event) {
  std::visit([&](const auto& message) { receive(event.from, message); }, event.message);
}

void SiteSync::on(const PeerUp& event) {
  peers_.insert(event.site);
  send(event.site, Status{worker_.has_value()});
  // What was under way to it is lost: say again what is not decided.
  for (const auto& [sync, open] : open_) {
    const auto own = open.offers.find(config_.self);
    if (sync >= agreement_.open() && own != open.offers.end())
      send_offer(event.site, sync, own->second);
  }
  note_absences();
  ask_for_missing();
}

void SiteSync::on(const PeerDown& event) {
  peers_.erase(event.site);
  working_.erase(event.site);
  note_absences();
  agree(Agreement::Suspected{event.site});
  close_if_due();
  flush_if_late();  // Fewer sites make a smaller quorum.
}

void SiteSync::on(const Persisted& event) {
  agree(Agreement::Persisted{event.sequence});
}

void SiteSync::receive(SiteId from, const AgreementMessage& message) {
  agree(Agreement::Received{from, message});
}

/// Its own contribution to a sync that is near, or one that a decision names and that was asked
/// for.
bool SiteSync::credible(SiteId from, const Offer& message) const {
  if (!well_formed(message.contribution, config_.sites)) return false;
  const Decision* decision = agreement_.decision(message.sync);
  if (decision != nullptr && std::find(decision->members.begin(), decision->members.end(),
                                       message.contribution) != decision->members.end())
    return true;
  const std::uint64_t ahead = agreement_.open().value + 4 * config_.budget.fragments;
  return message.contribution.site == from && from != config_.self && message.sync.value <= ahead;
}

void SiteSync::receive(SiteId from, const Offer& message) {
  if (!credible(from, message)) return;
  saved_[from] = std::max(saved_[from], message.applied);
  note_offer(message.sync, message.contribution);
  flush_if_late();
  close_if_due();
  apply_decided();
  forget_old();
}

void SiteSync::receive(SiteId from, const Need& message) {
  const Decision* decision = agreement_.decision(message.sync);
  if (decision == nullptr) return;
  for (const Contribution& member : decision->members)
    if (member.site == message.of && stored_.contains(member.content))
      send_offer(from, message.sync, member);
}

void SiteSync::receive(SiteId from, const Status& message) {
  if (message.working)
    working_.insert(from);
  else
    working_.erase(from);
  note_absences();
  begin_if_all_here();
  close_if_due();
  flush_if_late();
}

void SiteSync::receive(SiteId from, const StateHash& message) {
  // A hash of what is not decided here yet is kept for that moment, if it is near.
  if (message.sync.value <= agreement_.open().value + 4 * config_.budget.fragments &&
      (open_.empty() || message.sync >= open_.begin()->first))
    compare_hash(message.sync, from, message.hash);
}

void SiteSync::agree(const Agreement::Event& event) {
  std::vector<Agreement::Action> decided;
  agreement_.step(now_, event, decided);
  for (const auto& action : decided) std::visit([this](const auto& a) { perform(a); }, action);
  if (decided.empty()) return;
  apply_decided();
  begin_if_all_here();
  if (worker_ && begun_ && worker_->capturing < agreement_.open()) order_capture(agreement_.open());
  close_if_due();
  forget_old();
}

void SiteSync::perform(const Agreement::Send& action) {
  send(action.to, action.message);
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

void SiteSync::learn(SyncId sync, const Decision& decision) {
  if (last_) return;  // A leader may not have known that it was over.
  budget_.chosen(sync, decision);
  if (decision.last) last_ = sync;
}

void SiteSync::offer(const Captured& captured) {
  const Contribution& contribution = captured.contribution;
  saved_[config_.self] = std::max(saved_[config_.self], captured.applied);
  note_offer(captured.sync, contribution);
  if (captured.sync < agreement_.open())
    return;  // Decided; if without it, its tokens go into the next.
  for (const SiteId peer : peers_) send_offer(peer, captured.sync, contribution);
}

/// The bytes travel with it, unless there are none.
void SiteSync::send_offer(SiteId to, SyncId sync, const Contribution& contribution) {
  const bool empty = contribution.tokens.count() == 0;
  send(to, Offer{sync, contribution, saved_[config_.self]},
       empty ? std::nullopt : std::optional{contribution.content});
}

void SiteSync::note_offer(SyncId sync, const Contribution& contribution) {
  if (contribution.tokens.count() > 0) stored_.insert(contribution.content);
  asked_.erase({sync, contribution.site});
  Open& open = open_[sync];
  if (!open.offers.insert_or_assign(contribution.site, contribution).second) return;
  if (!open.first_at) open.first_at = now_;
  if (open.quorum_at)
    grace_.arrived(now_ - *open.quorum_at);
  else if (open.offers.size() >= quorum())
    open.quorum_at = now_;
}

void SiteSync::order_capture(SyncId sync) {
  if (!worker_ || last_) return;
  worker_->capturing = sync;
  worker_->flushed = false;
  actions_->push_back(Capture{sync, steps_before(sync)});
  flush_if_late();
}

void SiteSync::flush_if_late() {
  if (!worker_ || worker_->flushed || last_) return;
  const auto open = open_.find(worker_->capturing);
  if (open == open_.end() || open->second.offers.size() < quorum()) return;
  // Others are waiting: what is done counts now, the rest goes into the next sync (adaptive flush).
  worker_->flushed = true;
  actions_->push_back(Capture{worker_->capturing, 0});
}

void SiteSync::apply_decided() {
  while (worker_ && worker_->applied < agreement_.open() && !(last_ && worker_->applied > *last_)) {
    const SyncId sync = worker_->applied;
    const Decision& decision = *agreement_.decision(sync);
    if (!has_all_members(decision)) return ask_for_missing();
    actions_->push_back(Apply{sync, decision, budget_.stop_of(config_.self), budget_.merged()});
    worker_->applied = next(sync);
  }
}

bool SiteSync::has_all_members(const Decision& decision) const {
  return std::all_of(decision.members.begin(), decision.members.end(),
                     [this](const Contribution& m) { return stored_.contains(m.content); });
}

void SiteSync::ask_for_missing() {
  // Many at once: a site that was away catches up in a few round trips.
  constexpr std::uint64_t ahead = 64;
  if (!worker_ || peers_.empty()) return asked_.clear();
  SyncId sync = worker_->applied;
  for (std::uint64_t i = 0; i < ahead && sync < agreement_.open(); ++i, sync = next(sync))
    for (const Contribution& member : agreement_.decision(sync)->members)
      if (!stored_.contains(member.content)) ask_for(sync, member.site);
  // What was due and was not asked for again lacks no more.
  std::erase_if(asked_,
                [this](const auto& entry) { return now_ - entry.second.at >= config_.patience; });
}

void SiteSync::ask_for(SyncId sync, SiteId of) {
  Asked& asked = asked_[{sync, of}];
  if (asked.times > 0 && now_ - asked.at < config_.patience) return;
  // First the site whose it is, then the others in turn.
  auto peer = peers_.find(of);
  if (peer == peers_.end() || asked.times > 0) {
    peer = peers_.begin();
    std::advance(peer, asked.times % peers_.size());
  }
  ++asked.times;
  asked.at = now_;
  send(*peer, Need{sync, of});
}

void SiteSync::close_if_due() {
  deadline_.reset();
  // A fragment may not be decided again before its last decision is known: its ranges build on each
  // other.
  while (agreement_.leading() && !last_ &&
         agreement_.next_proposal().value < agreement_.open().value + config_.budget.fragments) {
    const SyncId sync = agreement_.next_proposal();
    Open& open = open_[sync];
    if (!open.quorum_at && !open.offers.empty() && open.offers.size() >= quorum())
      open.quorum_at = now_;  // The quorum may have shrunk.
    if (!due(sync, open)) {
      if (open.quorum_at) deadline_ = *open.quorum_at + grace_.value();
      for (const auto& [site, left] : left_at_)
        if (!deadline_ || left + config_.start_patience < *deadline_)
          if (left + config_.start_patience > now_) deadline_ = left + config_.start_patience;
      return;
    }
    const Decision decision = decide(sync, open);
    actions_->push_back(Closed{sync, static_cast<std::uint32_t>(decision.members.size()),
                               open.first_at ? now_ - *open.first_at : Duration{}});
    agree(Agreement::Propose{sync, decision});
    if (decision.last) return;
  }
}

bool SiteSync::due(SyncId sync, const Open& open) const {
  if (over()) return true;
  if (open.quorum_at && now_ >= *open.quorum_at + grace_.value()) return true;
  const std::vector<SiteId> sites = live();
  // Nobody has anything left to put in anywhere: wait for those who may come back.
  if (sites.empty() || budget_.complete(sites)) return false;
  return std::all_of(sites.begin(), sites.end(), [&](SiteId site) {
    return open.offers.contains(site) || budget_.at_stop(sync, site);
  });
}

bool SiteSync::over() const {
  const std::vector<SiteId> sites = awaited();
  return !live().empty() && budget_.complete(sites);
}

Decision SiteSync::decide(SyncId sync, const Open& open) const {
  Decision decision;
  for (const auto& [site, contribution] : open.offers)
    if (contribution.tokens.count() > 0 &&
        contribution.tokens.begin == budget_.merged_end(sync, site))
      decision.members.push_back(contribution);
  decision.stops = budget_.stops(decision.members);
  decision.last = decision.members.empty() && over();
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

void SiteSync::forget_old() {
  SyncId needed = agreement_.open();
  for (std::uint32_t site = 0; site < config_.sites; ++site)
    needed = std::min(needed, saved_[SiteId{site}]);
  while (!open_.empty() && open_.begin()->first < needed) {
    for (const auto& [site, contribution] : open_.begin()->second.offers)
      if (stored_.erase(contribution.content) > 0)
        actions_->push_back(Forget{contribution.content});
    open_.erase(open_.begin());
  }
}

std::vector<SiteId> SiteSync::live() const {
  std::vector<SiteId> sites;
  for (const SiteId site : working_)
    if (site == config_.self || peers_.contains(site)) sites.push_back(site);
  return sites;
}

std::vector<SiteId> SiteSync::awaited() const {
  std::vector<SiteId> sites = live();
  for (const auto& [site, left] : left_at_)
    if (now_ < left + config_.start_patience) sites.push_back(site);
  return sites;
}

void SiteSync::note_absences() {
  const std::vector<SiteId> sites = live();
  for (const SiteId site : budget_.contributors()) {
    const bool here = std::find(sites.begin(), sites.end(), site) != sites.end();
    if (here)
      left_at_.erase(site);
    else
      left_at_.try_emplace(site, now_);
  }
}

std::uint32_t SiteSync::steps_before(SyncId sync) const {
  const std::uint64_t period = config_.period, fragments = config_.budget.fragments;
  const std::uint64_t turn = sync.value % fragments;
  return static_cast<std::uint32_t>((turn + 1) * period / fragments - turn * period / fragments);
}

void SiteSync::send(SiteId to, SyncMessage message, std::optional<Hash256> attached) {
  actions_->push_back(Send{to, std::move(message), attached});
}

void SiteSync::send_to_peers(const SyncMessage& message, std::optional<Hash256> attached) {
  for (const SiteId peer : peers_) send(peer, message, attached);
}

}  // namespace axs::train
