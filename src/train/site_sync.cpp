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
  return at;
}

void SiteSync::on(const Wakeup&) {
  agree(Wakeup{});
  begin_if_all_here();
  close_if_due();
  apply_decided();  // Asks again for bytes that did not come.
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
}

void SiteSync::on(const WorkerReady& event) {
  worker_ = Worker{.applied = event.applied, .capturing = {}};
  working_.insert(config_.self);
  send_to_peers(Status{true});
  SyncId capturing = agreement_.open();
  for (const Captured& captured : event.pending) {
    offer(captured);
    capturing = std::max(capturing, next(captured.sync));
  }
  worker_->capturing = capturing;
  apply_decided();
  if (begun_) order_capture(capturing);
  begin_if_all_here();
}

void SiteSync::on(const WorkerLost&) {
  worker_.reset();
  working_.erase(config_.self);
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
      send(event.site, Offer{sync, own->second, saved_[config_.self]}, own->second.content);
  }
}

void SiteSync::on(const PeerDown& event) {
  peers_.erase(event.site);
  working_.erase(event.site);
  agree(Agreement::Suspected{event.site});
  close_if_due();
}

void SiteSync::on(const Persisted& event) {
  agree(Agreement::Persisted{event.sequence});
}

void SiteSync::receive(SiteId from, const AgreementMessage& message) {
  agree(Agreement::Received{from, message});
}

void SiteSync::receive(SiteId from, const Offer& message) {
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
      send(from, Offer{message.sync, member, saved_[config_.self]}, member.content);
}

void SiteSync::receive(SiteId from, const Status& message) {
  if (message.working)
    working_.insert(from);
  else
    working_.erase(from);
  begin_if_all_here();
  close_if_due();
}

void SiteSync::receive(SiteId from, const StateHash& message) {
  compare_hash(message.sync, from, message.hash);
}

void SiteSync::agree(const Agreement::Event& event) {
  std::vector<Agreement::Action> decided;
  agreement_.step(now_, event, decided);
  for (const auto& action : decided) std::visit([this](const auto& a) { perform(a); }, action);
  if (decided.empty()) return;
  apply_decided();
  if (worker_ && begun_ && worker_->capturing < agreement_.open()) order_capture(agreement_.open());
  close_if_due();
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
  saved_[config_.self] = std::max(saved_[config_.self], captured.applied);
  if (captured.sync < agreement_.open())
    return;  // Decided without it; its tokens go into the next.
  note_offer(captured.sync, captured.contribution);
  const bool empty = captured.contribution.tokens.count() == 0;
  send_to_peers(Offer{captured.sync, captured.contribution, captured.applied},
                empty ? std::nullopt : std::optional{captured.contribution.content});
}

void SiteSync::note_offer(SyncId sync, const Contribution& contribution) {
  if (contribution.tokens.count() > 0) stored_.insert(contribution.content);
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
    if (!has_all_members(sync, decision)) return;
    actions_->push_back(Apply{sync, decision, budget_.stop_of(config_.self), budget_.merged()});
    worker_->applied = next(sync);
  }
}

bool SiteSync::has_all_members(SyncId sync, const Decision& decision) {
  for (const Contribution& member : decision.members)
    if (!stored_.contains(member.content)) {
      ask_for(sync, member.site);
      return false;
    }
  return true;
}

void SiteSync::ask_for(SyncId sync, SiteId of) {
  Open& open = open_[sync];
  if (peers_.empty() || (open.asked > 0 && now_ - open.asked_at < config_.patience)) return;
  // First the site whose it is, then the others in turn.
  auto peer = peers_.find(of);
  if (peer == peers_.end() || open.asked > 0) {
    peer = peers_.begin();
    std::advance(peer, open.asked % peers_.size());
  }
  ++open.asked;
  open.asked_at = now_;
  send(*peer, Need{sync, of});
}

void SiteSync::close_if_due() {
  deadline_.reset();
  // A fragment may not be decided again before its last decision is known: its ranges build on each
  // other.
  while (agreement_.leading() && !last_ &&
         agreement_.next_proposal().value < agreement_.open().value + config_.budget.fragments) {
    const SyncId sync = agreement_.next_proposal();
    const Open& open = open_[sync];
    if (!due(sync, open)) {
      if (open.quorum_at) deadline_ = *open.quorum_at + grace_.value();
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
  if (open.quorum_at && now_ >= *open.quorum_at + grace_.value()) return true;
  const std::vector<SiteId> sites = live();
  return !sites.empty() && std::all_of(sites.begin(), sites.end(), [&](SiteId site) {
    return open.offers.contains(site) || budget_.at_stop(sync, site);
  });
}

Decision SiteSync::decide(SyncId sync, const Open& open) const {
  Decision decision;
  for (const auto& [site, contribution] : open.offers)
    if (contribution.tokens.count() > 0 &&
        contribution.tokens.begin == budget_.merged_end(sync, site))
      decision.members.push_back(contribution);
  decision.stops = budget_.stops(decision.members);
  decision.last = decision.members.empty() && budget_.complete(live());
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
