#include "axs/config/job.h"

#include <doctest/doctest.h>

#include "axs/config/facts_testing.h"
#include "axs/config/scenario.h"
#include "axs/plan/search_result.h"

using namespace axs;
using namespace axs::config;

namespace {

const std::string good = R"(version = 1
name = "pair"
[model]
preset = "llama3-8b"
[train]
tokens = "15T"
sequences = 2048
[plan]
precision = "fp8"
deadline = "30 d"
jurisdictions = ["US"]
[[site]]
name = "sfo"
at = [37.77, -122.42]
jurisdiction = "US"
accelerators = [{ type = "H100", count = 64 }, { type = "A100-80", count = 32 }]
[[site]]
name = "fra"
at = [50.11, 8.68]
accelerators = [{ type = "A100-80", count = 16 }]
[[link]]
between = ["sfo", "fra"]
kind = "fibre"
rate = "100 Gb/s"
)";

Result<PlannedJob> read(const std::string& text) {
  return parse_job(text, "job.toml", testing::shipped_facts());
}
std::string with(std::string_view what, const std::string& instead) {
  std::string text = good;
  return text.replace(text.find(what), what.size(), instead);
}
std::string error_of(const std::string& text) {
  const auto job = read(text);
  return job ? "" : job.error().what;
}

}  // namespace

TEST_SUITE_BEGIN("job");

TEST_CASE("job: model, training and wishes make the job, sites the fleet") {
  const auto read_one = read(good);
  REQUIRE_MESSAGE(read_one, (read_one ? "" : read_one.error().what));
  const auto& [scenario, job, fleet, states_exchange] = *read_one;
  CHECK(plan::parameters(job.shape) / 1e9 == doctest::Approx(8.03).epsilon(0.001));
  CHECK(job.global_batch == 2048);
  CHECK(job.sequence == 8192);
  CHECK(job.tokens == 15e12);
  CHECK(job.precision == plan::Precision::fp8);
  CHECK(job.deadline->value() == 30 * 86'400);
  CHECK(job.jurisdictions == std::vector<std::string>{"US"});
  REQUIRE(fleet.types.size() == 2);
  CHECK(fleet.types[1].accelerator.name == "A100-80");
  REQUIRE(fleet.sites.size() == 2);
  CHECK(fleet.sites[0].pools[1].devices == 32);
  CHECK(fleet.sites[1].pools[0].type == 1);
  CHECK(plan::check(job));
  CHECK(plan::check(fleet));
}

TEST_CASE("job: an exchange is stated by its period or its fragments") {
  const auto states = [](const std::string& outer) {
    return read(with("sequences = 2048", "sequences = 2048\nouter = " + outer))->states_exchange;
  };
  CHECK_FALSE(read(good)->states_exchange);
  CHECK_FALSE(states("{ momentum = 0.8 }"));
  CHECK(states("{ period = 50 }"));
  CHECK(states("{ fragments = 2 }"));
}

TEST_CASE("job: objective, limits, prices and supplies reach the planner") {
  std::string text =
      with("deadline = \"30 d\"", "objective = \"money\"\nbudget = \"$2M\"\npower = \"1.5 MW\"");
  const std::string site = "jurisdiction = \"US\"\n";
  text.insert(text.find(site),
              "pue = 1.1\nenergy-price = \"0.072 $/kWh\"\ncarbon = 360\npower = \"250 kW\"\n");
  text.replace(text.find("count = 32"), 10, "count = 32, price = 1.5");
  const auto read_one = read(text);
  REQUIRE_MESSAGE(read_one, (read_one ? "" : read_one.error().what));
  const auto& [scenario, job, fleet, states_exchange] = *read_one;
  CHECK(job.objective == plan::Objective::money);
  CHECK(job.limits.budget == Dollars{2e6});
  CHECK(job.limits.power == Watts{1.5e6});
  const plan::SiteSupply& supply = fleet.sites[0].supply;
  CHECK(supply.pue == 1.1);
  CHECK(supply.price.value() * 1e9 == doctest::Approx(20));
  CHECK(*supply.carbon * 1e9 == doctest::Approx(100));
  CHECK(supply.limit == Watts{250e3});
  CHECK((*plan::price_of(fleet, 0, 0) * Seconds{3600}).value() == doctest::Approx(2.14));
  CHECK((*plan::price_of(fleet, 0, 1) * Seconds{3600}).value() == doctest::Approx(1.5));
  CHECK_FALSE(plan::price_of(fleet, 1, 1));
  CHECK(fleet.sites[1].supply.pue == 1.2);
  CHECK_FALSE(fleet.sites[1].supply.carbon);
}

TEST_CASE("job: an accelerator has many names and is one type") {
  const auto aliased = read(with("\"A100-80\", count = 32", "\"a100 sxm4 80gb\", count = 32"));
  REQUIRE(aliased.has_value());
  REQUIRE(aliased->fleet.types.size() == 2);
  CHECK(aliased->fleet.types[1].accelerator.name == "A100-80");
  CHECK(aliased->fleet.sites[1].pools[0].type == aliased->fleet.sites[0].pools[1].type);
}

TEST_CASE("job: sites that do not reach each other are planned for, and a run wants them to") {
  const std::string apart = good.substr(0, good.find("[[link]]"));
  const auto job = read(apart);
  REQUIRE(job);
  CHECK(job->fleet.sites.size() == 2);
}

TEST_CASE("job: processors are planned for our own worker, anything else is not") {
  const auto ours = [](const std::string& text) {
    const auto job = read(text);
    REQUIRE(job.has_value());
    return job->job.software.replicas_only;
  };
  std::string processors = with("\"H100\"", "\"cpu\"");
  CHECK_FALSE(ours(processors));
  for (auto at = processors.find("A100-80"); at != std::string::npos;
       at = processors.find("A100-80"))
    processors.replace(at, 7, "cpu");
  CHECK(ours(processors));
}

TEST_CASE("job: an accelerator that it brings comes before those of the catalogue") {
  const std::string own = R"([[accelerator]]
name = "H100"
family = "Hopper"
peak-tflops = 500
fastest = "fp8"
memory-gb-per-s = 2000
memory-gb = 40
multiprocessors = 100
scale-up-gb-per-s = 100
per-node = 4
node-network-gb-per-s = 50
power-w = 500
rated-power-w = 500
reaches = { products = 0.9, half-depth = 20, attention = 0.4, memory = 0.8 }
source = "a test"
)";
  const auto job = read(good + own);
  REQUIRE_MESSAGE(job, (job ? "" : job.error().what));
  const auto& [mine, theirs] = std::tie(job->fleet.types[0], job->fleet.types[1]);
  CHECK(mine.accelerator.peak.value() == 500e12);
  CHECK(mine.network.node_rate.value() == 50e9);
  REQUIRE(mine.accelerator.reaches);
  CHECK(mine.accelerator.reaches->half_depth == 20);
  CHECK(theirs.accelerator.name == "A100-80");
  CHECK_FALSE(theirs.accelerator.reaches);
  CHECK(parse_scenario(good + own, "job.toml").error().what ==
        parse_scenario(good, "job.toml").error().what);  // A run takes no notice of it.
  CHECK(error_of(good + own + own) == "job.toml:41: accelerator[2].name: \"H100\" is used twice");
  CHECK(error_of(good + own + "speed = 3\n").find("unknown key") != std::string::npos);
}

TEST_CASE("job: another device beside processors never makes a plan worse") {
  const auto step = [](const std::string& more) {
    const auto job = read(R"(version = 1
name = "small"
[model]
layers = 2
heads = 2
width = 32
hidden = 64
context = 32
[train]
tokens = 40_000
sequences = 12
[[site]]
name = "a"
at = [0, 0]
accelerators = [{ type = "cpu", count = 2 })" +
                          more + "]\n");
    REQUIRE_MESSAGE(job.has_value(), (job ? "" : job.error().what));
    return plan::search(job->job, job->fleet, testing::shipped_facts().calibration)
        ->plan.step.total;
  };
  const Seconds alone = step("");
  for (const auto& entry : testing::shipped_facts().accelerators) {
    CAPTURE(entry.accelerator.name);
    CHECK(step(", { type = \"" + entry.accelerator.name + "\", count = 1 }") <= alone);
  }
}

TEST_CASE("job: experts and windows reach the planner") {
  const auto mixtral = read(with("llama3-8b", "mixtral-8x7b"));
  REQUIRE(mixtral.has_value());
  CHECK(plan::parameters(mixtral->job.shape) / 1e9 == doctest::Approx(46.7).epsilon(0.001));
  CHECK(plan::active_parameters(mixtral->job.shape) / 1e9 == doctest::Approx(12.9).epsilon(0.005));
  const auto windowed = read(with("\"llama3-8b\"", "\"llama3-8b\"\nwindow = 4096"));
  REQUIRE(windowed.has_value());
  CHECK(windowed->job.shape.window == 4096);
}

TEST_CASE("job: every accelerator of the catalogue can be planned with, and experts on it") {
  const auto& facts = testing::shipped_facts();
  for (const auto& entry : facts.accelerators) {
    const std::string& name = entry.accelerator.name;
    CAPTURE(name);
    std::string text = with("\"H100\", count = 64", "\"" + name + "\", count = 64");
    text.replace(text.find("sequences = 2048"), 16, "sequences = 4");
    text.replace(text.find("preset = \"llama3-8b\""), 20,
                 "layers = 8\nheads = 16\nwidth = 2048\nhidden = 8192\n"
                 "experts = { count = 16, chosen = 2, hidden = 1024, dense-layers = 1 }");
    const auto job = read(text);
    REQUIRE_MESSAGE(job, (job ? "" : job.error().what));
    CHECK(plan::check(job->fleet));
    const auto found = plan::search(job->job, job->fleet, facts.calibration);
    CHECK_MESSAGE(found, (found ? "" : found.error().what));
  }
}

TEST_CASE("job: what is wrong is said with its place") {
  CHECK(
      error_of(with("\"H100\"", "\"H1000\""))
          .starts_with("job.toml: site sfo: accelerator \"H1000\" is not in the catalogue, want "));
  for (const std::string seen :
       {"\"-1 d\"", "\"0 s\"", "\"2020-01-01\"", "\"101 years\"", "2020-01-01", "30"}) {
    CAPTURE(seen);
    const std::string shown = seen == "2020-01-01" ? "a date" : seen;
    CHECK(error_of(with("\"30 d\"", seen)) ==
          "job.toml:10: plan.deadline: " + shown +
              ", want how long from now the job may take, no date, more than 0 and at most 100 "
              "years, like \"30 d\"");
  }
  CHECK(error_of(with("[\"US\"]", "\"US\"")) ==
        "job.toml:11: plan.jurisdictions: \"US\", want a list of texts");
  CHECK(error_of(with("[\"US\"]", "[\"US\", 1]")).starts_with("job.toml:11: plan.jurisdictions: "));
  CHECK(error_of(with("[\"US\"]", "[]")) ==
        "job.toml:11: plan.jurisdictions: an empty list, want a text at least");
  CHECK(error_of(with("\"fp8\"", "\"int4\"")).find("want one of") != std::string::npos);
  const auto wished = [](const std::string& line) {
    return error_of(with("deadline = \"30 d\"", line));
  };
  CHECK(wished("objective = \"luck\"").starts_with("job.toml:10: plan.objective: \"luck\", want"));
  CHECK(wished("budget = \"two\"").starts_with("job.toml:10: plan.budget: money \"two\", want "));
  CHECK(wished("budget = -1").starts_with("job.toml:10: plan.budget: "));
  CHECK(wished("power = \"-3 MW\"") ==
        "job.toml:10: plan.power: power \"-3 MW\", want more than 0");
  const auto at_site = [](const std::string& line) {
    return error_of(with("jurisdiction = \"US\"", line));
  };
  CHECK(at_site("pue = 0.9").find(".pue: ") != std::string::npos);
  CHECK(at_site("carbon = -1").find(".carbon: ") != std::string::npos);
  CHECK(at_site("energy-price = \"0.1 EUR/kWh\"").find("$/kWh") != std::string::npos);
  CHECK(error_of(with("count = 64", "price = -2")).find("price") != std::string::npos);
  CHECK(error_of(with("count = 64", "count = 0")).find("count") != std::string::npos);
  CHECK(error_of(with("\"100 Gb/s\"", "\"-3 Gb/s\"")).find("-3 Gb/s") != std::string::npos);
}

TEST_SUITE_END();
