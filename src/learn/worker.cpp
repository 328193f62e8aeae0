#include "axs/learn/worker.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "axs/learn/export.h"

namespace axs::learn {

using train::Begin;
using train::Contribution;
using train::SyncId;

namespace {

Error bad(std::string what) {
  return {Errc::invalid, "worker: " + std::move(what)};
}

std::string name_of(SyncId sync) {
  return "sync " + std::to_string(sync.value);
}

std::uint64_t size_of(const std::vector<Contribution>& members) {
  std::uint64_t size = 0;
  for (const auto& member : members) size += member.size;
  return size;
}

}  // namespace

Outgoing Worker::ready() const {
  train::Ready ready;
  ready.state = {record_.applied, record_.pending};
  ready.merges = record_.merges;
  ready.parameters = trainer_.parameters().size();
  ready.train_bytes = corpus_->training.size();
  ready.validation_bytes = corpus_->validation.size();
  ready.corpus = corpus_->hash;
  ByteVector blob;
  for (const Captured& captured : record_.pending) {
    const ByteView codes = fragments_[fragment_of(captured.sync)].codes();
    blob.insert(blob.end(), codes.begin(), codes.end());
  }
  return {std::move(ready), std::move(blob)};
}

Result<> Worker::receive(const train::ToWorker& message, ByteView blob,
                         std::vector<Outgoing>& out) {
  return std::visit([&](const auto& m) { return on(m, blob, out); }, message);
}

Result<> Worker::on(const Begin&, ByteView, std::vector<Outgoing>&) {
  return bad("a second begin, want one");
}

Result<> Worker::on(const Capture& order, ByteView, std::vector<Outgoing>&) {
  // One that crossed the decision of its sync is void.
  if (order.sync >= record_.applied) order_ = order;
  return Ok{};
}

Result<> Worker::on(const train::Evaluate& message, ByteView, std::vector<Outgoing>&) {
  evaluator_.ask(message);
  return Ok{};
}

Result<> Worker::on(const train::Export& message, ByteView, std::vector<Outgoing>& out) {
  (void)AXS_TRY(export_model(message.folder, trainer_.options().shape, shared_parameters()));
  out.push_back({train::Exported{}, {}});
  return Ok{};
}

Result<> Worker::on(const train::Slow&, ByteView, std::vector<Outgoing>&) {
  return Ok{};  // The clock is not here.
}

Result<> Worker::on(const train::RingOrder&, ByteView, std::vector<Outgoing>&) {
  return bad("an order of sync = \"every-step\", want those of \"outer\"");
}

Result<> Worker::on(const train::Chunk&, ByteView, std::vector<Outgoing>&) {
  return bad("a chunk of sync = \"every-step\", want the orders of \"outer\"");
}

Result<> Worker::on(const train::Proceed&, ByteView, std::vector<Outgoing>& out) {
  return work(out);
}

Result<> Worker::on(const train::Quit&, ByteView, std::vector<Outgoing>&) {
  ended_ = true;
  return save();
}

std::vector<float> Worker::shared_parameters() const {
  std::vector<float> flat(trainer_.parameters().size());
  for (const auto& fragment : fragments_) fragment.scatter_shared(flat);
  return flat;
}

std::uint32_t Worker::fragment_of(SyncId sync) const {
  return train::fragment_of(sync, static_cast<std::uint32_t>(fragments_.size()));
}

const Worker::Captured* Worker::pending_of(std::uint32_t fragment) const {
  for (const Captured& captured : record_.pending)
    if (fragment_of(captured.sync) == fragment) return &captured;
  return nullptr;
}

bool Worker::due() const {
  return (record_.stop && record_.position >= *record_.stop) ||
         record_.position - record_.captured_at >= order_->steps * tokens_per_step_;
}

/// What was captured is not merged yet, and no more steps may be done without it.
bool Worker::too_far() const {
  const auto& overlap = begin_.train.outer.overlap;
  return overlap && std::ranges::any_of(record_.pending, [&](const Captured& captured) {
           const std::uint64_t since = record_.position - captured.contribution.tokens.end;
           return since >= *overlap * tokens_per_step_;
         });
}

Worker::Work Worker::next_work() const {
  if (ended_) return Work::wait;
  const bool is_due = order_ && due();
  // While the last capture of the fragment is not decided, its base would be wrong.
  if (is_due && pending_of(fragment_of(order_->sync)) == nullptr) return Work::capture;
  if (evaluator_.busy()) return Work::evaluate;
  return order_ && !is_due && !too_far() ? Work::step : Work::wait;
}

Result<> Worker::work(std::vector<Outgoing>& out) {
  switch (next_work()) {
    case Work::step:
      step();
      break;
    case Work::capture:
      return capture(out);
    case Work::evaluate:
      evaluate(out);
      break;
    case Work::wait:
      break;
  }
  return Ok{};
}

void Worker::step() {
  loss_ = trainer_.step(learning_rate());
  record_.position += tokens_per_step_;
  record_.progress = estimated_progress();
}

std::uint64_t Worker::estimated_progress() const {
  // The others are taken to have done since as much as this site, and never less than before.
  const std::uint64_t merged = *std::ranges::max_element(record_.merged_ends);
  const std::uint64_t since = record_.position - std::min(merged, record_.position);
  return std::max(record_.progress,
                  record_.merged_tokens + since * all_tokens_per_step_ / tokens_per_step_);
}

double Worker::learning_rate() const {
  return trainer_.options().learning_rate.at(record_.progress / all_tokens_per_step_);
}

Result<> Worker::capture(std::vector<Outgoing>& out) {
  const std::uint32_t f = fragment_of(order_->sync);
  Captured captured{order_->sync,
                    {begin_.site, {record_.merged_ends[f], record_.position}, {}, 0},
                    record_.applied};
  if (captured.contribution.tokens.count() > 0) {
    if (const auto encoded = fragments_[f].capture(trainer_.parameters()); !encoded)
      return Error{encoded.error().code, "worker: the training diverged, " + encoded.error().what};
  }
  const ByteView codes = fragments_[f].codes();
  captured.contribution.content = sha256(codes);
  captured.contribution.size = codes.size();
  record_.pending.push_back(captured);
  record_.captured_at = record_.position;
  order_.reset();
  record_.newest = captured.sync;
  (void)AXS_TRY(save());
  record_.newest.reset();
  out.push_back({captured, {codes.begin(), codes.end()}});
  return Ok{};
}

void Worker::evaluate(std::vector<Outgoing>& out) {
  if (const auto outcome = evaluator_.advance([this] { return shared_parameters(); }))
    out.push_back({*outcome, {}});
}

Result<> Worker::on(const Apply& apply, ByteView blob, std::vector<Outgoing>& out) {
  if (apply.sync != record_.applied)
    return bad("apply of " + name_of(apply.sync) + ", want " + name_of(record_.applied));
  if (!apply.decision.members.empty()) (void)AXS_TRY(merge(apply, blob));
  const std::uint32_t f = fragment_of(apply.sync);
  if (std::erase_if(record_.pending, [&](const auto& p) { return p.sync == apply.sync; }) > 0)
    fragments_[f].drop_capture(trainer_.parameters());
  record_.applied = next(apply.sync);
  record_.merged_tokens = apply.merged_tokens;
  record_.progress = estimated_progress();
  if (apply.stop) record_.stop = apply.stop;
  if (order_ && order_->sync < record_.applied) order_.reset();
  const auto shared = fragments_[f].shared();
  const train::SiteSync::Applied applied{
      apply.sync,
      sha256({reinterpret_cast<const std::uint8_t*>(shared.data()), shared.size_bytes()})};
  train::remember(record_.merges, applied);
  out.push_back({applied, {}});
  return Ok{};
}

Result<> Worker::on(const Foresee& foresee, ByteView blob, std::vector<Outgoing>&) {
  const std::uint32_t f = fragment_of(foresee.sync);
  const Captured* captured = pending_of(f);
  // It may have crossed the decision, or the capture may have been of an earlier life.
  if (captured == nullptr || captured->sync != foresee.sync || !fragments_[f].captured())
    return Ok{};
  const Merge merge = AXS_TRY(merge_of(foresee.sync, foresee.members, blob));
  const auto foreseen = fragments_[f].foresee(merge.parts, merge.rule, trainer_.parameters());
  if (!foreseen) return bad(name_of(foresee.sync) + ": " + foreseen.error().what);
  return Ok{};
}

Result<Worker::Merge> Worker::merge_of(train::SyncId sync, const std::vector<Contribution>& members,
                                       ByteView blob) const {
  const std::string name = name_of(sync);
  Merge merge{.parts = {},
              .rule = {.learning_rate = static_cast<float>(begin_.train.outer.rate),
                       .momentum = static_cast<float>(begin_.train.outer.momentum)}};
  for (const Contribution& member : members)
    if (member.size > blob.size() || member.tokens.begin >= member.tokens.end)
      return bad(name + ": a contribution of " + std::to_string(member.size) + " bytes over " +
                 "tokens " + std::to_string(member.tokens.begin) + " to " +
                 std::to_string(member.tokens.end) + ", want some of both");
  if (size_of(members) != blob.size())
    return bad(name + ": " + std::to_string(blob.size()) + " bytes, want " +
               std::to_string(size_of(members)));
  if (std::ranges::adjacent_find(members, std::greater_equal{}, &Contribution::site) !=
      members.end())
    return bad(name + ": contributions out of the order of their sites");
  for (const Contribution& member : members) {
    if (sha256(blob.first(member.size)) != member.content)
      return bad(name + ": the bytes of site " + std::to_string(member.site.value) +
                 " are damaged, their hash is another");
    merge.parts.push_back({member.tokens.count(), blob.first(member.size)});
    blob = blob.subspan(member.size);
  }
  return merge;
}

/// Also checks that the part of this site follows the one before.
Result<OuterFragment::Own> Worker::own_part(const Apply& apply) const {
  const std::uint32_t f = fragment_of(apply.sync);
  const auto own = std::ranges::find(apply.decision.members, begin_.site, &Contribution::site);
  if (own == apply.decision.members.end()) {
    // What was captured for this sync is given up, so that its values stay the site's own progress.
    return OuterFragment::Own::none;
  }
  if (own->tokens.begin != record_.merged_ends[f])
    return bad(name_of(apply.sync) + ": own tokens from " + std::to_string(own->tokens.begin) +
               ", want from " + std::to_string(record_.merged_ends[f]));
  const Captured* captured = pending_of(f);
  const bool known = captured && captured->sync == apply.sync && captured->contribution == *own;
  return known ? OuterFragment::Own::captured : OuterFragment::Own::forgotten;
}

Result<> Worker::merge(const Apply& apply, ByteView blob) {
  const Merge merge = AXS_TRY(merge_of(apply.sync, apply.decision.members, blob));
  const auto own = AXS_TRY(own_part(apply));
  const std::uint32_t f = fragment_of(apply.sync);
  const auto merged = fragments_[f].merge(merge.parts, merge.rule, own, trainer_.parameters());
  if (!merged) return bad(name_of(apply.sync) + ": " + merged.error().what);
  for (const Contribution& member : apply.decision.members)
    if (member.site == begin_.site) {
      record_.merged_ends[f] = member.tokens.end;
      // Only if it is forgotten, this site was ahead in an earlier life.
      record_.position = std::max(record_.position, member.tokens.end);
    }
  trainer_.set_next_sequence(record_.position / begin_.model.context);
  return Ok{};
}

}  // namespace axs::learn
