#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "axs/core/result.h"
#include "axs/learn/adamw.h"
#include "axs/learn/batcher.h"
#include "axs/learn/corpus.h"
#include "axs/learn/model.h"
#include "axs/learn/replicas.h"
#include "axs/learn/schedule.h"

namespace axs::learn {

/// Everything that decides what a worker computes.
struct TrainerOptions {
  ModelShape shape;
  AdamWRule optimiser;
  LearningRate learning_rate;
  std::uint64_t seed{};      ///< Of the initial parameters and of the order of the text.
  std::uint32_t shards{1};   ///< Parts of the text, one per site.
  std::uint32_t shard{};     ///< The part that this worker reads.
  std::size_t sequences{4};  ///< Read by this worker in one step.
  ReplicaWork work{};        ///< Who computes them.
};

/// One worker's training: model, optimiser and place in the text.
class Trainer {
 public:
  /// Error if the shape is wrong or the corpus too small. The corpus is shared, not copied.
  static Result<Trainer> create(std::shared_ptr<const Corpus> corpus,
                                const TrainerOptions& options);

  /// One inner step on the next sequences of the shard; the mean loss of the batch before the
  /// update.
  double step();
  /// The same at a learning rate that the caller knows better.
  double step(double learning_rate);

  /// The two halves of step(), for every-step synchronisation: the gradient that
  /// compute_gradient() leaves in gradient() may be averaged over the sites in between.
  double compute_gradient();
  std::span<float> gradient() { return replicas_.model().gradient(); }
  void apply_gradient();

  /// The mean loss over the whole validation text, read in windows of one context without overlap.
  double validation_loss();

  std::span<float> parameters() { return replicas_.model().parameters(); }
  std::span<const float> parameters() const { return replicas_.model().parameters(); }
  const TrainerOptions& options() const { return options_; }
  const Corpus& corpus() const { return *corpus_; }
  AdamW& optimiser() { return optimiser_; }
  const AdamW& optimiser() const { return optimiser_; }
  /// Inner steps done.
  std::uint64_t steps() const { return optimiser_.steps(); }
  /// The number of the sequence that the next step begins with.
  std::uint64_t next_sequence() const { return next_sequence_; }
  void set_next_sequence(std::uint64_t n) { next_sequence_ = n; }

 private:
  Trainer(std::shared_ptr<const Corpus> corpus, const TrainerOptions& options, Batcher batcher);

  std::shared_ptr<const Corpus> corpus_;
  TrainerOptions options_;
  Batcher batcher_;
  Replicas replicas_;
  AdamW optimiser_;
  std::uint64_t next_sequence_{};
};

}  // namespace axs::learn
