#include "axs/train/ring_sync.h"

#include <algorithm>

namespace axs::train {

void RingSync::step(Instant, const Event& event, std::vector<Action>& actions) {
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  actions_ = nullptr;
}

void RingSync::on(const WorkerReady& event) {
  own_ = RingReport{0, RingStage::halted, event.applied};
  told_ = {};
  applied_ = event.applied;
  report();
}

void RingSync::on(const WorkerLost&) {
  own_.reset();
  reports_.erase(config_.self);
}

void RingSync::on(const Reported& event) {
  if (!own_) return;
  own_ = event;
  if (event.stage == RingStage::rewound) {
    applied_ = event.saved;
    hashes_.clear();
  }
  report();
}

void RingSync::report() {
  if (config_.self == head) return hear(head, *own_);
  if (head_up_) send(head, *own_);  // Otherwise once it is.
}

void RingSync::on(const Made& event) {
  if (own_ && own_->attempt == event.chunk.attempt)
    send(right_of(config_.self, config_.sites), event.chunk);
}

void RingSync::on(const Applied& event) {
  applied_ = next(event.sync);
  for (std::uint32_t i = 0; i < config_.sites; ++i)
    if (SiteId{i} != config_.self) send(SiteId{i}, StateHash{event.sync, event.hash});
  compare(event.sync, config_.self, event.hash);
  if (applied_.value == config_.steps) actions_->push_back(Finished{});
}

void RingSync::on(const PeerUp& event) {
  if (event.site != head) return;
  head_up_ = true;
  // It may be a new one, which knows nothing.
  if (own_) report();
}

void RingSync::on(const PeerDown& event) {
  if (event.site == head) head_up_ = false;
}

void RingSync::on(const Received& event) {
  std::visit([&](const auto& message) { receive(event.from, message); }, event.message);
}

void RingSync::receive(SiteId from, const RingOrder& order) {
  if (from != head || !obeys(order)) return;
  told_ = order;
  actions_->push_back(order);
}

/// One stage after the other: an order that was overtaken, or meant for a worker before, is void.
bool RingSync::obeys(const RingOrder& order) const {
  if (!own_) return false;
  if (order.stage == RingStage::halted) return order.attempt > told_.attempt;
  const bool follows = order.stage == RingStage::rewound ? told_.stage == RingStage::halted
                                                         : told_.stage == RingStage::rewound;
  return follows && order.attempt == told_.attempt;
}

void RingSync::receive(SiteId from, const RingReport& report) {
  if (config_.self == head) hear(from, report);
}

void RingSync::receive(SiteId from, const Chunk& chunk) {
  const bool wanted = own_ && own_->stage != RingStage::halted && own_->attempt == chunk.attempt;
  if (wanted && right_of(from, config_.sites) == config_.self) actions_->push_back(Give{chunk});
}

void RingSync::receive(SiteId from, const StateHash& message) {
  compare(message.sync, from, message.hash);
}

void RingSync::hear(SiteId from, const RingReport& report) {
  const auto before = reports_.find(from);
  // Messages may overtake each other: this one says less than what was heard.
  if (report.attempt > 0 && before != reports_.end() &&
      std::pair{report.attempt, report.stage} <
          std::pair{before->second.attempt, before->second.stage})
    return;
  reports_[from] = report;
  if (report.attempt == 0) out_of_step_ = true;
  get_in_step();
}

void RingSync::get_in_step() {
  if (reports_.size() < config_.sites) return;
  if (out_of_step_) {
    ++attempt_;
    out_of_step_ = false;
    return order(RingStage::halted, {});
  }
  SyncId common = reports_.begin()->second.saved;
  for (const auto& [site, report] : reports_) {
    if (report.attempt != attempt_ || report.stage != stage_) return;
    common = std::min(common, report.saved);
  }
  if (stage_ == RingStage::halted)
    order(RingStage::rewound, common);
  else if (stage_ == RingStage::rewound)
    order(RingStage::running, common);
}

void RingSync::order(RingStage stage, SyncId from) {
  stage_ = stage;
  const RingOrder order{attempt_, stage, from};
  for (std::uint32_t i = 0; i < config_.sites; ++i)
    if (SiteId{i} != head) send(SiteId{i}, order);
  receive(head, order);
}

void RingSync::compare(SyncId step, SiteId site, const Hash256& hash) {
  auto& hashes = hashes_[step];
  hashes[site] = hash;
  const auto own = hashes.find(config_.self);
  if (own != hashes.end())
    for (const auto& [other, theirs] : hashes)
      if (theirs != own->second && (site == config_.self || site == other))
        actions_->push_back(Diverged{step, other});
  // Nobody is more than a step ahead; a lag of messages is allowed for.
  constexpr std::size_t steps_kept = 8;
  while (hashes_.size() > steps_kept) hashes_.erase(hashes_.begin());
}

}  // namespace axs::train
