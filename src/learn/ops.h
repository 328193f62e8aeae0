#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The layers of the model that are not matrix products, forward and backward, each one pass over
/// its data. Activations are row-major (rows, width) with rows = sequences * context; every width
/// is a multiple of 16 and every buffer is aligned for vectors.
namespace axs::learn {

/// An activation with its sizes.
struct Extent {
  std::size_t rows{};
  std::size_t width{};
};

/// Copies the embedding row of each token into `out` (tokens, width).
void embed(std::span<const std::uint8_t> tokens, const float* table, float* out, std::size_t width);
/// Adds each row of `d_out` to the gradient of its token's embedding.
void embed_backward(std::span<const std::uint8_t> tokens, const float* d_out, float* d_table,
                    std::size_t width);

/// RMSNorm (Zhang, Sennrich 2019): out = in / sqrt(mean(in^2) + epsilon) * weight.
struct RmsNorm {
  Extent extent;
  const float* weight{};
  float epsilon{};
};
/// Keeps the reciprocal root mean square of each row in `scale` (rows).
void rms_norm(const RmsNorm& norm, const float* in, float* out, float* scale);

/// What rms_norm_backward reads of the forward pass, and the gradient of its output.
struct RmsNormSaved {
  const float* in{};
  const float* scale{};
  const float* d_out{};
};
/// Adds the gradient of the input to `d_in` and writes that of the weight to `d_weight`.
void rms_norm_backward(const RmsNorm& norm, const RmsNormSaved& saved, float* d_in,
                       float* d_weight);

/// SwiGLU (Shazeer 2020): out = silu(gate) * up. A row of `gate_up` holds gate, then up; extent is
/// that of `out`.
void swiglu(const float* gate_up, float* out, Extent extent);
/// Replaces `d_out` by the output of the forward pass, which the next product needs, and writes the
/// gradient of `gate_up`.
void swiglu_backward(const float* gate_up, float* d_out, float* d_gate_up, Extent extent);

/// Replaces logits by the gradient of the mean cross-entropy (nats) against `targets`; returns the
/// sum of the cross-entropy over the rows.
double cross_entropy(float* logits, std::span<const std::uint8_t> targets, std::size_t classes);

}  // namespace axs::learn
