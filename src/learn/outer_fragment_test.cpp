#include "axs/learn/outer_fragment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "axs/codec/gradient_codec.h"
#include "axs/core/rng.h"

using namespace axs;
using namespace axs::learn;

namespace {

constexpr std::size_t size = 700;
constexpr train::OuterRule rule{.learning_rate = 0.8F, .momentum = 0.5F};
/// Two ranges of a model of 1,000 values.
const train::Fragment ranges{{100, 300}, {500, 400}};

std::vector<float> random_model(std::uint64_t seed) {
  Rng rng{seed};
  std::vector<float> flat(1'000);
  for (float& value : flat) value = static_cast<float>(rng.uniform() - 0.5);
  return flat;
}

std::vector<float> part_of(const std::vector<float>& flat) {
  std::vector<float> part(size);
  train::gather(flat, ranges, part);
  return part;
}

void train_on(std::vector<float>& flat, std::uint64_t seed) {
  const auto by = random_model(seed);
  for (std::size_t i = 0; i < flat.size(); ++i) flat[i] += 0.1F * by[i];
}

/// The outer loop of one fragment in the simplest words, one value after the other.
struct Reference {
  std::vector<float> shared, momentum = std::vector<float>(size), residual = momentum;

  ByteVector encode(const std::vector<float>& local, std::vector<float>& residual_after) const {
    std::vector<float> delta(size);
    for (std::size_t i = 0; i < size; ++i) delta[i] = shared[i] - local[i];
    residual_after = residual;
    ByteVector codes;
    REQUIRE(codec::encode_quant4(delta, residual_after, codes));
    return codes;
  }
  void merge(const std::vector<OuterFragment::Part>& parts) {
    double total = 0;
    for (const auto& part : parts) total += static_cast<double>(part.tokens);
    std::vector<float> sum(size), decoded(size);
    for (const auto& part : parts) {
      REQUIRE(codec::decode_gradient(part.codes, decoded));
      const auto share = static_cast<float>(static_cast<double>(part.tokens) / total);
      for (std::size_t i = 0; i < size; ++i) sum[i] += share * decoded[i];
    }
    for (std::size_t i = 0; i < size; ++i) {
      momentum[i] = rule.momentum * momentum[i] + sum[i];
      shared[i] -= rule.learning_rate * (sum[i] + rule.momentum * momentum[i]);
    }
  }
};

ByteVector codes_of_another() {
  OuterFragment other{ranges, random_model(1)};
  auto flat = random_model(1);
  train_on(flat, 90);
  REQUIRE(other.capture(flat));
  return {other.codes().begin(), other.codes().end()};
}

/// A site captures, computes on, and hears what was decided; then once more.
void compare_with_reference(OuterFragment::Own own) {
  auto flat = random_model(1);
  OuterFragment fragment{ranges, flat};
  Reference reference{part_of(flat)};
  const ByteVector others = codes_of_another();
  for (std::uint64_t round = 0; round < 4; ++round) {
    train_on(flat, 10 + round);
    const auto sent = part_of(flat);
    std::vector<float> residual_after;
    const ByteVector codes = reference.encode(sent, residual_after);
    REQUIRE(fragment.capture(flat));
    CHECK(ByteVector(fragment.codes().begin(), fragment.codes().end()) == codes);
    train_on(flat, 20 + round);
    const auto now = part_of(flat);
    const auto before = reference.shared;

    std::vector<OuterFragment::Part> parts{{32, others}};
    if (own == OuterFragment::Own::captured) parts.insert(parts.begin(), {96, codes});
    const auto untouched = std::pair{flat[99], flat[450]};
    REQUIRE(fragment.merge(parts, rule, own, flat));
    fragment.drop_capture(flat);
    reference.merge(parts);
    CHECK(std::ranges::equal(fragment.shared(), reference.shared));
    CHECK(std::pair{flat[99], flat[450]} == untouched);
    const bool merged = own == OuterFragment::Own::captured;
    if (merged) reference.residual = residual_after;
    const auto& base = merged ? sent : before;
    const auto local = part_of(flat);
    for (std::size_t i = 0; i < size; ++i)
      REQUIRE(local[i] == reference.shared[i] + (now[i] - base[i]));
  }
}

}  // namespace

TEST_CASE("outer fragment: own part merged, as a plain reference does it") {
  compare_with_reference(OuterFragment::Own::captured);
}

TEST_CASE("outer fragment: own part left out, its values and errors wait for the next capture") {
  compare_with_reference(OuterFragment::Own::none);
}

TEST_CASE("outer fragment: a decision of before the capture moves the base of the capture too") {
  auto flat = random_model(1);
  OuterFragment fragment{ranges, flat};
  const ByteVector others = codes_of_another();
  train_on(flat, 2);
  REQUIRE(fragment.capture(flat));
  const ByteVector codes{fragment.codes().begin(), fragment.codes().end()};
  REQUIRE(fragment.merge(std::vector<OuterFragment::Part>{{1, others}}, rule,
                         OuterFragment::Own::none, flat));
  CHECK(fragment.captured());
  REQUIRE(fragment.merge(std::vector<OuterFragment::Part>{{1, codes}}, rule,
                         OuterFragment::Own::captured, flat));
  // It computed nothing since the capture, so nothing is left of its own.
  const auto local = part_of(flat);
  for (std::size_t i = 0; i < size; ++i)
    REQUIRE(local[i] == doctest::Approx(fragment.shared()[i]).epsilon(1e-5));
}

TEST_CASE("outer fragment: what was foreseen and came true has moved the site already") {
  auto flat = random_model(1), plain = flat;
  OuterFragment fragment{ranges, flat}, reference{ranges, flat};
  train_on(flat, 2);
  train_on(plain, 2);
  REQUIRE(fragment.capture(flat));
  REQUIRE(reference.capture(plain));
  const ByteVector codes{fragment.codes().begin(), fragment.codes().end()};
  const ByteVector others = codes_of_another();
  const std::vector<OuterFragment::Part> parts{{96, codes}, {32, others}};
  REQUIRE(fragment.foresee(parts, rule, flat));
  CHECK(std::ranges::equal(fragment.shared(), reference.shared()));  // Not decided yet.
  const auto foreseen = flat;
  REQUIRE(fragment.foresee(parts, rule, flat));
  REQUIRE(fragment.merge(parts, rule, OuterFragment::Own::captured, flat));
  CHECK(flat == foreseen);
  REQUIRE(reference.merge(parts, rule, OuterFragment::Own::captured, plain));
  CHECK(flat == plain);
  CHECK(std::ranges::equal(fragment.shared(), reference.shared()));
}

TEST_CASE("outer fragment: what was foreseen and did not come true is taken back") {
  const ByteVector others = codes_of_another();
  for (const bool merged : {false, true}) {
    auto flat = random_model(1), plain = flat;
    OuterFragment fragment{ranges, flat}, reference{ranges, flat};
    for (auto* model : {&flat, &plain}) train_on(*model, 2);
    REQUIRE(fragment.capture(flat));
    REQUIRE(reference.capture(plain));
    const ByteVector codes{fragment.codes().begin(), fragment.codes().end()};
    const std::vector<OuterFragment::Part> foreseen{{96, codes}, {32, others}};
    REQUIRE(fragment.foresee(foreseen, rule, flat));
    CHECK(flat != plain);
    const std::vector<OuterFragment::Part> decided{{1, others}};
    if (merged) {
      REQUIRE(fragment.merge(decided, rule, OuterFragment::Own::none, flat));
      REQUIRE(reference.merge(decided, rule, OuterFragment::Own::none, plain));
    }
    fragment.drop_capture(flat);
    reference.drop_capture(plain);
    CHECK(std::ranges::equal(fragment.shared(), reference.shared()));
    for (std::size_t i = 0; i < flat.size(); ++i)
      REQUIRE(flat[i] == doctest::Approx(plain[i]).epsilon(1e-5));
  }
}

TEST_CASE("outer fragment: what was foreseen is forgotten with the rest") {
  auto flat = random_model(1);
  OuterFragment fragment{ranges, flat};
  train_on(flat, 2);
  REQUIRE(fragment.capture(flat));
  const ByteVector codes{fragment.codes().begin(), fragment.codes().end()};
  const ByteVector others = codes_of_another();
  REQUIRE(fragment.foresee(std::vector<OuterFragment::Part>{{1, codes}, {1, others}}, rule, flat));
  REQUIRE(fragment.merge(std::vector<OuterFragment::Part>{{1, others}}, rule,
                         OuterFragment::Own::forgotten, flat));
  fragment.drop_capture(flat);
  CHECK(std::ranges::equal(part_of(flat), fragment.shared()));
}

TEST_CASE("outer fragment: what is forgotten ends at the shared parameters") {
  auto flat = random_model(1);
  OuterFragment fragment{ranges, flat};
  train_on(flat, 2);
  REQUIRE(fragment.merge(std::vector<OuterFragment::Part>{{1, codes_of_another()}}, rule,
                         OuterFragment::Own::forgotten, flat));
  CHECK(std::ranges::equal(part_of(flat), fragment.shared()));
}

TEST_CASE("outer fragment: codes that are damaged or of another size change nothing") {
  auto flat = random_model(1);
  OuterFragment fragment{ranges, flat};
  const auto before = flat;
  const ByteVector good = codes_of_another();
  ByteVector damaged = good, short_codes;
  damaged[damaged.size() / 2] ^= 1;
  std::vector<float> value(5), residual(5);
  REQUIRE(codec::encode_quant4(value, residual, short_codes));
  for (const ByteVector& bad : {damaged, short_codes, ByteVector{}}) {
    const std::vector<OuterFragment::Part> parts{{1, good}, {1, bad}};
    CHECK_FALSE(fragment.merge(parts, rule, OuterFragment::Own::none, flat));
    CHECK(flat == before);
    CHECK(std::ranges::equal(fragment.shared(), part_of(before)));
  }
  flat[150] = std::numeric_limits<float>::quiet_NaN();
  CHECK(fragment.capture(flat).error().code == Errc::invalid);
  CHECK_FALSE(fragment.captured());
}

TEST_CASE("outer fragment: 16 bits say more than 4, and what they do not say comes next time") {
  auto flat = random_model(1);
  OuterFragment fragment{ranges, flat, 16};
  train_on(flat, 2);
  const auto before = part_of(random_model(1)), after = part_of(flat);
  REQUIRE(fragment.capture(flat));
  const auto residual = fragment.captured_values()[1];
  std::vector<float> said(size);
  REQUIRE(codec::decode_gradient(fragment.codes(), said));
  for (std::size_t i = 0; i < size; ++i) {
    const float value = before[i] - after[i];
    CHECK(said[i] + residual[i] == value);
    CHECK(std::abs(residual[i]) <= std::abs(value) / 128);
  }
}
