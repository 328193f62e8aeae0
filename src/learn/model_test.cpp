#include "axs/learn/model.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "axs/core/rng.h"
#include "axs/learn/buffer.h"
#include "axs/learn/fast_exp.h"
#include "axs/learn/gemm.h"

using namespace axs;
using namespace axs::learn;

namespace {

ModelShape small_shape() {
  // Grouped queries, a context that is no multiple of the vector width, two layers.
  return {.vocabulary = 40,
          .layers = 2,
          .width = 64,
          .heads = 4,
          .kv_heads = 2,
          .hidden = 48,
          .context = 21,
          .head = Head::own};
}

Batch random_batch(const ModelShape& shape, std::size_t sequences, std::uint64_t seed) {
  Rng rng{seed};
  Batch batch;
  for (std::size_t i = 0; i < sequences * shape.context; ++i) {
    batch.inputs.push_back(static_cast<std::uint8_t>(rng.below(shape.vocabulary)));
    batch.targets.push_back(static_cast<std::uint8_t>(rng.below(shape.vocabulary)));
  }
  return batch;
}

at::Tensor to_tensor(std::span<const std::uint8_t> tokens) {
  std::vector<std::int64_t> wide(tokens.begin(), tokens.end());
  return at::tensor(wide, at::kLong);
}

/// The oracle: the same model as plain torch operations in double, differentiated by autograd.
class Reference {
 public:
  Reference(const ModelShape& shape, std::span<const float> parameters) : shape_{shape} {
    for (const auto& tensor : parameter_tensors(shape)) {
      const auto dimensions = tensor_dimensions(shape, tensor);
      const std::vector<std::int64_t> sizes(dimensions.begin(), dimensions.end());
      std::vector<double> values(parameters.begin(),
                                 parameters.begin() + static_cast<std::ptrdiff_t>(tensor.size));
      parameters = parameters.subspan(tensor.size);
      leaves_.push_back(at::tensor(values, at::kDouble).view(sizes).requires_grad_(true));
    }
  }

  at::Tensor logits(std::span<const std::uint8_t> inputs) {
    at::Tensor stream = leaves_[0].index_select(0, to_tensor(inputs));
    const auto batch = static_cast<std::int64_t>(inputs.size() / shape_.context);
    stream = stream.view({batch, size(shape_.context), size(shape_.width)});
    for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
      const at::Tensor* p = &leaves_[1 + 9 * layer];
      stream = stream + attention(norm(stream, p[0]), p + 1).matmul(p[4].t());
      const auto normed = norm(stream, p[5]);
      stream =
          stream + (at::silu(normed.matmul(p[6].t())) * normed.matmul(p[7].t())).matmul(p[8].t());
    }
    const auto last = norm(stream, leaves_[1 + 9 * shape_.layers]);
    const auto& head = shape_.head == Head::tied ? leaves_[0] : leaves_.back();
    return last.matmul(head.t()).view({-1, size(shape_.vocabulary)});
  }

  double loss_and_gradient(const Batch& batch) {
    const auto loss = at::cross_entropy_loss(logits(batch.inputs), to_tensor(batch.targets));
    loss.backward();
    return loss.item<double>();
  }

  std::vector<double> gradient() const {
    std::vector<double> out;
    for (const auto& leaf : leaves_) {
      const auto flat = leaf.grad().contiguous();
      out.insert(out.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
    }
    return out;
  }

 private:
  static std::int64_t size(std::size_t n) { return static_cast<std::int64_t>(n); }

  at::Tensor norm(const at::Tensor& x, const at::Tensor& weight) const {
    return x * (x.square().mean(-1, true) + shape_.norm_epsilon).rsqrt() * weight;
  }

  at::Tensor heads_of(const at::Tensor& x, std::size_t heads) const {
    return x.view({x.size(0), x.size(1), size(heads), size(shape_.head_width())}).transpose(1, 2);
  }

  at::Tensor rotate(const at::Tensor& x) const {
    const auto half = size(shape_.head_width() / 2);
    const auto frequency =
        at::pow(shape_.rope_base, at::arange(half, at::kDouble) / -static_cast<double>(half));
    const auto angle = at::outer(at::arange(size(shape_.context), at::kDouble), frequency);
    const auto cos = at::cat({angle.cos(), angle.cos()}, 1);
    const auto sin = at::cat({angle.sin(), angle.sin()}, 1);
    const auto turned = at::cat({-x.slice(-1, half), x.slice(-1, 0, half)}, -1);
    return x * cos + turned * sin;
  }

  at::Tensor attention(const at::Tensor& x, const at::Tensor* p) const {
    const auto group = size(shape_.heads / shape_.kv_heads);
    const auto q = rotate(heads_of(x.matmul(p[0].t()), shape_.heads));
    const auto k =
        rotate(heads_of(x.matmul(p[1].t()), shape_.kv_heads)).repeat_interleave(group, 1);
    const auto v = heads_of(x.matmul(p[2].t()), shape_.kv_heads).repeat_interleave(group, 1);
    const auto scale = 1.0 / std::sqrt(static_cast<double>(shape_.head_width()));
    const auto context = size(shape_.context);
    const auto future = at::ones({context, context}, at::kBool).triu(1);
    const auto scores = (q.matmul(k.transpose(-1, -2)) * scale).masked_fill(future, -INFINITY);
    return scores.softmax(-1).matmul(v).transpose(1, 2).reshape(x.sizes());
  }

  ModelShape shape_;
  std::vector<at::Tensor> leaves_;
};

/// The largest difference, as a share of the largest value.
double difference(std::span<const float> seen, std::span<const double> wanted) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(seen[i]) - wanted[i]));
    largest = std::max(largest, std::abs(wanted[i]));
  }
  return worst / largest;
}

void check_against_reference(const ModelShape& shape) {
  use_threads(1);
  Model model{shape, 3, 5};
  // As drawn, attention is almost uniform; larger weights make every path matter.
  Rng rng{11};
  for (float& p : model.parameters()) p = p * 3.0F + static_cast<float>(rng.uniform() - 0.5) * 0.1F;
  const Batch batch = random_batch(shape, 3, 9);
  Reference reference{shape, model.parameters()};
  const double wanted = reference.loss_and_gradient(batch);
  CHECK(model.loss(batch) == doctest::Approx(wanted).epsilon(1e-5));
  CHECK(model.loss_and_gradient(batch) == doctest::Approx(wanted).epsilon(1e-5));
  const auto gradient = reference.gradient();
  std::size_t begin = 0;
  for (const auto& tensor : parameter_tensors(shape)) {
    CAPTURE(tensor.name);
    CHECK(difference(model.gradient().subspan(begin, tensor.size),
                     std::span{gradient}.subspan(begin, tensor.size)) < 5e-5);
    begin += tensor.size;
  }
}

}  // namespace

TEST_CASE("model: loss and every gradient agree with autograd in double") {
  auto shape = small_shape();
  SUBCASE("own head, grouped queries") {
    check_against_reference(shape);
  }
  SUBCASE("tied head, a key head per query head") {
    shape.head = Head::tied;
    shape.kv_heads = 4;
    check_against_reference(shape);
  }
  SUBCASE("one key head for all, context of one vector") {
    shape.kv_heads = 1;
    shape.context = 16;
    check_against_reference(shape);
  }
}

TEST_CASE("model: a smaller batch after a larger one is not touched by what is left over") {
  const auto shape = small_shape();
  Model used{shape, 3, 5}, fresh{shape, 3, 5};
  used.loss_and_gradient(random_batch(shape, 3, 1));
  const Batch batch = random_batch(shape, 1, 2);
  CHECK(used.loss_and_gradient(batch) == fresh.loss_and_gradient(batch));
  CHECK(std::ranges::equal(used.gradient(), fresh.gradient()));
}

TEST_CASE("model: a token never sees what comes after it") {
  const auto shape = small_shape();
  Model model{shape, 1, 5};
  auto tokens = random_batch(shape, 1, 3).inputs;
  const auto view = model.logits(tokens);
  const std::vector<float> before(view.begin(), view.end());
  tokens[10] ^= 1;
  const auto after = model.logits(tokens);
  const auto width = static_cast<std::ptrdiff_t>(shape.vocabulary);
  CHECK(std::equal(before.begin(), before.begin() + 10 * width, after.begin()));
  CHECK_FALSE(std::equal(before.begin() + 10 * width, before.end(), after.begin() + 10 * width));
}

TEST_CASE("model: initial parameters are a function of the seed") {
  const auto shape = *preset_shape("llama-shakespeare");
  CHECK(parameter_count(shape) == 812'160);
  CHECK(parameter_count(*preset_shape("llama-1m")) == 1'017'216);
  std::vector<float> a(parameter_count(shape)), b(a.size()), c(a.size());
  init_parameters(shape, 1, a);
  init_parameters(shape, 1, b);
  init_parameters(shape, 2, c);
  CHECK(a == b);
  CHECK(a != c);
  double squares = 0;
  const std::size_t embedding = shape.vocabulary * shape.width;
  for (std::size_t i = 0; i < embedding; ++i) squares += static_cast<double>(a[i]) * a[i];
  CHECK(std::sqrt(squares / static_cast<double>(embedding)) == doctest::Approx(0.02).epsilon(0.02));
}

TEST_CASE("model: shapes that cannot work are refused") {
  auto shape = small_shape();
  shape.heads = 3;
  CHECK(check_shape(shape).error().what == "model: width 64, want a multiple of heads");
  shape = small_shape();
  shape.kv_heads = 3;
  CHECK_FALSE(check_shape(shape));
  shape = small_shape();
  shape.context = 0;
  CHECK_FALSE(check_shape(shape));
  shape = small_shape();
  shape.heads = shape.kv_heads = 8;
  CHECK_FALSE(check_shape(shape));
  CHECK_FALSE(preset_shape("gpt-5"));
}

TEST_CASE("model: fast_exp is exp") {
  for (float x = -87; x < 88; x += 0.0137F) {
    const double wanted = std::exp(static_cast<double>(x));
    CHECK(std::abs(static_cast<double>(fast_exp(x)) - wanted) < 3e-7 * wanted);
  }
  CHECK(fast_exp(-1e30F) < 1e-37F);
}
