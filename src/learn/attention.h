#pragma once

#include <cstddef>

#include "axs/learn/buffer.h"
#include "axs/learn/model_shape.h"

namespace axs::learn {

/// Causal grouped-query attention with rotary positions (RoPE, Su et al. 2021, in the rotate-half
/// form of `transformers`), forward and backward. Rows of `qkv` hold all query heads, then the key
/// heads, then the value heads.
class Attention {
 public:
  explicit Attention(const ModelShape& shape);

  /// Values that forward() writes into `weights` per sequence: the attention weights, for
  /// backward().
  std::size_t weights_size() const;

  /// out (sequences * context, width) from qkv (sequences * context, width + 2 kv_width).
  void forward(const float* qkv, float* out, float* weights, std::size_t sequences);

  struct Saved {
    const float* qkv{};
    const float* weights{};
    const float* d_out{};
  };
  /// Writes the gradient of qkv.
  void backward(Saved saved, float* d_qkv, std::size_t sequences);

 private:
  /// The columns of one head in a row, and what its values are multiplied by on the way.
  struct Columns {
    std::size_t stride{};
    std::size_t first{};
    float factor{};
  };
  Columns query(std::size_t head) const;
  Columns key(std::size_t head) const;
  Columns value(std::size_t head) const;

  void load(const float* rows, Columns columns, float* out) const;
  void load_rotated(const float* rows, Columns columns, float* out) const;
  void store(const float* in, Columns columns, float* rows) const;
  /// The transpose of load_rotated().
  void store_rotated_back(const float* in, Columns columns, float* rows) const;
  void backward_group(const Saved& saved, std::size_t kv_head, float* d_qkv);

  std::size_t padded() const { return (shape_.context + 15) / 16 * 16; }
  std::size_t row_width() const { return shape_.width + 2 * shape_.kv_width(); }

  ModelShape shape_;
  Buffer cos_, sin_;  ///< (context, head_width / 2)
  /// One head, (padded context, head width). The rows beyond the context take part and come to
  /// nothing, because in all inputs they stay 0.
  Buffer q_, k_, v_, d_out_;
  Buffer out_, d_q_, d_k_, d_v_;
  Buffer transposed_;  ///< (head width, padded context)
  Buffer scores_;      ///< (padded context, padded context)
};

}  // namespace axs::learn
