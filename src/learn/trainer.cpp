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
      model_{options.shape, options.sequences, options.seed},
      optimiser_{options.shape, options.optimiser} {}

double Trainer::compute_gradient() {
  const Batch batch = batcher_.batch(options_.shard, next_sequence_, options_.sequences);
  next_sequence_ += options_.sequences;
  return model_.loss_and_gradient(batch);
}

void Trainer::apply_gradient() {
  optimiser_.step(model_.parameters(), model_.gradient(),
                  options_.learning_rate.at(optimiser_.steps()));
}

double Trainer::step() {
  const double loss = compute_gradient();
  apply_gradient();
  return loss;
}

double Trainer::step(double learning_rate) {
  const double loss = compute_gradient();
  optimiser_.step(model_.parameters(), model_.gradient(), learning_rate);
  return loss;
}

double Trainer::validation_loss() {
  const std::size_t context = options_.shape.context;
  const std::size_t windows = (corpus_->validation.size() - 1) / context;
  double sum = 0;
  for (std::size_t first = 0; first < windows; first += options_.sequences) {
    const std::size_t count = std::min(options_.sequences, windows - first);
    const auto begin = corpus_->validation.begin() + static_cast<std::ptrdiff_t>(first * context);
    const auto end = begin + static_cast<std::ptrdiff_t>(count * context);
    sum += model_.loss({{begin, end}, {begin + 1, end + 1}}) * static_cast<double>(count);
  }
  return sum / static_cast<double>(windows);
}

}  // namespace axs::learn
