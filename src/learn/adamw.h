#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/learn/buffer.h"
#include "axs/learn/model_shape.h"
#include "axs/train/fragments.h"

namespace axs::learn {

struct AdamWRule {
  float beta1{0.9F};
  float beta2{0.99F};
  float epsilon{1e-8F};
  float weight_decay{0.1F};
  float clip{1.0F};  ///< Largest norm of the whole gradient.
};

/// AdamW (Loshchilov, Hutter 2019) as torch.optim.AdamW defines it, on flat buffers, after clipping
/// the gradient by its global norm as torch.nn.utils.clip_grad_norm_ does. Matrices decay, vectors
/// do not.
class AdamW {
 public:
  AdamW(const ModelShape& shape, const AdamWRule& rule);

  /// One update of `params` by `gradient` at this learning rate. Returns the norm before clipping.
  double step(std::span<float> params, std::span<const float> gradient, double learning_rate);

  std::uint64_t steps() const { return steps_; }
  /// The moments, for checkpoints.
  std::span<float> first_moment() { return first_.span(); }
  std::span<float> second_moment() { return second_.span(); }
  std::span<const float> first_moment() const { return first_.span(); }
  std::span<const float> second_moment() const { return second_.span(); }
  void set_steps(std::uint64_t steps) { steps_ = steps; }

 private:
  AdamWRule rule_;
  std::vector<train::FlatRange> decayed_, plain_;
  Buffer first_, second_;
  std::uint64_t steps_{};
};

}  // namespace axs::learn
