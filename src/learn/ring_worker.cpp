#include "axs/learn/ring_worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "axs/learn/export.h"
#include "axs/learn/job.h"

namespace axs::learn {

using train::Chunk;
using train::RingReduce;
using train::RingStage;
using train::SyncId;

namespace {

Error bad(std::string what) {
  return {Errc::invalid, "worker: " + std::move(what)};
}

std::string name_of(const Chunk& chunk) {
  return "chunk " + std::to_string(chunk.piece) + " of step " + std::to_string(chunk.step.value) +
         " on hop " + std::to_string(chunk.hop);
}

/// own = values + own, in the order of the ring.
void add(std::span<float> own, ByteView values) {
  for (std::size_t i = 0; i < own.size(); ++i) {
    float value;
    std::memcpy(&value, values.data() + i * sizeof value, sizeof value);
    own[i] = value + own[i];
  }
}

}  // namespace

Result<RingWorker> RingWorker::create(const train::Begin& begin) {
  (void)AXS_TRY(check_job(begin));
  const TrainerOptions options = AXS_TRY(trainer_options(begin));
  auto slots = AXS_TRY(StateSlots::open(begin.folder));
  auto corpus = AXS_TRY(corpus_of(begin));
  auto trainer = AXS_TRY(Trainer::create(corpus, options));
  RingWorker worker{begin, std::move(corpus), std::move(trainer), std::move(slots)};
  if (auto loaded = worker.load(); !loaded)
    return Error{loaded.error().code, begin.folder + ": " + loaded.error().what};
  return worker;
}

RingWorker::RingWorker(const train::Begin& begin, std::shared_ptr<const Corpus> corpus,
                       Trainer trainer, StateSlots slots)
    : identity_{.site = begin.site,
                .sites = begin.sites,
                .seed = begin.seed,
                .model = begin.model,
                .sequences = begin.train.sequences,
                .tokens = begin.train.tokens,
                .corpus = corpus->hash},
      corpus_{std::move(corpus)},
      trainer_{std::move(trainer)},
      slots_{std::move(slots)},
      evaluator_{corpus_, trainer_.options()},
      tokens_per_step_{
          catalog::site_tokens_per_step(begin.train, begin.model, begin.site, begin.sites)},
      all_tokens_per_step_{catalog::tokens_per_step(begin.train, begin.model, begin.sites)},
      steps_{train::ring_steps(begin.train.tokens, all_tokens_per_step_)} {}

Outgoing RingWorker::ready() const {
  train::Ready ready;
  ready.state.applied = saved_;
  ready.merges = merges_;
  ready.parameters = trainer_.parameters().size();
  ready.train_bytes = corpus_->training.size();
  ready.validation_bytes = corpus_->validation.size();
  ready.corpus = corpus_->hash;
  return {std::move(ready), {}};
}

Result<> RingWorker::receive(const train::ToWorker& message, ByteView blob,
                             std::vector<Outgoing>& out) {
  return std::visit([&](const auto& m) { return on(m, blob, out); }, message);
}

template <class Other>
Result<> RingWorker::on(const Other&, ByteView, std::vector<Outgoing>&) {
  return bad("an order that is not for sync = \"every-step\"");
}

Result<> RingWorker::on(const train::Evaluate& message, ByteView, std::vector<Outgoing>&) {
  evaluator_.ask(message);
  return Ok{};
}

Result<> RingWorker::on(const train::Export& message, ByteView, std::vector<Outgoing>& out) {
  (void)AXS_TRY(export_model(message.folder, trainer_.options().shape, parameters()));
  out.push_back({train::Exported{}, {}});
  return Ok{};
}

Result<> RingWorker::on(const train::Quit&, ByteView, std::vector<Outgoing>&) {
  ended_ = true;  // All save after the same steps; this may not be one.
  return Ok{};
}

Result<> RingWorker::on(const train::Proceed&, ByteView, std::vector<Outgoing>& out) {
  return work(out);
}

Result<> RingWorker::on(const train::RingOrder& order, ByteView, std::vector<Outgoing>& out) {
  attempt_ = order.attempt;
  stage_ = order.stage;
  if (stage_ == RingStage::halted) {
    reduce_.reset();
    early_.clear();
    evaluator_.drop();
  }
  if (stage_ == RingStage::rewound) (void)AXS_TRY(rewind(order.from));
  out.push_back(
      {train::RingReport{attempt_, stage_, stage_ == RingStage::halted ? saved_ : step_}, {}});
  return Ok{};
}

RingWorker::Work RingWorker::next_work() const {
  if (ended_) return Work::wait;
  if (stage_ == RingStage::running && !reduce_ && step_.value < steps_) return Work::step;
  return evaluator_.busy() ? Work::evaluate : Work::wait;
}

Result<> RingWorker::work(std::vector<Outgoing>& out) {
  switch (next_work()) {
    case Work::step:
      return compute(out);
    case Work::evaluate:
      if (const auto outcome = evaluator_.advance(
              [this] { return std::vector<float>{parameters().begin(), parameters().end()}; }))
        out.push_back({*outcome, {}});
      break;
    case Work::capture:
    case Work::wait:
      break;
  }
  return Ok{};
}

Result<> RingWorker::compute(std::vector<Outgoing>& out) {
  loss_ = trainer_.compute_gradient();
  weigh();
  reduce_.emplace(train::ring_shape(trainer_.gradient().size(), identity_.sites), identity_.site);
  if (reduce_->complete()) return finish_step(out);
  for (std::uint32_t piece = reduce_->first_own(); piece < reduce_->end_own(); ++piece)
    send(piece, 0, out);
  for (const auto& [chunk, values] : std::exchange(early_, {}))
    (void)AXS_TRY(on(chunk, values, out));
  return Ok{};
}

/// By its part of the tokens, against an equal one: what equal sites send is what they computed.
void RingWorker::weigh() {
  const std::uint64_t own = tokens_per_step_ * identity_.sites;
  if (own == all_tokens_per_step_) return;
  const auto weight =
      static_cast<float>(static_cast<double>(own) / static_cast<double>(all_tokens_per_step_));
  for (float& value : trainer_.gradient()) value *= weight;
}

void RingWorker::send(std::uint32_t piece, std::uint32_t hop, std::vector<Outgoing>& out) {
  const train::FlatRange range = reduce_->shape().range(piece);
  const ByteView bytes = bytes_of(trainer_.gradient().subspan(range.begin, range.size));
  out.push_back({Chunk{attempt_, step_, piece, hop, static_cast<std::uint32_t>(bytes.size())},
                 {bytes.begin(), bytes.end()}});
}

Result<> RingWorker::on(const Chunk& chunk, ByteView values, std::vector<Outgoing>& out) {
  if (chunk.attempt != attempt_ || stage_ == RingStage::halted) return Ok{};  // Left over.
  if (chunk.step == step_ && reduce_) return take(chunk, values, out);
  if (chunk.step != step_ && chunk.step != next(step_))
    return bad(name_of(chunk) + ", want step " + std::to_string(step_.value) + " or the next");
  early_.push_back({chunk, {values.begin(), values.end()}});
  return Ok{};
}

Result<> RingWorker::take(const Chunk& chunk, ByteView values, std::vector<Outgoing>& out) {
  const auto taken = reduce_->take(chunk.piece, chunk.hop);
  if (!taken) return bad(name_of(chunk) + " is none that comes here, or came before");
  const auto own = trainer_.gradient().subspan(taken->range.begin, taken->range.size);
  if (values.size() != own.size_bytes())
    return bad(name_of(chunk) + ": " + std::to_string(values.size()) + " bytes, want " +
               std::to_string(own.size_bytes()));
  if (taken->use == RingReduce::Use::add)
    add(own, values);
  else
    std::memcpy(own.data(), values.data(), values.size());
  if (taken->next_hop) send(chunk.piece, *taken->next_hop, out);
  return reduce_->complete() ? finish_step(out) : Ok{};
}

Result<> RingWorker::finish_step(std::vector<Outgoing>& out) {
  reduce_.reset();
  const auto sites = static_cast<float>(identity_.sites);
  for (float& value : trainer_.gradient()) value /= sites;
  trainer_.apply_gradient();
  const train::SiteSync::Applied done{std::exchange(step_, next(step_)),
                                      sha256(bytes_of(parameters()))};
  train::remember(merges_, done);
  // A state that is saved already, of before all went back, has the same bits.
  const bool due = step_.value % train::ring_save_period == 0 || step_.value == steps_;
  if (due && step_ > saved_) (void)AXS_TRY(save());
  out.push_back({done, {}});
  return Ok{};
}

Result<> RingWorker::save() {
  const ByteVector record = to_wire(Record{identity_, step_, merges_});
  ByteVector head;
  WireWriter{head}.put(static_cast<std::uint64_t>(record.size()));
  const AdamW& optimiser = std::as_const(trainer_).optimiser();
  (void)AXS_TRY(slots_.save(std::vector<ByteView>{head, record, bytes_of(parameters()),
                                                  bytes_of(optimiser.first_moment()),
                                                  bytes_of(optimiser.second_moment())}));
  saved_ = step_;
  return Ok{};
}

Result<> RingWorker::load() {
  const auto states = AXS_TRY(slots_.load_all());
  if (!states.empty()) (void)AXS_TRY(restore(states.front()));
  saved_ = step_;
  return Ok{};
}

/// To the state before that step: a saved one, or that of the beginning.
Result<> RingWorker::rewind(SyncId step) {
  if (step == SyncId{}) {
    trainer_ = AXS_TRY(Trainer::create(corpus_, trainer_.options()));
    step_ = step;
    merges_.clear();
    return Ok{};
  }
  for (const ByteVector& state : AXS_TRY(slots_.load_all())) {
    WireReader reader{state};
    if (AXS_TRY(read_record(reader)).step == step) return restore(state);
  }
  return bad("no saved state before step " + std::to_string(step.value) +
             ", to which all sites should go back; want one of the newest two");
}

Result<RingWorker::Record> RingWorker::read_record(WireReader& state) const {
  std::uint64_t size = 0;
  state.get(size);
  const auto record = AXS_TRY(from_wire<Record>(state.bytes(size), "saved state"));
  if (to_wire(record.identity) != to_wire(identity_))
    return Error{Errc::invalid,
                 "saved state of another job: site, sites, seed, model, sequences, tokens and "
                 "corpus must be the same"};
  return record;
}

Result<> RingWorker::restore(ByteView state) {
  WireReader reader{state};
  Record record = AXS_TRY(read_record(reader));
  read_values(reader, trainer_.parameters());
  read_values(reader, trainer_.optimiser().first_moment());
  read_values(reader, trainer_.optimiser().second_moment());
  if (!reader.ok() || reader.remaining() != 0)
    return Error{Errc::corrupt, "saved state of another length than its record says"};
  step_ = record.step;
  merges_ = std::move(record.merges);
  trainer_.optimiser().set_steps(step_.value);
  trainer_.set_next_sequence(step_.value * trainer_.options().sequences);
  return Ok{};
}

}  // namespace axs::learn
