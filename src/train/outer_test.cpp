#include "axs/train/outer.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <vector>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::train;

namespace {

std::vector<float> random_values(Rng& rng, std::size_t n) {
  std::vector<float> values(n);
  for (float& v : values) v = static_cast<float>(rng.uniform() - 0.5);
  return values;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

TEST_CASE("outer: merge is the token-weighted mean, bit for bit in site order") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const std::size_t sites = 1 + rng.below(5);
    const std::size_t n = rng.below(70);
    std::vector<std::vector<float>> deltas;
    std::vector<std::uint64_t> tokens;
    for (std::size_t s = 0; s < sites; ++s) {
      deltas.push_back(random_values(rng, n));
      tokens.push_back(s == 0 ? 1 + rng.below(1000) : rng.below(1000));
    }
    double total = 0;
    for (const auto t : tokens) total += static_cast<double>(t);
    std::vector<float> out(n, 7.0F);
    merge(std::vector<std::span<const float>>(deltas.begin(), deltas.end()), tokens, out);
    for (std::size_t i = 0; i < n; ++i) {
      volatile float sum = 0;  // One rounding per operation, as the contract says.
      for (std::size_t s = 0; s < sites; ++s) {
        const auto share = static_cast<float>(static_cast<double>(tokens[s]) / total);
        const volatile float term = share * deltas[s][i];
        sum = sum + term;
      }
      RC_ASSERT(std::bit_cast<std::uint32_t>(out[i]) ==
                std::bit_cast<std::uint32_t>(static_cast<float>(sum)));
    }
  }));
}

TEST_CASE("outer: a site without tokens is not read, whatever it holds") {
  const std::vector<float> good{1, 2}, broken{std::nanf(""), INFINITY};
  const std::array<std::span<const float>, 2> deltas{good, broken};
  std::vector<float> out(2);
  merge(deltas, std::array<std::uint64_t, 2>{5, 0}, out);
  CHECK(same_bits(out, good));
}

TEST_CASE("outer: the step follows torch.optim.SGD") {
  // torch.optim.SGD(lr=0.5, momentum=0.25, nesterov=True) on p = 1 with gradients 1, then 2:
  // b = 1, p = 1 - 0.5 * 1.25 = 0.375; b = 2.25, p = 0.375 - 0.5 * 2.5625 = -0.90625.
  std::vector<float> p{1}, b{0};
  const OuterRule rule{.learning_rate = 0.5F, .momentum = 0.25F, .kind = Momentum::nesterov};
  outer_step(p, b, std::vector<float>{1}, rule);
  CHECK(p[0] == 0.375F);
  outer_step(p, b, std::vector<float>{2}, rule);
  CHECK(p[0] == -0.90625F);
  CHECK(b[0] == 2.25F);

  // nesterov=False: p = 1 - 0.5 = 0.5; b = 2.25, p = 0.5 - 1.125.
  p = {1}, b = {0};
  outer_step(p, b, std::vector<float>{1}, {0.5F, 0.25F, Momentum::plain});
  outer_step(p, b, std::vector<float>{2}, {0.5F, 0.25F, Momentum::plain});
  CHECK(p[0] == -0.625F);
}

TEST_CASE("outer: averaging alone gives the mean of the sites' parameters") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const std::size_t n = 1 + rng.below(40);
    const auto start = random_values(rng, n);
    const auto a = random_values(rng, n), b = random_values(rng, n);
    std::vector<float> delta_a(n), delta_b(n), merged(n), momentum(n);
    pseudo_gradient(start, a, delta_a);
    pseudo_gradient(start, b, delta_b);
    const std::array<std::span<const float>, 2> deltas{delta_a, delta_b};
    merge(deltas, std::array<std::uint64_t, 2>{3, 1}, merged);
    auto params = start;
    outer_step(params, momentum, merged, {.learning_rate = 1, .momentum = 0});
    for (std::size_t i = 0; i < n; ++i)
      RC_ASSERT(std::abs(params[i] - (0.75F * a[i] + 0.25F * b[i])) < 1e-6F);
  }));
}

TEST_CASE("outer: a site that did nothing meanwhile adopts the shared values exactly") {
  Rng rng{3};
  const auto shared = random_values(rng, 33), sent = random_values(rng, 33);
  auto local = sent;
  adopt(shared, sent, local);
  CHECK(same_bits(local, shared));
  local = {3.0F};
  adopt(std::vector<float>{1.0F}, std::vector<float>{2.5F}, local);
  CHECK(local[0] == 1.5F);
}
