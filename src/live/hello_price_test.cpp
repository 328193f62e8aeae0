#include "axs/live/hello_price.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::live;

TEST_CASE("hello price: what hellos may cost buys so many of them") {
  HelloPrice price;
  CHECK(price.affordable({milliseconds(20), 900, 100}) == doctest::Approx(1'000));  // 20 us each
  SUBCASE("dearer ones are believed by and by") {
    CHECK(*price.affordable({milliseconds(120), 1'900, 100}) == doctest::Approx(500));  // 40 us
    std::optional<double> last;
    for (int i = 1; i < 40; ++i)
      last = price.affordable(
          {milliseconds(120 + 100 * i), static_cast<std::uint64_t>(1'900 + 1'000 * i), 100});
    CHECK(*last == doctest::Approx(200).epsilon(0.01));
  }
  SUBCASE("a span with much else in it has no price") {
    CHECK(!price.affordable({milliseconds(900), 1'900, 1'300}));
    CHECK(*price.affordable({milliseconds(920), 2'900, 1'300}) == doctest::Approx(1'000));
  }
  SUBCASE("nor has one with hardly a hello") {
    CHECK(!price.affordable({milliseconds(900), 950, 100}));
  }
}

TEST_CASE("hello price: a clock that shows nothing buys no endless number") {
  HelloPrice price;
  CHECK(*price.affordable({Duration{}, 1'000, 0}) == doctest::Approx(20'000));
}
