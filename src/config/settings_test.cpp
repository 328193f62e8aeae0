#include "axs/config/settings.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/config/scenario.h"
#include "axs/config/text_file.h"
#include "axs/core/wire.h"

using namespace axs;
using namespace axs::config;

namespace {

constexpr const char* job = AXS_SOURCE_DIR "/scenarios/three-continents.toml";

std::string origin_of(const std::vector<Setting>& settings, std::string_view table,
                      std::string_view key) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) {
    return setting.table == table && setting.key == key;
  });
  return found == settings.end() ? "none" : found->origin;
}

/// With everything that can be stated.
const std::string other = R"(version = 1
name = "other"
seed = 9
[model]
layers = 3
heads = 2
kv-heads = 1
width = 64
hidden = 160
context = 32
[train]
sync = "every-step"
tokens = 12345
inner = { rate = 2e-3, warmup = 7, beta2 = 0.95 }
outer = { period = 30, fragments = 3, momentum = 0.6, inner-scale = 1.5, inner-beta1 = 0.7 }
[plan]
precision = "fp8"
objective = "carbon"
deadline = "36 h"
budget = "$1.25M"
power = "750 kW"
jurisdictions = ["US", "DE"]
[[site]]
name = "a"
at = [1.5, -2]
pue = 1.08
energy-price = "95 $/MWh"
carbon = 381.5
power = "2 MW"
clock = { offset = "-1 h", drift-ppm = -3.5 }
accelerators = [{ type = "cpu", count = 2, price = 0.35 }, { type = "gpu" }]
[[site]]
name = "b"
at = [3, 4]
clock = { offset = "250 ms" }
[sky]
start = "2025-10-08T12:00:00Z"
shell = { altitude = "550 km", inclination = 53, planes = 12, per-plane = 10, phasing = 3 }
[[link]]
between = ["a", "b"]
kind = "wire"
rate = "100 Mb/s"
rate-back = "1.5 Gb/s"
delay = "75 ms"
jitter = "1500 us"
loss = 0.01
[[link]]
between = ["b", "a"]
kind = "fibre"
rate = "800 b/s"
[[fault]]
at = "40s"
kill = "b"
process = "agent"
[[fault]]
at = "25%"
cut = "a-b"
kind = "wire"
for = "3s"
[[fault]]
at = "1 h"
kill = "controller"
)";

PlanScenario with_wishes(const catalog::Scenario& scenario, const std::string& text) {
  return {scenario, parse_plan_scenario(text, job)->wishes};
}

/// What reading the listed configuration gives must be what was listed.
void check_round_trip(const catalog::Scenario& scenario, const std::string& text) {
  const PlanScenario wished = with_wishes(scenario, text);
  const auto settings = settings_of(wished, text);
  REQUIRE(settings);
  const std::string listed = to_toml(*settings);
  const auto again = parse_scenario(listed, "elsewhere/listed.toml");
  INFO(listed);
  REQUIRE_MESSAGE(again, (again ? "" : again.error().what));
  // Paths of files have become absolute; all else is the same.
  catalog::Scenario first = scenario, second = *again;
  for (catalog::Scenario* read : {&first, &second})
    for (catalog::Link& link : read->links) link.trace.delays_file = link.trace.capacity_file = "";
  if (first.sky && std::holds_alternative<std::string>(first.sky->satellites))
    first.sky->satellites = second.sky->satellites = "elements";
  CHECK(to_wire(second) == to_wire(first));
  const PlanWishes wishes = with_wishes(*again, listed).wishes;
  CHECK(wishes == wished.wishes);
}

}  // namespace

TEST_CASE("settings: a measured link is listed by its files") {
  const std::string measured = AXS_SOURCE_DIR "/scenarios/measured-link.toml";
  check_round_trip(*read_scenario(measured), *read_scenario_text(measured));
}

TEST_CASE("settings: the listed configuration is complete") {
  const std::string text = *read_text_file(job, "scenario", 1 << 20);
  check_round_trip(*parse_scenario(text, job), text);
  const auto scenario = parse_scenario(other, "other.toml");
  REQUIRE_MESSAGE(scenario, (scenario ? "" : scenario.error().what));
  CHECK(scenario->sites[0].clock.offset == seconds(-3600));
  CHECK(with_wishes(*scenario, other).wishes.sites[0].dollars_per_kwh == doctest::Approx(0.095));
  check_round_trip(*scenario, other);
}

TEST_CASE("settings: transfers are listed, too") {
  const std::string text = *read_text_file(job, "scenario", 1 << 20) + R"([[transfer]]
from = "fra"
to = "sfo"
at = "30%"
size = "1500 kB"
[[transfer]]
from = "sfo"
to = "tyo"
at = "40 s"
file = "three-continents.toml"
)";
  const auto scenario = parse_scenario(text, job);
  REQUIRE_MESSAGE(scenario, (scenario ? "" : scenario.error().what));
  check_round_trip(*scenario, text);
}

TEST_CASE("settings: the origin of each value is told") {
  const std::string text = *read_text_file(job, "scenario", 1 << 20);
  const auto settings =
      *settings_of(with_wishes(*parse_scenario(text, job), text), text, {{"seed", "--seed"}});
  CHECK(origin_of(settings, "", "name") == "line 4");
  CHECK(origin_of(settings, "", "seed") == "--seed");
  CHECK(origin_of(settings, "model", "width") == "preset llama-1m");
  CHECK(origin_of(settings, "train", "tokens") == "line 12");
  CHECK(origin_of(settings, "train.outer", "period") == "default");
  CHECK(origin_of(settings, "plan", "objective") == "default");
  CHECK(origin_of(settings, "site[0]", "pue") == "default");
  CHECK(origin_of(settings, "site[1]", "at") == "line 23");
  CHECK(origin_of(settings, "site[1].accelerators[0]", "type") == "line 25");
  CHECK(origin_of(settings, "site[1].clock", "offset") == "default");
  CHECK(origin_of(settings, "fault[2]", "process") == "default");
}
