#include "axs/config/scenario.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::catalog;
using namespace axs::config;

namespace {

const std::string good = R"(version = 1
name = "pair"
[train]
tokens = "1M"
[[site]]
name = "sfo"
at = [37.77, -122.42]
[[site]]
name = "fra"
at = [50.11, 8.68]
[[link]]
between = ["sfo", "fra"]
kind = "wire"
rate = "100 Mb/s"
delay = "75 ms"
)";

std::string error_of(std::string text) {
  const auto scenario = parse_scenario(text, "pair.toml");
  return scenario ? "" : scenario.error().what;
}
std::string with(std::string from, std::string to) {
  std::string text = good;
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("scenario: the default job is read whole") {
  const auto scenario = read_scenario(AXS_SOURCE_DIR "/scenarios/three-continents.toml");
  REQUIRE_MESSAGE(scenario, (scenario ? "" : scenario.error().what));
  CHECK(scenario->sites.size() == 3);
  CHECK(scenario->links.size() == 6);
  CHECK(scenario->faults.size() == 3);
  CHECK(scenario->sky->speed == 10);
  CHECK(std::get<SlowSite>(scenario->faults[1].what).site == SiteId{2});
  CHECK(std::get<double>(scenario->faults[0].at) == doctest::Approx(0.2));
}

TEST_CASE("scenario: every mistake is named with file, line, key, seen and wanted") {
  CHECK(error_of(good) == "");
  CHECK(error_of(with("100 Mb/s", "-3 Gb/s")) ==
        "pair.toml:14: link[1].rate: rate \"-3 Gb/s\", want 8 b/s to 1000 Tb/s");
  CHECK(error_of(with("tokens =", "tokns =")).find("missing") != std::string::npos);
  CHECK(error_of(good + "jiter = \"1 ms\"\n") ==
        "pair.toml:16: link[1].jiter: unknown key; did you mean jitter?");
  CHECK(error_of(with("[\"sfo\", \"fra\"]", "[\"sfo\", \"ams\"]")) ==
        "pair.toml:12: link[1].between: no site is called \"ams\"");
  CHECK(error_of(with("name = \"fra\"", "name = \"sfo\"")).find("used twice") != std::string::npos);
  CHECK(error_of(with("37.77", "97.77")).find("latitude") != std::string::npos);
  CHECK(error_of(good + "[[site]]\nname = \"tyo\"\nat = [35.68, 139.69]\n") ==
        "pair.toml:11: link: no path of one or two links joins \"sfo\" and \"tyo\"");
  CHECK(error_of(with("version = 1", "version = 2")).find("version 1") != std::string::npos);
  CHECK(error_of(with("kind = \"wire\"", "kind = \"leo\"")).find("only a link of kind \"wire\"") !=
        std::string::npos);
  CHECK(error_of("name = ").starts_with("pair.toml:1: "));
  CHECK(read_scenario("no/such.toml").error().what == "scenario no/such.toml: no such file");
}

TEST_CASE("scenario: damaged text never crashes") {
  CHECK(rc::check([](const std::vector<std::pair<std::uint16_t, char>>& changes) {
    std::string text = good;
    for (const auto& [at, c] : changes) text[at % text.size()] = c;
    (void)parse_scenario(text, "damaged.toml").has_value();
  }));
}
