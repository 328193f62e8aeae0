#include "axs/train/agreement.h"

#include <algorithm>
#include <utility>

namespace axs::train {

Agreement::Agreement(Config config, Instant now)
    : config_{std::move(config)}, open_{config_.first}, next_proposal_{config_.first} {
  AXS_ASSERT(config_.sites >= 1 && config_.self.value < config_.sites);
  for (const AgreementRecord& record : config_.records)
    std::visit([this](const auto& r) { restore(r); }, record);
  skip_to(config_.first);
  config_.records.clear();
  // Alone, or first in line with nothing known of a leader: stand at once.
  const bool first_in_line = config_.self.value == 0 && promised_ == Ballot{};
  wakeup_ = first_in_line ? now : now + own_patience();
}

void Agreement::restore(const Promised& record) {
  promised_ = std::max(promised_, record.ballot);
}

void Agreement::restore(const Vote& record) {
  promised_ = std::max(promised_, record.ballot);
  if (record.sync >= config_.first) slots_[record.sync].vote = record;
}

void Agreement::restore(const Choice& record) {
  if (record.sync >= config_.first) slots_[record.sync].chosen = record.decision;
}

const Decision* Agreement::proposal(SyncId sync) const {
  const auto slot = slots_.find(sync);
  if (role_ != Role::leader || slot == slots_.end() || slot->second.chosen) return nullptr;
  return slot->second.proposed ? &slot->second.proposed->decision : nullptr;
}

const Decision* Agreement::decision(SyncId sync) const {
  const auto slot = slots_.find(sync);
  return slot == slots_.end() || !slot->second.chosen ? nullptr : &*slot->second.chosen;
}

void Agreement::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  actions_ = nullptr;
}

void Agreement::forget_below(SyncId sync) {
  AXS_ASSERT(sync <= open_);
  slots_.erase(slots_.begin(), slots_.lower_bound(sync));
}

void Agreement::skip_to(SyncId sync) {
  open_ = std::max(open_, sync);
  while (decision(open_) != nullptr) open_ = next(open_);
  next_proposal_ = std::max(next_proposal_, open_);
  slots_.erase(slots_.begin(), slots_.lower_bound(sync));
}

void Agreement::on(const Wakeup&) {
  if (!wakeup_ || now_ < *wakeup_) return;
  if (role_ != Role::leader) return stand_for_election();
  repeat_proposals();
  send_to_others(Heartbeat{ballot_, open_});
  wakeup_ = now_ + config_.heartbeat;
}

void Agreement::repeat_proposals() {
  // A site that crashed between receiving and voting has forgotten the message: say it again.
  for (SyncId sync = open_; sync < next_proposal_; sync = next(sync)) {
    Slot& slot = slots_[sync];
    if (slot.chosen || !slot.proposed || now_ - slot.proposed_at < config_.patience) continue;
    slot.proposed_at = now_;
    send_to_others(Accept{ballot_, sync, slot.proposed->decision});
  }
}

void Agreement::on(const Propose& event) {
  if (may_propose() && event.sync == next_proposal_) propose(event.sync, event.decision);
}

void Agreement::on(const Received& event) {
  if (!credible(event)) return actions_->push_back(Refused{event.from});
  std::visit([&](const auto& message) { receive(event.from, message); }, event.message);
}

namespace {

/// Terms grow by small steps; what is farther off was not sent by an honest site.
constexpr std::uint32_t round_window = 1'000'000;

template <class Message>
std::optional<Ballot> ballot_of(const Message& message) {
  if constexpr (requires { message.ballot; })
    return message.ballot;
  else if constexpr (requires { message.promised; })
    return message.promised;
  else
    return std::nullopt;
}

/// Only the owner of a ballot asks for promises and votes, or says that it leads.
template <class Message>
constexpr bool owner_speaks = std::is_same_v<Message, Prepare> || std::is_same_v<Message, Accept> ||
                              std::is_same_v<Message, Heartbeat>;

}  // namespace

/// A site votes for nothing that is much farther than what it knows to be chosen, so that votes,
/// its own and those it hears of, never fill its memory. Who is that far behind asks first.
bool Agreement::in_reach(SyncId sync) const {
  return sync.value < open_.value + 64 + 4 * config_.window;
}

bool Agreement::credible(const Received& event) const {
  const Bounds bounds{config_.sites, config_.contribution_max};
  const auto makes_sense = [&]<class Message>(const Message& message) {
    if (const auto ballot = ballot_of(message)) {
      if (ballot->site.value >= config_.sites || ballot->round > promised_.round + round_window)
        return false;
      if (owner_speaks<Message> && ballot->site != event.from) return false;
    }
    if constexpr (requires { message.decision; })
      if (!well_formed(message.decision, bounds)) return false;
    if constexpr (requires { message.votes; })
      return std::all_of(message.votes.begin(), message.votes.end(), [&](const Vote& vote) {
        return (message.open > open_ || in_reach(vote.sync)) && well_formed(vote.decision, bounds);
      });
    return true;
  };
  return event.from.value < config_.sites && std::visit(makes_sense, event.message);
}

void Agreement::on(const Persisted& event) {
  persisted_ = std::max(persisted_, event.sequence);
  std::vector<Waiting> ready;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.sequence > event.sequence) return false;
    ready.push_back(waiting);
    return true;
  });
  for (Waiting& waiting : ready) send(waiting.to, std::move(waiting.message));
}

void Agreement::on(const Suspected& event) {
  if (role_ == Role::leader || event.site != ballot_.site || event.site == config_.self) return;
  // No need to sit out the patience, only the order of the line.
  wakeup_ = std::min(*wakeup_, now_ + config_.heartbeat * config_.self.value);
}

void Agreement::on(const Reached& event) {
  if (role_ == Role::candidate)
    return send_after(next_sequence_ - 1, event.site, Prepare{ballot_, open_});
  if (role_ != Role::leader) return;
  send(event.site, Heartbeat{ballot_, open_});
  for (SyncId sync = open_; sync < next_proposal_; sync = next(sync))
    if (const Decision* decision = proposal(sync))
      send(event.site, Accept{ballot_, sync, *decision});
}

void Agreement::stand_for_election() {
  role_ = Role::candidate;
  ballot_ = Ballot{promised_.round + 1, config_.self};
  promised_ = ballot_;
  promises_.clear();
  // Nothing leaves before the ballot is on disk: a site that forgot it could use it twice.
  const std::uint64_t sequence = persist(Promised{ballot_});
  for (std::uint32_t site = 0; site < config_.sites; ++site)
    if (SiteId{site} != config_.self) send_after(sequence, SiteId{site}, Prepare{ballot_, open_});
  send_after(sequence, config_.self, Promise{ballot_, open_, votes_from(open_)});
  wakeup_ = now_ + own_patience();
}

void Agreement::receive(SiteId from, const Prepare& message) {
  if (message.ballot < promised_) return send(from, Refuse{promised_});
  follow(message.ballot);
  promised_ = message.ballot;
  send_after(persist(Promised{promised_}), from,
             Promise{message.ballot, open_, votes_from(std::max(message.from, open_))});
}

void Agreement::receive(SiteId from, const Promise& message) {
  if (role_ != Role::candidate || message.ballot != ballot_) return;
  if (message.open > open_) {
    // To lead from behind would put empty decisions where others know of choices: catch up first,
    // and give those who are ahead the time to stand.
    role_ = Role::follower;
    send(from, Ask{open_});
    wakeup_ = now_ + config_.patience * 2 + config_.heartbeat * config_.sites;
    return;
  }
  promises_[from] = message.votes;
  if (promises_.size() >= majority()) take_office();
}

void Agreement::take_office() {
  role_ = Role::leader;
  actions_->push_back(Leads{config_.self, ballot_});
  std::map<SyncId, Vote> newest;
  for (const auto& [site, votes] : promises_)
    for (const Vote& vote : votes) {
      const auto [at, fresh] = newest.try_emplace(vote.sync, vote);
      if (!fresh && at->second.ballot < vote.ballot) at->second = vote;
    }
  promises_.clear();
  next_proposal_ = open_;
  // What may have been chosen before must be proposed again; a hole below it stays empty.
  while (!newest.empty() && next_proposal_ <= newest.rbegin()->first) {
    const auto vote = newest.find(next_proposal_);
    const Decision* known = decision(next_proposal_);
    const Decision again = known != nullptr       ? *known
                           : vote == newest.end() ? Decision{}
                                                  : vote->second.decision;
    propose(next_proposal_, again);
  }
  send_to_others(Heartbeat{ballot_, open_});
  wakeup_ = now_ + config_.heartbeat;
}

void Agreement::propose(SyncId sync, Decision decision) {
  next_proposal_ = next(sync);
  const Accept message{ballot_, sync, std::move(decision)};
  send_to_others(message);
  receive(config_.self, message);
}

void Agreement::receive(SiteId, const Refuse& message) {
  if (message.promised <= promised_) return;
  // Someone is ahead; the next attempt must beat that ballot.
  promised_ = message.promised;
  if (role_ == Role::follower) return;
  role_ = Role::follower;
  wakeup_ = now_ + own_patience();
}

void Agreement::receive(SiteId from, const Accept& message) {
  if (!in_reach(message.sync)) return;
  if (message.ballot < promised_) return send(from, Refuse{promised_});
  follow(message.ballot);
  promised_ = message.ballot;
  if (message.sync < open_) {
    // Chosen here already: the leader is behind and learns of it.
    const auto slot = slots_.find(message.sync);
    if (slot == slots_.end()) return actions_->push_back(Behind{from});
    send(from, Learn{message.sync, *slot->second.chosen});
    return;
  }
  const Vote vote{message.sync, message.ballot, message.decision};
  Slot& slot = slots_[message.sync];
  slot.vote = slot.proposed = vote;
  slot.proposed_at = now_;
  const std::uint64_t sequence = persist(vote);
  for (std::uint32_t site = 0; site < config_.sites; ++site)
    send_after(sequence, SiteId{site}, Accepted{message.ballot, message.sync});
  choose_if_majority(message.sync);
}

void Agreement::receive(SiteId from, const Accepted& message) {
  if (message.sync < open_ || !in_reach(message.sync)) return;
  slots_[message.sync].accepted[message.ballot].insert(from);
  choose_if_majority(message.sync);
}

void Agreement::choose_if_majority(SyncId sync) {
  const Slot& slot = slots_[sync];
  if (slot.chosen || !slot.proposed) return;
  const auto accepted = slot.accepted.find(slot.proposed->ballot);
  if (accepted == slot.accepted.end() || accepted->second.size() < majority()) return;
  choose(sync, slot.proposed->decision);
}

void Agreement::choose(SyncId sync, const Decision& decision) {
  slots_[sync].chosen = decision;
  persist(Choice{sync, decision});
  for (auto slot = slots_.find(open_); slot != slots_.end() && slot->second.chosen;
       slot = slots_.find(open_)) {
    actions_->push_back(Chosen{open_, *slot->second.chosen});
    slot->second = Slot{.chosen = std::move(slot->second.chosen)};  // Votes are of no more use.
    open_ = next(open_);
  }
  next_proposal_ = std::max(next_proposal_, open_);
}

void Agreement::receive(SiteId from, const Heartbeat& message) {
  if (message.ballot < promised_) return send(from, Refuse{promised_});
  follow(message.ballot);
  promised_ = message.ballot;
  if (message.open > open_) send(from, Ask{open_});
}

void Agreement::receive(SiteId from, const Ask& message) {
  if (message.from >= open_) return;
  if (slots_.empty() || message.from < slots_.begin()->first)
    return actions_->push_back(Behind{from});
  // A few at a time: the next Ask follows from the next heartbeat.
  constexpr int batch = 64;
  auto slot = slots_.lower_bound(message.from);
  for (int i = 0; i < batch && slot != slots_.end() && slot->second.chosen; ++i, ++slot)
    send(from, Learn{slot->first, *slot->second.chosen});
}

void Agreement::receive(SiteId from, const Learn& message) {
  const Decision* known = decision(message.sync);
  // What is known here is not overruled by one site's word.
  if (known != nullptr && *known != message.decision) return actions_->push_back(Refused{from});
  if (message.sync >= open_ && in_reach(message.sync) && known == nullptr)
    choose(message.sync, message.decision);
}

void Agreement::follow(Ballot ballot) {
  if (ballot.site == config_.self && ballot == ballot_) return;
  if (ballot != ballot_) actions_->push_back(Leads{ballot.site, ballot});
  ballot_ = ballot;
  role_ = Role::follower;
  wakeup_ = now_ + own_patience();
}

std::vector<Vote> Agreement::votes_from(SyncId from) const {
  std::vector<Vote> votes;
  for (auto slot = slots_.lower_bound(from); slot != slots_.end(); ++slot)
    if (slot->second.vote) votes.push_back(*slot->second.vote);
  return votes;
}

std::uint64_t Agreement::persist(AgreementRecord record) {
  actions_->push_back(Persist{next_sequence_, std::move(record)});
  return next_sequence_++;
}

void Agreement::send(SiteId to, AgreementMessage message) {
  if (to == config_.self) return on(Received{to, std::move(message)});
  actions_->push_back(Send{to, std::move(message)});
}

void Agreement::send_after(std::uint64_t sequence, SiteId to, AgreementMessage message) {
  if (sequence <= persisted_) return send(to, std::move(message));
  waiting_.push_back(Waiting{sequence, to, std::move(message)});
}

void Agreement::send_to_others(const AgreementMessage& message) {
  for (std::uint32_t site = 0; site < config_.sites; ++site)
    if (SiteId{site} != config_.self) send(SiteId{site}, message);
}

Duration Agreement::own_patience() const {
  return config_.patience + config_.heartbeat * config_.self.value;
}

}  // namespace axs::train
