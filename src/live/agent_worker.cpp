#include "axs/live/agent.h"

#include <algorithm>

#include "axs/fabric/story.h"

/// What an agent does with the messages of its worker.
namespace axs::live {

using fabric::Site;

void Agent::worker_started(std::int32_t pid) {
  note(catalog::WorkerStarted{pid});
  worker_->send(begin_of(config_.scenario, config_.site, config_.data, config_.folder));
  if (slow_ != 1) worker_->send(train::Slow{slow_});
}

void Agent::worker_lost(const std::string& reason) {
  if (ending_) return loop_->stop();
  note(catalog::WorkerLost{reason});
  happen(Site::WorkerLost{});
}

/// Keeps the bytes of a capture, which `blob` begins with, and returns the rest. An empty one has
/// none.
Result<ByteView> Agent::keep(const train::SiteSync::Captured& captured, ByteView blob) {
  const train::Contribution& contribution = captured.contribution;
  if (contribution.site != config_.site || contribution.tokens.end < contribution.tokens.begin)
    return Error{Errc::corrupt, "worker: a contribution of another site, or of no range"};
  if (contribution.tokens.count() == 0) return blob;
  if (contribution.size > blob.size())
    return Error{Errc::corrupt, "worker: " + std::to_string(blob.size()) +
                                    " bytes attached, want " + std::to_string(contribution.size)};
  AXS_TRY(blobs_.put(contribution.content, blob.first(contribution.size)));
  return blob.subspan(contribution.size);
}

Result<> Agent::hear(const train::Ready& message, ByteView blob) {
  for (const auto& captured : message.state.pending) blob = AXS_TRY(keep(captured, blob));
  note(catalog::WorkerReady{message.state.applied.value, message.parameters, message.train_bytes,
                            message.validation_bytes, message.corpus});
  unnoted_.clear();
  for (const auto& merge : message.merges)
    if (merge.sync >= noted_) unnoted_.push_back(merge);
  happen(message.state);
  note_applied(message.state.applied);
  return Ok{};
}

Result<> Agent::hear(const train::SiteSync::Captured& message, ByteView blob) {
  AXS_TRY(keep(message, blob));
  const train::Contribution& contribution = message.contribution;
  note(catalog::Contributed{message.sync.value, contribution.tokens.begin, contribution.tokens.end,
                            contribution.size});
  happen(message);
  return Ok{};
}

Result<> Agent::hear(const train::SiteSync::Applied& message, ByteView) {
  const auto fact = applied_fact(message);
  if (!fact)
    return Error{Errc::corrupt, "worker: applied sync " + std::to_string(message.sync.value) +
                                    ", which it was not given"};
  note(*fact);
  noted_ = std::max(noted_, next(message.sync));
  happen(message);
  note_applied(next(message.sync));
  return Ok{};
}

/// Whose tokens are in what the worker has applied: as was decided, or in every step all sites'.
/// None as long as this site does not know what was decided.
std::optional<catalog::SyncApplied> Agent::applied_fact(
    const train::SiteSync::Applied& applied) const {
  if (every_step())
    return fabric::every_step_applied(config_.scenario, applied.sync.value, applied.hash);
  const train::Decision* decision = site_.decision(applied.sync);
  if (decision == nullptr) return std::nullopt;
  catalog::SyncApplied fact{applied.sync.value, {}, applied.hash};
  for (const train::Contribution& member : decision->members)
    fact.members.push_back({name(member.site), member.tokens.begin, member.tokens.end});
  return fact;
}

/// A kill came between the worker's merge and the line in the record. The journal may have lost the
/// choice as well: then the peers say it again before anything else can be merged.
void Agent::note_missing() {
  while (!unnoted_.empty()) {
    const auto fact = applied_fact(unnoted_.front());
    if (!fact) return;
    note(*fact);
    noted_ = next(unnoted_.front().sync);
    unnoted_.pop_front();
  }
}

Result<> Agent::hear(const train::RingReport& message, ByteView) {
  happen(message);
  return Ok{};
}

Result<> Agent::hear(const train::Chunk& message, ByteView values) {
  if (values.size() != message.size)
    return Error{Errc::corrupt, "worker: a chunk of " + std::to_string(values.size()) +
                                    " bytes, want " + std::to_string(message.size)};
  happen(Site::ChunkMade{message}, {values.begin(), values.end()});
  return Ok{};
}

Result<> Agent::hear(const train::Progress& message, ByteView) {
  note(catalog::Progress{message.steps, message.tokens, message.loss, message.step_time,
                         message.sync_time});
  return Ok{};
}

Result<> Agent::hear(const train::Evaluated& message, ByteView) {
  note(catalog::Evaluated{message.loss, message.tokens, message.took});
  if (finished_ && stage_ == SiteStage::running)
    worker_->send(train::Export{config_.export_folder});
  return Ok{};
}

Result<> Agent::hear(const train::Exported&, ByteView) {
  note(catalog::Exported{config_.export_folder});
  if (finished_) reach(SiteStage::concluded);
  end_if_done();
  return Ok{};
}

/// Only a worker in lockstep says so, and no agent's is.
Result<> Agent::hear(const train::Paused&, ByteView) {
  return Error{Errc::corrupt, "worker: paused, which it was not asked to"};
}

Result<> Agent::hear(const train::Failed& message, ByteView) {
  fail({Errc::unavailable, "worker of " + name(config_.site) + ": " + message.what});
  return Ok{};
}

}  // namespace axs::live
