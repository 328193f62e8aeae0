#include "axs/plan/rounded.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::plan;

TEST_CASE("rounded: two digits behind the point, and nothing reads as 0 that is not") {
  CHECK(rounded(0) == "0");
  CHECK(rounded(1) == "1");
  CHECK(rounded(-3.1) == "-3.1");
  CHECK(rounded(1234567.891) == "1234567.89");
  CHECK(rounded(0.005) == "0.01");
  CHECK(rounded(0.001) == "0.001");
  CHECK(rounded(1 / 86400.0) == "1.2e-05");
  CHECK(rounded(-1e-300) == "-1e-300");
}

TEST_CASE("span text: times come in units that people would choose") {
  constexpr double day = 86'400, year = 365.25 * day;
  CHECK(span_text(Seconds{}) == "0 s");
  CHECK(span_text(Seconds{1e-9}) == "1 ns");
  CHECK(span_text(Seconds{12.5e-6}) == "12.5 us");
  CHECK(span_text(Seconds{0.02}) == "20 ms");
  CHECK(span_text(Seconds{45}) == "45 s");
  CHECK(span_text(Seconds{1500}) == "25 min");
  CHECK(span_text(Seconds{9000}) == "2.5 h");
  CHECK(span_text(Seconds{79.8 * day}) == "79.8 days");
  CHECK(span_text(Seconds{12 * year}) == "12 years");
  CHECK(span_text(Seconds{12'345 * year}) == "12,345 years");
  CHECK(span_text(Seconds{1'234'567 * year}) == "1,234,567 years");
}

TEST_CASE("power text: power comes in units that people would choose") {
  CHECK(power_text(Watts{}) == "0 W");
  CHECK(power_text(Watts{999}) == "999 W");
  CHECK(power_text(Watts{10'080}) == "10.08 kW");
  CHECK(power_text(Watts{20.4e6}) == "20.4 MW");
  CHECK(power_text(Watts{1.2e9}) == "1.2 GW");
}
