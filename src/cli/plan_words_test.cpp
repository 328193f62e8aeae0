#include "axs/cli/plan_words.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::cli;

TEST_CASE("plan words: times and energies come in units that people would choose") {
  CHECK(span_text(Seconds{45}) == "45 s");
  CHECK(span_text(Seconds{1500}) == "25 min");
  CHECK(span_text(Seconds{9000}) == "2.5 h");
  CHECK(span_text(Seconds{79.8 * seconds_of_day}) == "79.8 days");
  CHECK(span_text(Seconds{12 * 365.25 * seconds_of_day}) == "12 years");
  CHECK(span_text(Seconds{12'345 * 365.25 * seconds_of_day}) == "12,345 years");
  CHECK(energy_text(Joules{3600}) == "1 Wh");
  CHECK(energy_text(Joules{25'380}, 2) == "7.05 Wh (3.52 to 14.1)");
  CHECK(energy_text(Joules{9e6}) == "2.5 kWh");
  CHECK(energy_text(Joules{57.27 * 3.6e9}) == "57.27 MWh");
  CHECK(energy_text(Joules{21'590 * 3.6e9}, 1.5) == "21.59 GWh (14.4 to 32.4)");
}
