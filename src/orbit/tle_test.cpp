#include "axs/orbit/tle.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::orbit;

namespace {

// The classic sample set of Spacetrack Report 3 with the checksums it has in Vallado's paper.
const std::string line1 = "1 88888U          80275.98708465  .00073094  13844-3  66816-4 0    87";
const std::string line2 = "2 88888  72.8435 115.9689 0086731  52.6988 110.5714 16.05824518  1058";

std::string error_of(const std::string& text) {
  const auto sets = parse_tle(text, "x.tle");
  return sets ? "" : sets.error().what;
}

/// `line` with `with` written from column `at` on and its checksum made right.
std::string altered(std::string line, std::size_t at, const std::string& with) {
  line.replace(at - 1, with.size(), with);
  int sum = 0;
  for (std::size_t i = 0; i < 68; ++i)
    sum += line[i] >= '0' && line[i] <= '9' ? line[i] - '0' : line[i] == '-' ? 1 : 0;
  line[68] = static_cast<char>('0' + sum % 10);
  return line;
}

}  // namespace

TEST_CASE("tle: the elements of a set") {
  const auto sets = parse_tle("0 SAMPLE\r\n\n" + line1 + "\r\n" + line2 + "\r\n", "x.tle");
  REQUIRE(sets);
  REQUIRE(sets->size() == 1);
  const ElementSet& set = sets->front();
  CHECK(set.name == "SAMPLE");
  CHECK(set.catalogue_number == "88888");
  // Day 275.98708465 of 1980 is 1 October, 23:41:24.11376.
  CHECK(set.elements.epoch.ns == catalog::parse_utc("1980-10-01T23:41:24.113760Z")->ns);
  CHECK(set.elements.inclination_deg == 72.8435);
  CHECK(set.elements.raan_deg == 115.9689);
  CHECK(set.elements.eccentricity == 0.0086731);
  CHECK(set.elements.perigee_deg == 52.6988);
  CHECK(set.elements.mean_anomaly_deg == 110.5714);
  CHECK(set.elements.mean_motion == 16.05824518);
  CHECK(set.elements.bstar == 0.66816e-4);
}

TEST_CASE("tle: with and without names, one after the other") {
  const std::string set = line1 + "\n" + line2 + "\n";
  const auto sets = parse_tle(set + "1 NAME\n" + set + set, "x.tle");
  REQUIRE(sets);
  REQUIRE(sets->size() == 3);
  CHECK((*sets)[0].name == "");
  CHECK((*sets)[1].name == "1 NAME");
}

TEST_CASE("tle: an error names file, line, what was seen and what was wanted") {
  CHECK(error_of("") == "x.tle: no element set, want at least one");
  CHECK(error_of(line1 + "\n") ==
        "x.tle line 1: the text ends within an element set, want both of its lines");
  CHECK(error_of(line1 + "\n" + line1) == "x.tle line 2: want line 2 of an element set");
  CHECK(error_of("NAME\n" + line1 + "\n\n" + line2.substr(0, 60)) ==
        "x.tle line 4: 60 characters long, want 69");
  CHECK(error_of(line1.substr(0, 68) + "8\n" + line2) == "x.tle line 1: checksum is '8', want 7");
  CHECK(error_of(line1 + "\n" + altered(line2, 3, "88887")) ==
        "x.tle line 2: catalogue number \"88887\", want that of line 1, \"88888\"");
  CHECK(error_of(line1 + "\n" + altered(line2, 9, "190.0000")) ==
        "x.tle line 2: inclination is \"190.0000\", want it in [0.000000, 180.000000]");
  CHECK(error_of(line1 + "\n" + altered(line2, 53, "16.O5824518")) ==
        "x.tle line 2: mean motion is \"16.O5824518\", want a number");
  CHECK(error_of(line1 + "\n" + altered(line2, 27, "0.08673")) ==
        "x.tle line 2: eccentricity is \"0.08673\", want seven digits");
  CHECK(error_of(altered(line1, 54, " 66816*4") + "\n" + line2) ==
        "x.tle line 1: drag term is \" 66816*4\", want it like \" 36508-3\"");
  CHECK(error_of(altered(line1, 21, "000.98708465") + "\n" + line2).find("epoch day") !=
        std::string::npos);
  CHECK(error_of(altered(line1, 21, "275.9870 465") + "\n" + line2).find("epoch day") !=
        std::string::npos);
}

TEST_CASE("tle: any bytes give a result, never a crash") {
  CHECK(rc::check("random bytes", [] {
    const auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    (void)parse_tle(bytes, "x.tle").has_value();
  }));
  CHECK(rc::check("a set with some bytes changed, inserted or cut", [] {
    std::string text = "NAME\n" + line1 + "\n" + line2 + "\n";
    const auto edits = *rc::gen::container<std::vector<std::pair<std::size_t, char>>>(
        rc::gen::pair(rc::gen::inRange<std::size_t>(0, text.size()), rc::gen::arbitrary<char>()));
    for (const auto& [at, byte] : edits) {
      if (at >= text.size()) continue;
      if (byte % 3 == 0) text[at] = byte;
      if (byte % 3 == 1) text.insert(at, 1, byte);
      if (byte % 3 == 2) text.erase(at, 1);
    }
    (void)parse_tle(text, "x.tle").has_value();
  }));
}

TEST_CASE("tle: a changed digit never passes the checksum") {
  CHECK(rc::check([] {
    std::string text = line1 + "\n" + line2;
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const char digit = *rc::gen::inRange('0', '9');
    RC_PRE(text[at] >= '0' && text[at] <= '9' && text[at] != digit);
    text[at] = digit;
    RC_ASSERT(!parse_tle(text, "x.tle"));
  }));
}
