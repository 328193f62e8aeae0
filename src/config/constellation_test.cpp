#include "axs/config/constellation.h"

#include <doctest/doctest.h>

#include <string>

using namespace axs;
using namespace axs::config;

namespace {

const std::string two_shells =
    "version = 1\nname = \"two\"\nepoch = \"2025-10-08T12:00:00Z\"\nmin-elevation = 10\n"
    "reconfiguration = \"15 s\"\nlasers = { max-range = \"4000 km\" }\n"
    "[[shell]]\nplanes = 72\nper-plane = 22\ninclination = 53\naltitude = \"550 km\"\n"
    "phasing = 39\n"
    "[[shell]]\nplanes = 6\nper-plane = 11\ninclination = 86.4\nmean-motion = 14.34\n"
    "spread = \"star\"\nphasing = \"alternate\"\n";

std::string error_of(const std::string& from, const std::string& to) {
  std::string text = two_shells;
  text.replace(text.find(from), from.size(), to);
  const auto constellation = parse_constellation(text, "f.toml");
  REQUIRE_FALSE(constellation);
  return constellation.error().what;
}

}  // namespace

TEST_CASE("constellation: shells, limits and intervals") {
  const Constellation c = *parse_constellation(two_shells, "f.toml");
  CHECK(c.name == "two");
  CHECK(c.links.min_elevation_deg == 10);
  CHECK(c.links.lasers.max_range_km == 4000);
  CHECK(c.reconfiguration == seconds(15));
  REQUIRE(c.shells.size() == 2);
  CHECK(c.shells[0].walker_f == 39);
  CHECK(c.shells[0].mean_motion == doctest::Approx(15.055).epsilon(1e-3));
  CHECK(c.shells[1].phasing == orbit::Phasing::alternate);
  CHECK(c.shells[1].spread == orbit::Spread::star);
}

TEST_CASE("constellation: the files that come with the program") {
  const Constellation kuiper = *read_constellation(AXS_SOURCE_DIR "/data/kuiper-630.toml");
  CHECK(kuiper.shells[0].planes * kuiper.shells[0].slots == 1156);
  CHECK_FALSE(kuiper.reconfiguration);
  const Constellation starlink = *read_constellation(AXS_SOURCE_DIR "/data/starlink-4408.toml");
  std::uint32_t satellites = 0;
  for (const orbit::Shell& shell : starlink.shells) satellites += shell.planes * shell.slots;
  CHECK(satellites == 4408);
}

TEST_CASE("constellation: what is wrong is told by file, line and key") {
  CHECK(error_of("planes = 72", "planes = 0") == "f.toml:8: shell[1].planes: 0, want 1 to 100000");
  CHECK(error_of("phasing = 39", "phasing = 72").find("want it below the 72 planes") !=
        std::string::npos);
  CHECK(error_of("altitude = \"550 km\"", "altitude = \"550 kg\"").find("f.toml:11: ") == 0);
  CHECK(error_of("altitude = \"550 km\"\n", "").find("want either altitude") != std::string::npos);
  CHECK(error_of("\"alternate\"", "\"sometimes\"").find("want one of \"alternate\"") !=
        std::string::npos);
  CHECK(error_of("spread", "spraed").find("spraed") != std::string::npos);
  CHECK_FALSE(parse_constellation("version = 1\nname = \"a\"\nepoch = \"2025-10-08T12:00:00Z\"\n",
                                  "f.toml"));
  CHECK_FALSE(read_constellation("no/such/file"));
  CHECK(error_of("\"15 s\"", "\"2 min\"").find("reconfiguration") != std::string::npos);
  CHECK(error_of("planes = 6\nper-plane = 11", "planes = 900\nper-plane = 110")
            .find("more than 100000 satellites in all shells together") != std::string::npos);
}
