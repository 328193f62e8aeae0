#include "axs/learn/replicas.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "axs/learn/gemm.h"

namespace axs::learn {

namespace {

void add(std::span<const float> values, std::span<float> sum) {
  std::ranges::transform(values, sum, sum.begin(), std::plus{});
}

}  // namespace

std::size_t ReplicaWork::total() const {
  return std::accumulate(micro_batches.begin(), micro_batches.end(), std::size_t{0});
}

Replicas::Replicas(const ModelShape& shape, ReplicaWork work, std::size_t sequences,
                   std::uint64_t seed)
    : work_{std::move(work)} {
  if (work_.micro_batches.empty()) work_ = {sequences, {1}};
  for (const std::uint32_t count : work_.micro_batches) {
    models_.emplace_back(shape, work_.micro_batch, seed);
    sums_.emplace_back(count > 1 ? models_.back().gradient().size() : 0);
  }
}

double Replicas::loss_and_gradient(Batcher& batcher, std::uint32_t shard, std::uint64_t first) {
  std::vector<Batch> batches;
  for (std::size_t i = 0; i < work_.total(); ++i, first += work_.micro_batch)
    batches.push_back(batcher.batch(shard, first, work_.micro_batch));
  std::vector<double> losses(models_.size());
  {
    std::vector<std::jthread> others;
    std::span<const Batch> rest{batches};
    const auto own = rest.first(work_.micro_batches.front());
    for (std::size_t r = 1; r < models_.size(); ++r) {
      rest = rest.subspan(work_.micro_batches[r - 1]);
      std::ranges::copy(model().parameters(), models_[r].parameters().begin());
      others.emplace_back([this, r, &losses, its = rest.first(work_.micro_batches[r])] {
        use_threads(1);
        losses[r] = run(r, its);
      });
    }
    losses[0] = run(0, own);
  }
  if (batches.size() == 1) return losses[0];
  for (std::size_t r = 1; r < models_.size(); ++r) add(models_[r].gradient(), model().gradient());
  const auto count = static_cast<float>(batches.size());
  for (float& value : model().gradient()) value /= count;
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(batches.size());
}

/// The sums over the micro-batches of one replica; that of the gradients is in its model then.
double Replicas::run(std::size_t replica, std::span<const Batch> batches) {
  Model& model = models_[replica];
  double loss = 0;
  std::vector<float>& sum = sums_[replica];
  std::ranges::fill(sum, 0.0F);
  for (const Batch& batch : batches) {
    loss += model.loss_and_gradient(batch);
    if (!sum.empty()) add(model.gradient(), sum);
  }
  if (!sum.empty()) std::ranges::copy(sum, model.gradient().begin());
  return loss;
}

}  // namespace axs::learn
