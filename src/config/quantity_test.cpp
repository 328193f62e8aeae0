#include "axs/config/quantity.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::config;

TEST_CASE("quantity: what people write") {
  CHECK(*parse_duration("40s") == seconds(40));
  CHECK(*parse_duration(" 1.5 ms ") == microseconds(1500));
  CHECK(*parse_rate("100 Mb/s") == bits_per_second(1e8));
  CHECK(*parse_rate("12.5MB/s") == BytesPerSecond{12.5e6});
  CHECK(*parse_count("1.5M") == 1'500'000);
  CHECK(*parse_count("12000") == 12'000);
  CHECK(*parse_length("550 km") == Meters{550e3});
}

TEST_CASE("quantity: the error says what was seen and what was wanted") {
  CHECK(parse_rate("-3 Gb/s").error().what == "rate \"-3 Gb/s\", want 8 b/s to 1000 Tb/s");
  CHECK(parse_duration("soon").error().what ==
        "duration \"soon\", want one like \"30s\" (units ns, us, µs, ms, s, min, h, d)");
  for (const char* text : {"", "1.5", "inf", "nan", "1e300", "-1", "0", "M"})
    CHECK_FALSE(parse_count(text));
}

TEST_CASE("quantity: random text never crashes") {
  CHECK(rc::check([](const std::string& text) {
    (void)parse_duration(text).has_value();
    (void)parse_rate(text).has_value();
    (void)parse_count(text).has_value();
    (void)parse_length(text).has_value();
  }));
}
