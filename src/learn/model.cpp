#include "axs/learn/model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "axs/core/rng.h"
#include "axs/learn/attention.h"
#include "axs/learn/buffer.h"
#include "axs/learn/gemm.h"
#include "axs/learn/ops.h"

namespace axs::learn {

namespace {

/// Where the tensors of one layer begin in the flat buffer; qkv and gate_up are adjacent tensors
/// taken as one.
struct LayerOffsets {
  std::size_t norm1, qkv, output, norm2, gate_up, down;
};

struct Offsets {
  std::vector<LayerOffsets> layers;
  std::size_t norm{};
  std::size_t head{};  ///< That of the embedding, 0, if tied.
};

Offsets offsets_of(const ModelShape& shape) {
  const std::size_t width = shape.width;
  Offsets offsets;
  std::size_t at = shape.vocabulary * width;
  const auto take = [&](std::size_t size) { return std::exchange(at, at + size); };
  for (std::size_t layer = 0; layer < shape.layers; ++layer)
    offsets.layers.push_back({take(width), take((width + 2 * shape.kv_width()) * width),
                              take(width * width), take(width), take(2 * shape.hidden * width),
                              take(width * shape.hidden)});
  offsets.norm = take(width);
  offsets.head = shape.head == Head::tied ? 0 : take(shape.vocabulary * width);
  return offsets;
}

/// What the forward pass of a layer keeps for the backward pass.
struct LayerActivations {
  Buffer in, normed1, scale1, qkv, weights, attended, middle, normed2, scale2, gate_up;
};

/// A normal deviate (Box, Muller 1958); the two draws of its pair are used for one.
float normal(Rng& rng, double deviation) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - rng.uniform()));
  return static_cast<float>(deviation * radius * std::cos(2.0 * std::numbers::pi * rng.uniform()));
}

}  // namespace

struct Model::State {
  ModelShape shape;
  std::size_t max_sequences;
  Offsets offsets;
  Attention attention;
  Buffer parameters, gradient;
  std::vector<LayerActivations> layers;
  Buffer last, last_normed, last_scale, logits;
  Buffer d_stream, d_width, d_qkv, hidden, d_gate_up;

  State(const ModelShape& model_shape, std::size_t sequences)
      : shape{model_shape},
        max_sequences{sequences},
        offsets{offsets_of(shape)},
        attention{shape},
        parameters{parameter_count(shape)},
        gradient{parameter_count(shape)} {
    const std::size_t rows = sequences * shape.context;
    const std::size_t width = shape.width;
    const std::size_t qkv = width + 2 * shape.kv_width();
    for (std::size_t layer = 0; layer < shape.layers; ++layer)
      layers.push_back({Buffer{rows * width}, Buffer{rows * width}, Buffer{rows},
                        Buffer{rows * qkv}, Buffer{sequences * attention.weights_size()},
                        Buffer{rows * width}, Buffer{rows * width}, Buffer{rows * width},
                        Buffer{rows}, Buffer{rows * 2 * shape.hidden}});
    for (Buffer* buffer : {&last, &last_normed, &d_stream, &d_width})
      *buffer = Buffer{rows * width};
    last_scale = Buffer{rows};
    logits = Buffer{rows * shape.vocabulary};
    d_qkv = Buffer{rows * qkv};
    hidden = Buffer{rows * shape.hidden};
    d_gate_up = Buffer{rows * 2 * shape.hidden};
  }

  const float* parameter(std::size_t offset) const { return parameters.data() + offset; }
  float* d_parameter(std::size_t offset) { return gradient.data() + offset; }
  std::size_t qkv_width() const { return shape.width + 2 * shape.kv_width(); }
  RmsNorm norm(std::size_t offset, std::size_t rows) const {
    return {{rows, shape.width}, parameter(offset), static_cast<float>(shape.norm_epsilon)};
  }

  /// Fills logits.
  void forward(std::span<const std::uint8_t> inputs) {
    const std::size_t rows = inputs.size();
    AXS_ASSERT(rows % shape.context == 0 && rows <= max_sequences * shape.context);
    embed(inputs, parameter(0), layers[0].in.data(), shape.width);
    for (std::size_t layer = 0; layer < shape.layers; ++layer) {
      Buffer& out = layer + 1 < shape.layers ? layers[layer + 1].in : last;
      forward_attention(layers[layer], offsets.layers[layer], rows);
      forward_feed(layers[layer], offsets.layers[layer], out, rows);
    }
    rms_norm(norm(offsets.norm, rows), last.data(), last_normed.data(), last_scale.data());
    multiply_nt(last_normed.data(), parameter(offsets.head), logits.data(),
                {rows, shape.vocabulary, shape.width});
  }

  void forward_attention(LayerActivations& kept, const LayerOffsets& at, std::size_t rows) {
    const std::size_t width = shape.width;
    rms_norm(norm(at.norm1, rows), kept.in.data(), kept.normed1.data(), kept.scale1.data());
    multiply_nt(kept.normed1.data(), parameter(at.qkv), kept.qkv.data(),
                {rows, qkv_width(), width});
    attention.forward(kept.qkv.data(), kept.attended.data(), kept.weights.data(),
                      rows / shape.context);
    std::copy_n(kept.in.data(), rows * width, kept.middle.data());
    multiply_nt(kept.attended.data(), parameter(at.output), kept.middle.data(),
                {rows, width, width}, Store::add);
  }

  void forward_feed(LayerActivations& kept, const LayerOffsets& at, Buffer& out, std::size_t rows) {
    const std::size_t width = shape.width;
    rms_norm(norm(at.norm2, rows), kept.middle.data(), kept.normed2.data(), kept.scale2.data());
    multiply_nt(kept.normed2.data(), parameter(at.gate_up), kept.gate_up.data(),
                {rows, 2 * shape.hidden, width});
    swiglu(kept.gate_up.data(), hidden.data(), {rows, shape.hidden});
    std::copy_n(kept.middle.data(), rows * width, out.data());
    multiply_nt(hidden.data(), parameter(at.down), out.data(), {rows, width, shape.hidden},
                Store::add);
  }

  /// From the gradient of the logits, which has replaced them, to that of the parameters.
  void backward(std::span<const std::uint8_t> inputs) {
    const std::size_t rows = inputs.size();
    const std::size_t width = shape.width;
    multiply_tn(logits.data(), last_normed.data(), d_parameter(offsets.head),
                {shape.vocabulary, width, rows});
    multiply_nn(logits.data(), parameter(offsets.head), d_width.data(),
                {rows, width, shape.vocabulary});
    std::fill_n(d_stream.data(), rows * width, 0.0F);
    rms_norm_backward(norm(offsets.norm, rows), {last.data(), last_scale.data(), d_width.data()},
                      d_stream.data(), d_parameter(offsets.norm));
    for (std::size_t layer = shape.layers; layer-- > 0;) {
      backward_feed(layers[layer], offsets.layers[layer], rows);
      backward_attention(layers[layer], offsets.layers[layer], rows);
    }
    if (shape.head == Head::own) std::fill_n(gradient.data(), shape.vocabulary * width, 0.0F);
    embed_backward(inputs, d_stream.data(), gradient.data(), width);
  }

  void backward_feed(LayerActivations& kept, const LayerOffsets& at, std::size_t rows) {
    const std::size_t width = shape.width;
    multiply_nn(d_stream.data(), parameter(at.down), hidden.data(), {rows, shape.hidden, width});
    swiglu_backward(kept.gate_up.data(), hidden.data(), d_gate_up.data(), {rows, shape.hidden});
    multiply_tn(d_stream.data(), hidden.data(), d_parameter(at.down), {width, shape.hidden, rows});
    multiply_tn(d_gate_up.data(), kept.normed2.data(), d_parameter(at.gate_up),
                {2 * shape.hidden, width, rows});
    multiply_nn(d_gate_up.data(), parameter(at.gate_up), d_width.data(),
                {rows, width, 2 * shape.hidden});
    rms_norm_backward(norm(at.norm2, rows),
                      {kept.middle.data(), kept.scale2.data(), d_width.data()}, d_stream.data(),
                      d_parameter(at.norm2));
  }

  void backward_attention(LayerActivations& kept, const LayerOffsets& at, std::size_t rows) {
    const std::size_t width = shape.width;
    multiply_nn(d_stream.data(), parameter(at.output), d_width.data(), {rows, width, width});
    multiply_tn(d_stream.data(), kept.attended.data(), d_parameter(at.output),
                {width, width, rows});
    attention.backward({kept.qkv.data(), kept.weights.data(), d_width.data()}, d_qkv.data(),
                       rows / shape.context);
    multiply_tn(d_qkv.data(), kept.normed1.data(), d_parameter(at.qkv), {qkv_width(), width, rows});
    multiply_nn(d_qkv.data(), parameter(at.qkv), d_width.data(), {rows, width, qkv_width()});
    rms_norm_backward(norm(at.norm1, rows), {kept.in.data(), kept.scale1.data(), d_width.data()},
                      d_stream.data(), d_parameter(at.norm1));
  }
};

Model::Model(const ModelShape& shape, std::size_t sequences, std::uint64_t seed)
    : state_{std::make_unique<State>(shape, sequences)} {
  AXS_ASSERT(check_shape(shape).has_value());
  init_parameters(shape, seed, parameters());
}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const ModelShape& Model::shape() const {
  return state_->shape;
}
std::size_t Model::max_sequences() const {
  return state_->max_sequences;
}
std::span<float> Model::parameters() {
  return state_->parameters.span();
}
std::span<const float> Model::parameters() const {
  return std::as_const(*state_).parameters.span();
}
std::span<float> Model::gradient() {
  return state_->gradient.span();
}

double Model::loss(const Batch& batch) {
  AXS_ASSERT(batch.inputs.size() == batch.targets.size());
  state_->forward(batch.inputs);
  const double sum = cross_entropy(state_->logits.data(), batch.targets, state_->shape.vocabulary);
  return sum / static_cast<double>(batch.targets.size());
}

double Model::loss_and_gradient(const Batch& batch) {
  const double mean = loss(batch);
  state_->backward(batch.inputs);
  return mean;
}

std::span<const float> Model::logits(std::span<const std::uint8_t> inputs) {
  state_->forward(inputs);
  return state_->logits.span().first(inputs.size() * state_->shape.vocabulary);
}

void init_parameters(const ModelShape& shape, std::uint64_t seed, std::span<float> out) {
  const double residual = 0.02 / std::sqrt(2.0 * static_cast<double>(shape.layers));
  std::uint64_t stream = 0;
  for (const auto& tensor : parameter_tensors(shape)) {
    Rng rng = Rng{seed}.fork(stream++);
    const auto values = out.first(tensor.size);
    out = out.subspan(tensor.size);
    const bool writes_residual =
        tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
    if (tensor_dimensions(shape, tensor).size() == 1)
      std::ranges::fill(values, 1.0F);
    else
      for (float& value : values) value = normal(rng, writes_residual ? residual : 0.02);
  }
}

}  // namespace axs::learn
