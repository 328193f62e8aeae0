#include "axs/cli/plan_words.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::cli;

TEST_CASE("plan words: energies, powers and rates come in units that people would choose") {
  CHECK(energy_text(Joules{3600}) == "1 Wh");
  CHECK(energy_text(Joules{25'380}, 2) == "7.05 Wh (3.52 to 14.1)");
  CHECK(energy_text(Joules{9e6}) == "2.5 kWh");
  CHECK(energy_text(Joules{57.27 * 3.6e9}) == "57.27 MWh");
  CHECK(energy_text(Joules{21'590 * 3.6e9}, 1.5) == "21.59 GWh (14.4 to 32.4)");
  CHECK(joules_text(Joules{0.25}) == "0.25 J");
  CHECK(joules_text(Joules{3.5e6}) == "3.5 MJ");
  CHECK(power_text(Watts{720}) == "720 W");
  CHECK(power_text(Watts{2.04e7}) == "20.4 MW");
  CHECK(rate_text(bits_per_second(64e3)) == "64 kb/s");
  CHECK(rate_text(bits_per_second(1.5e12)) == "1.5 Tb/s");
}

TEST_CASE("plan words: of what a table has in one unit as many decimals as the least needs") {
  CHECK(decimals_for(120, 1) == 1);
  CHECK(decimals_for(12.3, 1) == 1);
  CHECK(decimals_for(0.0123, 1) == 4);
  CHECK(decimals_for(0, 1) == 1);
  CHECK(decimals_for(1e-30, 2) == 9);
}
