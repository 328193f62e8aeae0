#include "axs/config/trace.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::config;

namespace {

std::string why_no_delays(const std::string& text) {
  const auto trace = parse_delay_trace(text, "d.txt");
  return trace ? "" : trace.error().what;
}

std::string why_no_capacity(const std::string& text) {
  const auto trace = parse_capacity_trace(text, "c.csv");
  return trace ? "" : trace.error().what;
}

}  // namespace

TEST_CASE("trace: delays in milliseconds, one per 10 ms") {
  const auto trace = parse_delay_trace("12\n8.5\r\n\n 68 ", "d.txt");
  REQUIRE(trace);
  CHECK(trace->step == milliseconds(10));
  CHECK(trace->one_way == std::vector{milliseconds(12), microseconds(8'500), milliseconds(68)});
}

TEST_CASE("trace: capacities over time") {
  const auto trace = parse_capacity_trace("t_ms,mbit_per_s\n0,24\n100, 8\n200,0\n", "c.csv");
  REQUIRE(trace);
  CHECK(trace->step == milliseconds(100));
  CHECK(trace->bytes_per_second == std::vector<std::int64_t>{3'000'000, 1'000'000, 0});
}

TEST_CASE("trace: mahimahi's opportunities to deliver") {
  const auto trace = parse_capacity_trace("1\n1\n4\n", "c.csv");
  REQUIRE(trace);
  CHECK(trace->step == milliseconds(1));
  CHECK(trace->bytes_per_second == std::vector<std::int64_t>{3'000'000, 0, 0, 1'500'000});
}

TEST_CASE("trace: a bad line is named, with what was wanted") {
  CHECK(why_no_delays("12\nfast\n") == "d.txt:2: \"fast\", want a delay from 0 to 60000 ms");
  CHECK(why_no_delays("-1") == "d.txt:1: \"-1\", want a delay from 0 to 60000 ms");
  CHECK(why_no_delays("nan") == "d.txt:1: \"nan\", want a delay from 0 to 60000 ms");
  CHECK(why_no_delays("\n\n") == "d.txt: no line with a number, want a delay from 0 to 60000 ms");
  CHECK(why_no_capacity("t_ms,mbit_per_s\n0,5\n100,x") ==
        "c.csv:3: \"100,x\", want a time in ms, a comma and a rate from 0 to 1000000 Mb/s");
  CHECK(why_no_capacity("t_ms,mbit_per_s\n0,5\n100,5\n150,5") ==
        "c.csv:4: \"150,5\", want equal steps from time 0 on");
  CHECK(why_no_capacity("t_ms,mbit_per_s\n0,5\n") ==
        "c.csv: no line with a number, want two lines or more below the header");
  CHECK(why_no_capacity("5\n4\n") ==
        "c.csv:2: \"4\", want the header t_ms,mbit_per_s, or a whole number of milliseconds, at "
        "most an hour and no less than the one before");
  CHECK(why_no_capacity("t_ms,mbit_per_s\n0,0\n100,0") ==
        "c.csv: the capacity of the trace is 0 throughout, want more");
}

TEST_CASE("trace: whatever is in the file, it is read or refused, and what is read is valid") {
  CHECK(rc::check([] {
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "t_ms,mbit_per_s", "\n", "\n", "0,1", "100,2", "200,3.5", "0", "1", "7", "12.5", "-3", "x",
        ",", "1e300", "99999999999999999999", "nan", "\r", " "));
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    if (const auto trace = parse_delay_trace(text, "t"))
      RC_ASSERT(net::validate(*trace, "t").has_value());
    if (const auto trace = parse_capacity_trace(text, "t")) {
      RC_ASSERT(!trace->bytes_per_second.empty());
      RC_ASSERT(net::validate(*trace, "t").has_value());
    }
  }));
}
