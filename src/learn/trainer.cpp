#include "axs/learn/trainer.h"

#include <algorithm>

#include "axs/learn/gemm.h"

namespace axs::learn {

Result<Trainer> Trainer::create(std::shared_ptr<const Corpus> corpus,
                                const TrainerOptions& options) {
  (void)AXS_TRY(check_shape(options.shape));
  if (options.shard >= options.shards)
    return Error{Errc::invalid, "trainer: shard " + std::to_string(options.shard) +
                                    ", want below " + std::to_string(options.shards)};
  if (corpus->validation.size() <= options.shape.context)
    return Error{Errc::invalid, "corpus " + corpus->source + ": " +
                                    std::to_string(corpus->validation.size()) +
                                    " bytes for validation, want more than the context, " +
                                    std::to_string(options.shape.context)};
  auto batcher = AXS_TRY(Batcher::create(
      corpus->training,
      {.seed = options.seed, .shards = options.shards, .context = options.shape.context}));
  use_threads(1);
  return Trainer{std::move(corpus), options, std::move(batcher)};
}

Trainer::Trainer(std::shared_ptr<const Corpus> corpus, const TrainerOptions& options,
                 Batcher batcher)
    : corpus_{std::move(corpus)},
      options_{options},
      batcher_{std::move(batcher)},
      replicas_{options.shape, options.work, options.sequences, options.seed},
      optimiser_{options.shape, options.optimiser} {}

double Trainer::compute_gradient() {
  const double loss = replicas_.loss_and_gradient(batcher_, options_.shard, next_sequence_);
  next_sequence_ += options_.sequences;
  return loss;
}

void Trainer::apply_gradient() {
  optimiser_.step(parameters(), gradient(), options_.learning_rate.at(optimiser_.steps()));
}

double Trainer::step() {
  const double loss = compute_gradient();
  apply_gradient();
  return loss;
}

double Trainer::step(double learning_rate) {
  const double loss = compute_gradient();
  optimiser_.step(parameters(), gradient(), learning_rate);
  return loss;
}

double Trainer::validation_loss() {
  const std::size_t context = options_.shape.context;
  const std::size_t windows = (corpus_->validation.size() - 1) / context;
  Model& model = replicas_.model();
  double sum = 0;
  for (std::size_t first = 0; first < windows; first += model.max_sequences()) {
    const std::size_t count = std::min(model.max_sequences(), windows - first);
    const auto begin = corpus_->validation.begin() + static_cast<std::ptrdiff_t>(first * context);
    const auto end = begin + static_cast<std::ptrdiff_t>(count * context);
    sum += model.loss({{begin, end}, {begin + 1, end + 1}}) * static_cast<double>(count);
  }
  return sum / static_cast<double>(windows);
}

}  // namespace axs::learn
