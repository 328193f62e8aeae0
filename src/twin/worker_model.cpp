#include "axs/twin/worker_model.h"

#include "axs/core/assert.h"

namespace axs::twin {

using train::fragment_of;
using train::SiteSync;

WorkerModel::WorkerModel(SiteId site, const catalog::OuterRule& rule, const WorkerSpeed& speed)
    : Worker{speed}, site_{site}, overlap_{rule.overlap} {
  state_.merged.resize(rule.fragments);
  saved_ = state_;
}

Result<SiteSync::WorkerReady> WorkerModel::ready() {
  state_ = saved_;
  state_.order.reset();
  SiteSync::WorkerReady ready{state_.applied, {}};
  for (const auto& [sync, contribution] : state_.pending)
    ready.pending.push_back({sync, contribution, state_.applied});
  return ready;
}

Result<SiteSync::Applied> WorkerModel::apply(const SiteSync::Apply& apply) {
  AXS_ASSERT(state_.applied == apply.sync);
  for (const train::Contribution& member : apply.decision.members)
    if (member.site == site_) {
      auto& merged =
          state_.merged[fragment_of(apply.sync, static_cast<std::uint32_t>(state_.merged.size()))];
      AXS_ASSERT(member.tokens.begin == merged);
      merged = member.tokens.end;
    }
  state_.pending.erase(apply.sync);
  state_.applied = next(apply.sync);
  if (apply.stop) state_.stop = apply.stop;
  return SiteSync::Applied{apply.sync, sha256(to_wire(apply.decision))};
}

/// The last capture of the same fragment is not decided: its base would be wrong.
bool WorkerModel::blocked() const {
  const auto fragments = static_cast<std::uint32_t>(state_.merged.size());
  for (const auto& [sync, contribution] : state_.pending)
    if (fragment_of(sync, fragments) == fragment_of(state_.order->sync, fragments)) return true;
  return false;
}

/// What was captured is not merged yet, and no more steps may be done without it.
bool WorkerModel::too_far() const {
  return overlap_ && std::ranges::any_of(state_.pending, [&](const auto& captured) {
           const std::uint64_t since = state_.position - captured.second.tokens.end;
           return since >= *overlap_ * speed().tokens_per_step;
         });
}

WorkerModel::Work WorkerModel::next_work() const {
  if (!state_.order) return Work::wait;
  const bool stopped = state_.stop && state_.position >= *state_.stop;
  const std::uint64_t wanted = state_.order->steps * speed().tokens_per_step;
  if (!stopped && state_.position - state_.captured_at < wanted)
    return too_far() ? Work::wait : Work::step;
  return blocked() ? Work::wait : Work::capture;
}

Result<std::optional<SiteSync::Captured>> WorkerModel::end(Work work) {
  if (work == Work::capture) return std::optional{capture()};
  state_.position += speed().tokens_per_step;
  return std::optional<SiteSync::Captured>{};
}

SiteSync::Captured WorkerModel::capture() {
  const train::SyncId sync = state_.order->sync;
  const auto fragment = fragment_of(sync, static_cast<std::uint32_t>(state_.merged.size()));
  train::Contribution contribution{
      site_, {state_.merged[fragment], state_.position}, {}, speed().contribution_bytes};
  if (contribution.tokens.count() == 0) contribution.size = 0;
  // There are no bytes to hash: the name of the contribution stands for them.
  contribution.content = sha256(to_wire(std::pair{sync, contribution}));
  state_.pending[sync] = contribution;
  state_.captured_at = state_.position;
  state_.order.reset();
  saved_ = state_;
  return {sync, contribution, state_.applied};
}

}  // namespace axs::twin
