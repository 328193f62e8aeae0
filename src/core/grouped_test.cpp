#include "axs/core/grouped.h"

#include <doctest/doctest.h>

using namespace axs;

TEST_CASE("grouped: a comma for every three digits") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1500160) == "1,500,160");
}
