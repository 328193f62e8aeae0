#include "axs/learn/replicas.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/learn/distance_testing.h"

using namespace axs;
using namespace axs::learn;

namespace {

const ModelShape shape{
    .layers = 1, .width = 32, .heads = 2, .kv_heads = 1, .hidden = 64, .context = 16};
constexpr std::size_t sequences = 8;

std::vector<std::uint8_t> text() {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 20'000; ++i) bytes.push_back(static_cast<std::uint8_t>(i * i % 251));
  return bytes;
}

struct Step {
  double loss;
  std::vector<float> gradient;
};

Step step(const ReplicaWork& work, std::uint64_t first = 8) {
  const auto bytes = text();
  auto batcher = *Batcher::create(bytes, {.seed = 1, .shards = 1, .context = shape.context});
  Replicas replicas{shape, work, sequences, 3};
  // The others take over what the first has come to.
  for (float& value : replicas.model().parameters()) value *= 1.25F;
  const double loss = replicas.loss_and_gradient(batcher, 0, first);
  const auto gradient = replicas.model().gradient();
  return {loss, {gradient.begin(), gradient.end()}};
}

}  // namespace

TEST_CASE("replicas: shares of any size come to the gradient of the whole batch") {
  const Step whole = step({});
  for (const ReplicaWork& work :
       {ReplicaWork{2, {4}}, ReplicaWork{2, {3, 1}}, ReplicaWork{1, {1, 5, 2}}}) {
    const Step dealt = step(work);
    CHECK(dealt.loss == doctest::Approx(whole.loss).epsilon(1e-6));
    CHECK(distance(dealt.gradient, whole.gradient) < 1e-5);
  }
  CHECK(distance(step({}, 16).gradient, whole.gradient) > 1e-2);
}

TEST_CASE("replicas: the bits do not depend on which is first") {
  const Step once = step({1, {2, 4, 2}});
  for (int i = 0; i < 5; ++i) CHECK(step({1, {2, 4, 2}}).gradient == once.gradient);
}
