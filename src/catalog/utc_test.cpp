#include "axs/catalog/utc.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::catalog;

TEST_CASE("utc: known instants") {
  CHECK(parse_utc("1970-01-01T00:00:00Z")->ns == 0);
  CHECK(parse_utc("2025-10-08T12:00:00Z")->ns == 1'759'924'800'000'000'000);
  CHECK(parse_utc("2000-02-29T23:59:59.25Z")->ns == 951'868'799'250'000'000);
  CHECK(format_utc({1'759'924'800'000'000'000}) == "2025-10-08T12:00:00Z");
}

TEST_CASE("utc: what is no time is refused") {
  for (const char* text : {"", "2025-10-08", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
                           "2025-10-08T24:00:00Z", "2025-10-08T12:00:00", "2025-10-08T12:00:00.Z",
                           "2025-10-08 12:00:00Z", "2025-1O-08T12:00:00Z", "9999-01-01T00:00:00Z"})
    CHECK_FALSE(parse_utc(text));
}

TEST_CASE("utc: what is written is read back") {
  CHECK(rc::check([] {
    const UtcTime time{*rc::gen::inRange<std::int64_t>(-600'000'000, 5'600'000'000) *
                       1'000'000'000};
    RC_ASSERT(*parse_utc(format_utc(time)) == time);
  }));
}
