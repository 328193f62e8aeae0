#include <utility>

#include "axs/learn/job.h"
#include "axs/learn/worker.h"

/// How a worker begins, and what it saves: a record, then values and codes as they lie in memory.
namespace axs::learn {

using train::Begin;

Result<Worker> Worker::create(const Begin& begin) {
  (void)AXS_TRY(check_job(begin));
  const TrainerOptions options = AXS_TRY(trainer_options(begin));
  auto fragments = AXS_TRY(
      train::split_into_fragments(parameter_tensors(options.shape), begin.train.outer.fragments));
  auto slots = AXS_TRY(StateSlots::open(begin.folder));
  auto corpus = AXS_TRY(corpus_of(begin));
  auto trainer = AXS_TRY(Trainer::create(corpus, options));
  Worker worker{begin,
                {std::move(corpus), std::move(trainer), std::move(fragments), std::move(slots)}};
  if (auto loaded = worker.load(); !loaded)
    return Error{loaded.error().code, begin.folder + ": " + loaded.error().what};
  return worker;
}

Worker::Worker(const Begin& begin, Parts parts)
    : begin_{begin},
      corpus_{std::move(parts.corpus)},
      trainer_{std::move(parts.trainer)},
      slots_{std::move(parts.slots)},
      tokens_per_step_{
          catalog::site_tokens_per_step(begin.train, begin.model, begin.site, begin.sites)},
      all_tokens_per_step_{catalog::tokens_per_step(begin.train, begin.model, begin.sites)},
      evaluator_{corpus_, trainer_.options()} {
  for (auto& fragment : parts.fragments)
    fragments_.emplace_back(std::move(fragment), trainer_.parameters(), begin.train.outer.bits);
  record_.identity = {.site = begin.site,
                      .sites = begin.sites,
                      .seed = begin.seed,
                      .model = begin.model,
                      .sequences = begin.train.sequences,
                      .fragments = begin.train.outer.fragments,
                      .corpus = corpus_->hash};
  record_.merged_ends.resize(fragments_.size());
}

Result<> Worker::save() {
  record_.optimiser_steps = trainer_.steps();
  const ByteVector record = to_wire(record_);
  ByteVector head;
  WireWriter{head}.put(static_cast<std::uint64_t>(record.size()));
  const AdamW& optimiser = std::as_const(trainer_).optimiser();
  std::vector<ByteView> parts{head, record, bytes_of(std::as_const(trainer_).parameters()),
                              bytes_of(optimiser.first_moment()),
                              bytes_of(optimiser.second_moment())};
  for (std::uint32_t f = 0; f < fragments_.size(); ++f) {
    OuterFragment& fragment = fragments_[f];
    for (const auto values : fragment.saved_values()) parts.push_back(bytes_of(values));
    if (!fragment.captured() || is_newest(pending_of(f))) continue;
    for (const auto values : fragment.captured_values()) parts.push_back(bytes_of(values));
    parts.push_back(fragment.codes());
  }
  return slots_.save(parts);
}

Result<> Worker::load() {
  const auto state = AXS_TRY(slots_.load());
  return state ? restore(*state) : Ok{};
}

Result<> Worker::restore(ByteView state) {
  WireReader reader{state};
  (void)AXS_TRY(restore_record(reader));
  read_values(reader, trainer_.parameters());
  read_values(reader, trainer_.optimiser().first_moment());
  read_values(reader, trainer_.optimiser().second_moment());
  for (std::uint32_t f = 0; f < fragments_.size(); ++f) {
    for (const auto values : fragments_[f].saved_values()) read_values(reader, values);
    const Captured* pending = pending_of(f);
    if (!reader.ok() || pending == nullptr || pending->contribution.size == 0) continue;
    if (is_newest(pending)) {
      (void)AXS_TRY(fragments_[f].capture(trainer_.parameters()));
    } else {
      for (const auto values : fragments_[f].captured_values()) read_values(reader, values);
      fragments_[f].restore_codes(reader.bytes(pending->contribution.size));
    }
    if (reader.ok() && sha256(fragments_[f].codes()) != pending->contribution.content)
      return Error{Errc::corrupt, "saved state with another capture than its record says"};
  }
  if (!reader.ok() || reader.remaining() != 0)
    return Error{Errc::corrupt, "saved state of another length than its record says"};
  record_.newest.reset();
  return Ok{};
}

Result<> Worker::restore_record(WireReader& state) {
  std::uint64_t size = 0;
  state.get(size);
  auto record = AXS_TRY(from_wire<Record>(state.bytes(size), "saved state"));
  if (to_wire(record.identity) != to_wire(record_.identity))
    return Error{Errc::invalid,
                 "saved state of another job: site, sites, seed, model, sequences, fragments and "
                 "corpus must be the same"};
  if (record.merged_ends.size() != fragments_.size())
    return Error{Errc::corrupt, "saved state with another number of fragments"};
  record_ = std::move(record);
  trainer_.optimiser().set_steps(record_.optimiser_steps);
  trainer_.set_next_sequence(record_.position / begin_.model.context);
  return Ok{};
}

}  // namespace axs::learn
