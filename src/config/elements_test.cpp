#include "axs/config/elements.h"

#include <doctest/doctest.h>

#include <string>

using namespace axs;
using namespace axs::config;

namespace {

const std::string tle =
    "ISS (ZARYA)\n"
    "1 25544U 98067A   25281.50000000  .00016717  00000-0  10270-3 0  9000\n"
    "2 25544  51.6400 208.9163 0006703  69.9862  25.2906 15.50000000    19\n";
const std::string csv =
    "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,"
    "ARG_OF_PERICENTER,MEAN_ANOMALY,EPHEMERIS_TYPE,NORAD_CAT_ID,BSTAR\r\n"
    "\"ISS, \"\"ZARYA\"\"\",1998-067A,2025-10-08T12:00:00.000000,15.5,.0006703,51.64,208.9163,"
    "69.9862,25.2906,0,25544,.1027E-3\r\n";
const std::string message =
    R"omm({"OBJECT_NAME": "ISS (ZARYA)", "EPOCH": "2025-10-08T12:00:00", "MEAN_MOTION": 15.5,
  "ECCENTRICITY": "0.0006703", "INCLINATION": 51.64, "RA_OF_ASC_NODE": 208.9163,
  "ARG_OF_PERICENTER": 69.9862, "MEAN_ANOMALY": 25.2906, "NORAD_CAT_ID": 25544,
  "BSTAR": 0.0001027, "DECAY_DATE": null})omm";

void check_iss(const orbit::ElementSet& set) {
  CHECK(set.catalogue_number == "25544");
  const orbit::MeanElements& e = set.elements;
  CHECK(catalog::format_utc(e.epoch) == "2025-10-08T12:00:00Z");
  CHECK(e.mean_motion == 15.5);
  CHECK(e.eccentricity == 0.0006703);
  CHECK(e.inclination_deg == 51.64);
  CHECK(e.raan_deg == 208.9163);
  CHECK(e.perigee_deg == 69.9862);
  CHECK(e.mean_anomaly_deg == 25.2906);
  CHECK(e.bstar == doctest::Approx(0.0001027).epsilon(1e-14));
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  const auto sets = parse_elements(text, "f");
  REQUIRE_FALSE(sets);
  return sets.error().what;
}

}  // namespace

TEST_CASE("elements: the same satellite from two lines, from JSON and from CSV") {
  for (const std::string& text : {tle, csv, message, "[" + message + ",\n" + message + "]"}) {
    const auto sets = parse_elements(text, "f");
    REQUIRE(sets);
    for (const orbit::ElementSet& set : *sets) check_iss(set);
  }
  CHECK(parse_elements("[" + message + "," + message + "]", "f")->size() == 2);
  CHECK(parse_elements(csv, "f")->front().name == "ISS, \"ZARYA\"");
}

TEST_CASE("elements: what is wrong is told by message, key, what was seen and what is wanted") {
  CHECK(error_of(changed(message, "15.5", "\"fast\"")) ==
        "f message 1: MEAN_MOTION is \"fast\", want a number");
  CHECK(error_of(changed(message, "51.64", "181")) ==
        "f message 1: INCLINATION is \"181\", want it in [0, 180]");
  CHECK(error_of(changed(message, "\"EPOCH\"", "\"EPOC\"")) == "f message 1: EPOCH is missing");
  CHECK(error_of(changed(message, "T12", " noon")) ==
        "f message 1: EPOCH is \"2025-10-08 noon:00:00\", want it like 2025-10-08T12:00:00.000000");
  CHECK(
      error_of(changed(message, "\"DECAY_DATE\": null", "\"MEAN_ELEMENT_THEORY\": \"SGP4-XP\"")) ==
      "f message 1: MEAN_ELEMENT_THEORY is \"SGP4-XP\", want \"SGP4\"");
  CHECK(error_of(changed(csv, ",0,25544", ",4,25544")) ==
        "f line 2: EPHEMERIS_TYPE is \"4\", want \"0\"");
  CHECK(error_of(changed(csv, ",0,25544", ",25544")) ==
        "f line 2: 11 cells, want 12 as in the first line");
  CHECK(error_of(changed(csv, "\"ISS,", "ISS,")) == "f line 2: a quote that does not end");
  CHECK(error_of("[1]") == "f message 1: want an object of keys and values");
  CHECK(error_of("{") == "f: not JSON");
  CHECK(error_of("[]") == "f: no element set, want at least one");
  CHECK(error_of(csv.substr(0, csv.find('\n') + 1)) == "f: no element set, want at least one");
  CHECK(error_of("") == "f: no element set, want at least one");
}

TEST_CASE("elements: brackets without end take no stack") {
  std::string deep;
  for (const char bracket : {'[', ']'}) deep.append(500'000, bracket);
  CHECK_FALSE(parse_elements(deep, "f"));
  CHECK_FALSE(parse_elements(deep.substr(0, 500'000), "f"));
  const auto nested = parse_elements(changed(message, "null", deep), "f");
  REQUIRE(nested);
  check_iss(nested->front());
}

TEST_CASE("elements: names are what a terminal may be shown") {
  const auto named = parse_elements(changed(csv, "ISS", "I\x1b\xe9S"), "f");
  REQUIRE(named);
  CHECK(named->front().name == "I??S, \"ZARYA\"");
  const std::string wrong =
      error_of(changed(message, "15.5", "\"" + std::string(5000, 'x') + "\""));
  CHECK(wrong.size() < 200);
}

TEST_CASE("elements: a file that is not there") {
  CHECK_FALSE(read_usable_elements("no/such/file"));
}

TEST_CASE("elements: what has no orbit any more is left out, unless nothing is left") {
  orbit::ElementSet good = parse_elements(tle, "a.tle")->front(), low = good;
  low.name = "LOW";
  low.elements.mean_motion = 17.6;
  const auto usable = usable_elements({low, good, low}, "a.tle");
  REQUIRE(usable.has_value());
  CHECK(usable->sets.size() == 1);
  CHECK(usable->left_out == 2);
  CHECK(usable->why.starts_with("satellite LOW: orbit that is below the ground"));
  const auto none = usable_elements({low}, "a.tle");
  REQUIRE(!none.has_value());
  CHECK(none.error().what.starts_with("a.tle: no orbit can be propagated; the first: "));
}
