#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "axs/learn/model_shape.h"

namespace axs::learn {

/// Whole sequences of byte tokens: row r holds inputs[r * context ...] and, one later in the text,
/// what is to be predicted.
struct Batch {
  std::vector<std::uint8_t> inputs;
  std::vector<std::uint8_t> targets;
};

/// A Llama-type decoder with its parameters and their gradient, each in one flat fp32 buffer laid
/// out as parameter_tensors() says. Forward and backward are written out by hand: one thread, no
/// allocation after construction, the same bits for the same input on the same machine.
class Model {
 public:
  /// Parameters are drawn as init_parameters() says. `sequences` is the largest batch.
  Model(const ModelShape& shape, std::size_t sequences, std::uint64_t seed);
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelShape& shape() const;
  std::size_t max_sequences() const;
  std::span<float> parameters();
  std::span<const float> parameters() const;
  std::span<float> gradient();

  /// The mean cross-entropy (nats per token) of the batch.
  double loss(const Batch& batch);
  /// The same, and writes the gradient.
  double loss_and_gradient(const Batch& batch);
  /// The logits (tokens, vocabulary) for whole sequences; valid until the next call.
  std::span<const float> logits(std::span<const std::uint8_t> inputs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Matrices are normal with deviation 0.02, those that write into the residual stream 0.02 /
/// sqrt(2 layers) (GPT-2), norms are 1. A function of shape and seed alone, so every site starts
/// with the same bits.
void init_parameters(const ModelShape& shape, std::uint64_t seed, std::span<float> out);

}  // namespace axs::learn
