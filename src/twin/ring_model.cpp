#include "axs/twin/ring_model.h"

#include "axs/core/assert.h"

namespace axs::twin {

using train::Chunk;
using train::RingStage;
using train::SyncId;

RingModel::RingModel(SiteId site, const catalog::Scenario& scenario, std::uint64_t tokens_per_step)
    : site_{site},
      shape_{train::ring_shape(catalog::parameter_count(scenario.model),
                               static_cast<std::uint32_t>(scenario.sites.size()))},
      steps_{train::ring_steps(scenario.train.tokens, tokens_per_step)} {}

train::RingSync::WorkerReady RingModel::restart() {
  step_ = saved_.back();
  attempt_ = 0;
  stage_ = RingStage::halted;
  computing_.reset();
  reduce_.reset();
  applying_ = false;
  early_.clear();
  return {step_, {}};
}

train::RingReport RingModel::obey(const train::RingOrder& order) {
  attempt_ = order.attempt;
  stage_ = order.stage;
  if (stage_ == RingStage::halted) {
    reduce_.reset();
    applying_ = false;
    early_.clear();
  }
  if (stage_ == RingStage::rewound) {
    std::erase_if(saved_, [&](SyncId saved) { return saved > order.from; });
    AXS_ASSERT(!saved_.empty() && saved_.back() == order.from);
    step_ = order.from;
  }
  return {attempt_, stage_, stage_ == RingStage::halted ? saved_.back() : step_};
}

bool RingModel::wants_step() const {
  return stage_ == RingStage::running && !reduce_ && step_.value < steps_;
}

std::vector<Chunk> RingModel::end_step() {
  std::vector<Chunk> out;
  if (computing_ != attempt_ || !wants_step()) return out;
  computing_.reset();
  reduce_.emplace(shape_, site_);
  if (reduce_->complete()) return out;
  for (std::uint32_t piece = reduce_->first_own(); piece < reduce_->end_own(); ++piece)
    out.push_back(chunk(piece, 0));
  for (const Chunk& early : std::exchange(early_, {})) take_known(early, out);
  return out;
}

std::vector<Chunk> RingModel::take(const Chunk& chunk) {
  std::vector<Chunk> out;
  if (chunk.attempt != attempt_ || stage_ == RingStage::halted) return out;
  take_known(chunk, out);
  return out;
}

void RingModel::take_known(const Chunk& given, std::vector<Chunk>& out) {
  if (given.step != step_ || !reduce_) return early_.push_back(given);
  const auto taken = reduce_->take(given.piece, given.hop);
  AXS_ASSERT(taken.has_value());
  if (taken->next_hop) out.push_back(chunk(given.piece, *taken->next_hop));
}

Chunk RingModel::chunk(std::uint32_t piece, std::uint32_t hop) const {
  const std::size_t bytes = shape_.range(piece).size * sizeof(float);
  return {attempt_, step_, piece, hop, static_cast<std::uint32_t>(bytes)};
}

bool RingModel::begins_apply() {
  return reduce_ && reduce_->complete() && !std::exchange(applying_, true);
}

train::RingSync::Applied RingModel::apply() {
  reduce_.reset();
  applying_ = false;
  const SyncId done = std::exchange(step_, next(step_));
  if (step_.value % train::ring_save_period == 0 || step_.value == steps_) {
    saved_.push_back(step_);
    if (saved_.size() > 2) saved_.erase(saved_.begin());
  }
  // There are no parameters to hash: the step stands for them.
  return {done, sha256(to_wire(done))};
}

}  // namespace axs::twin
