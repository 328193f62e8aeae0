#include "axs/plan/rounded.h"

#include <doctest/doctest.h>

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
