#include <algorithm>
#include <utility>

#include "axs/train/site_sync.h"

/// The bytes of contributions: which of them a site has, asks for, gives and forgets.
namespace axs::train {

void SiteSync::receive(SiteId from, const Need& message) {
  if (message.sync.value >= log_.size()) return;
  for (const Contribution& member : log_[message.sync.value].members)
    if (member.site == message.of && stored_.contains(member.content))
      send_offer(from, message.sync, member);
}

bool SiteSync::has_all(const std::vector<Contribution>& members) const {
  return std::all_of(members.begin(), members.end(),
                     [this](const Contribution& m) { return stored_.contains(m.content); });
}

void SiteSync::ask_for_missing() {
  // Many at once: a site that was away catches up in a few round trips.
  constexpr std::uint64_t ahead = 64;
  const auto before = std::exchange(asked_, {});
  if (!worker_ || peers_.empty()) return;
  const std::uint64_t first = worker_->applied.value;
  for (std::uint64_t sync = first; sync < std::min<std::uint64_t>(log_.size(), first + ahead);
       ++sync)
    for (const Contribution& member : log_[sync].members) {
      if (stored_.contains(member.content)) continue;
      const std::pair key{SyncId{sync}, member.site};
      const auto asked = before.find(key);
      if (asked != before.end()) asked_.insert(*asked);
      ask_for(key.first, key.second);
    }
}

void SiteSync::ask_for(SyncId sync, SiteId of) {
  Asked& asked = asked_.try_emplace({sync, of}, Asked{now_, now_}).first->second;
  const bool may_come = asked.times > 0 || comes_by_itself(sync, of);
  if (may_come && now_ < asks_again_at(asked, asking_patience())) return;
  // First the site whose it is, then the others in turn.
  auto peer = peers_.find(of);
  if (peer == peers_.end() || asked.times > 0) {
    peer = peers_.begin();
    std::advance(peer, asked.times % peers_.size());
  }
  ++asked.times;
  asked.at = now_;
  asked.of = *peer;
  send(*peer, Need{sync, of});
}

Duration SiteSync::asking_patience() const {
  if (arrivals_.count() == 0) return config_.patience;
  return std::max(config_.patience, 2 * arrivals_.median() + 4 * arrivals_.deviation());
}

/// Whoever has been asked may have a slower link than any before, by orders of magnitude: once all
/// have been, each round is eight times as patient.
Instant SiteSync::asks_again_at(const Asked& asked, Duration patience) const {
  constexpr std::size_t rounds_max = 5;  // Nine hours, if the first is a second.
  const std::size_t rounds = peers_.empty() ? 0 : asked.times / peers_.size();
  return asked.at + (std::int64_t{1} << 3 * std::min(rounds, rounds_max)) * patience;
}

/// Since it was asked for; one that comes by itself since the first of its sync was here, which
/// mostly is this site's own.
void SiteSync::note_arrival(SyncId sync, const Contribution& contribution) {
  if (contribution.tokens.count() == 0 || stored_.contains(contribution.content)) return;
  const auto asked = asked_.find({sync, contribution.site});
  if (asked != asked_.end() && asked->second.times > 0)
    return arrivals_.add(now_ - asked->second.since);
  const auto open = open_.find(sync);
  if (open != open_.end() && open->second.first_at) arrivals_.add(now_ - *open->second.first_at);
}

/// A small decision overtakes the large contribution that it names, of which no second copy shall
/// be sent then. Only the newest can still be under way: what is older was not sent, or was lost
/// with the path.
bool SiteSync::comes_by_itself(SyncId sync, SiteId of) const {
  const auto since = offers_since_.find(of);
  return since != offers_since_.end() && sync >= since->second && peers_.contains(of) &&
         sync.value + config_.budget.fragments >= log_.size();
}

/// The second copy of what was asked for counts as well: where decisions always overtake, it is the
/// first to tell that offers come.
void SiteSync::note_sent_unasked(SiteId from, SyncId sync) {
  // Too far ahead to be kept: it will have to be asked for.
  if (sync >= forgotten_ && !near(sync)) {
    offers_since_.erase(from);
    return;
  }
  const auto asked = asked_.find({sync, from});
  if (asked == asked_.end() || asked->second.times == 0) offers_since_.try_emplace(from, sync);
}

void SiteSync::forget_old() {
  SyncId needed = agreement_.open();
  for (std::uint32_t site = 0; site < config_.sites; ++site)
    needed = std::min(needed, saved_[SiteId{site}]);
  forgotten_ = std::max(forgotten_, needed);
  while (!open_.empty() && open_.begin()->first < forgotten_) {
    const auto offers = std::move(open_.begin()->second.offers);
    open_.erase(open_.begin());
    for (const auto& [site, contribution] : offers)
      if (!is_offered(contribution.content) && stored_.erase(contribution.content) > 0)
        actions_->push_back(Forget{contribution.content});
  }
}

/// A site that captures again without a step in between offers the same bytes at a later sync.
bool SiteSync::is_offered(const Hash256& content) const {
  const auto names_it = [&](const auto& offers) {
    return std::any_of(offers.begin(), offers.end(),
                       [&](const auto& offer) { return offer.second.content == content; });
  };
  return std::any_of(open_.begin(), open_.end(),
                     [&](const auto& open) { return names_it(open.second.offers); }) ||
         std::any_of(early_.begin(), early_.end(),
                     [&](const auto& early) { return names_it(early.second); });
}

/// The bytes came with the offer, and are in the store.
void SiteSync::discard(const Contribution& offered) {
  const bool empty = offered.tokens.count() == 0;
  if (empty || is_offered(offered.content) || leftovers_.contains(offered.content)) return;
  stored_.erase(offered.content);
  actions_->push_back(Forget{offered.content});
}

void SiteSync::forget_leftovers(const std::vector<Captured>& pending) {
  for (const Captured& captured : pending) leftovers_.erase(captured.contribution.content);
  for (const Hash256& content : leftovers_) {
    stored_.erase(content);
    actions_->push_back(Forget{content});
  }
  leftovers_.clear();
}

}  // namespace axs::train
