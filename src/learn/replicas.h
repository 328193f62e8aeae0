#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/learn/batcher.h"
#include "axs/learn/model.h"

namespace axs::learn {

/// How a step's sequences are dealt out within a worker.
struct ReplicaWork {
  std::size_t micro_batch{};  ///< sequences
  /// Of each replica, one after the other: their gradients are summed. No replica: all sequences
  /// are computed at once.
  std::vector<std::uint32_t> micro_batches{};

  std::size_t total() const;
};

/// Replicas of a model in one process, each on a thread of its own: data parallelism within a site.
/// The parameters of the first are those that train; the others take them over for each step.
/// Gradients are summed in the order of micro-batches and replicas, so that the bits do not depend
/// on who is first.
class Replicas {
 public:
  Replicas(const ModelShape& shape, ReplicaWork work, std::size_t sequences, std::uint64_t seed);

  Model& model() { return models_.front(); }
  const Model& model() const { return models_.front(); }

  /// As Model::loss_and_gradient() over the sequences of a step from `first` on; the gradient is
  /// then in model().
  double loss_and_gradient(Batcher& batcher, std::uint32_t shard, std::uint64_t first);

 private:
  double run(std::size_t replica, std::span<const Batch> batches);

  ReplicaWork work_;
  std::vector<Model> models_;
  std::vector<std::vector<float>> sums_;  ///< by replica, of those with more than one micro-batch
};

}  // namespace axs::learn
