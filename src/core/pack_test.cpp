#include "axs/core/pack.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace axs;

TEST_CASE("pack: sine and cosine within 2^-52") {
  for (const double range : {1.0, 7.0, 1000.0, 1e6}) {
    double worst = 0;
    for (int i = -50'000; i <= 50'000; ++i) {
      const double x = range * i / 50'000;
      const PackSinCos<Pack1> got = sincos(Pack1{x});
      worst = std::max(
          {worst, std::fabs(got.sin.value - std::sin(x)), std::fabs(got.cos.value - std::cos(x))});
    }
    CHECK(worst <= 0x1p-52);
  }
}

TEST_CASE("pack: bounds are inclusive and NaN is outside") {
  CHECK(within(Pack1{1.0}, Pack1{1.0}, Pack1{2.0}) == 1);
  CHECK(within(Pack1{2.0}, Pack1{1.0}, Pack1{2.0}) == 1);
  CHECK(within(Pack1{2.1}, Pack1{1.0}, Pack1{2.0}) == 0);
  CHECK(within(Pack1{std::nan("")}, Pack1{1.0}, Pack1{2.0}) == 0);
}

TEST_CASE("pack: a pair works on both halves") {
  const double values[] = {3.0, -4.0};
  double out[2];
  const auto pair = PackPair<Pack1>::load(values);
  fma(pair, pair, PackPair<Pack1>{1.0}).store(out);
  CHECK(out[0] == 10.0);
  CHECK(out[1] == 17.0);
  CHECK(within(pair, 0.0, 5.0) == 1);
  CHECK(within(pair, -5.0, 0.0) == 2);
  CHECK(less(pair, 0.0) == 2);
  CHECK(less(pair, 3.0) == 2);
  min(pair, PackPair<Pack1>{1.0}).store(out);
  CHECK(out[0] == 1.0);
  CHECK(out[1] == -4.0);
  sqrt(pair * pair / PackPair<Pack1>{4.0}).store(out);
  CHECK(out[0] == 1.5);
  CHECK(out[1] == 2.0);
}
