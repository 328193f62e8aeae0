#include "axs/config/scenario.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <filesystem>

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

TEST_CASE("scenario: a plan is made for models that our workers do not train") {
  const auto with = [](const std::string& model) {
    return "version = 1\nname = \"x\"\n[model]\n" + model +
           "\n[train]\ntokens = \"1T\"\n[[site]]\nname = \"fra\"\nat = [50.1, 8.7]\n";
  };
  for (const auto& [preset, billions] : {std::pair{"gpt-175b", 174.6},
                                         {"llama3-8b", 8.03},
                                         {"llama3-70b", 70.6},
                                         {"llama3-405b", 405.9},
                                         {"mixtral-8x7b", 46.7}}) {
    const std::string text = with("preset = \"" + std::string{preset} + "\"");
    const auto job = parse_plan_scenario(text, "x.toml");
    REQUIRE(job.has_value());
    CHECK(static_cast<double>(catalog::parameter_count(job->scenario.model)) / 1e9 ==
          doctest::Approx(billions).epsilon(0.002));
    CHECK_FALSE(parse_scenario(text, "x.toml"));
  }
  const auto problem = [&](const std::string& model) {
    return parse_plan_scenario(with(model), "x.toml").error().what;
  };
  CHECK(problem("experts = { count = 8, chosen = 9, hidden = 64 }") ==
        "x.toml:4: model.experts.chosen: 9, want at most the 8 experts");
  CHECK(problem("experts = { count = 8, chosen = 2, hidden = 64, dense-layers = 5 }") ==
        "x.toml:4: model.experts.dense-layers: 5, want at most the 4 layers");
  CHECK(problem("heads = 3") ==
        "x.toml:3: model.width: 128, want a multiple of the 3 heads, or head-width");
  CHECK(parse_scenario(with("vocabulary = 32000"), "x.toml").error().what ==
        "x.toml:4: model.vocabulary: our workers do not train this, want 256: text is trained byte "
        "by byte");
}

TEST_CASE("scenario: transfers of files and of made-up bytes, and what is wrong with others") {
  const std::string push = "[[transfer]]\nfrom = \"sfo\"\nto = \"fra\"\n";
  const std::string file = push + "at = \"30%\"\nfile = \"good.toml\"\n";
  const std::string job = AXS_SOURCE_DIR "/scenarios/pair.toml";
  const auto error = [&](const std::string& text) {
    const auto scenario = parse_scenario(good + text, job);
    return scenario ? std::string{} : scenario.error().what.substr(job.size());
  };
  const auto scenario = parse_scenario(good + push + "at = \"40s\"\nsize = \"200 MB\"\n" + push +
                                           "at = \"30%\"\nfile = \"../README.md\"\n",
                                       job);
  REQUIRE_MESSAGE(scenario, (scenario ? "" : scenario.error().what));
  const auto& [made, read] = std::pair{scenario->transfers.at(0), scenario->transfers.at(1)};
  CHECK(made.name == "transfer-1");
  CHECK(made.size == 200'000'000);
  CHECK(std::get<Duration>(made.at) == seconds(40));
  CHECK(read.from == SiteId{0});
  CHECK(read.to == SiteId{1});
  CHECK(read.name == "README.md");
  CHECK(read.file == std::filesystem::path{AXS_SOURCE_DIR "/README.md"}.lexically_normal());
  CHECK(read.size == std::filesystem::file_size(AXS_SOURCE_DIR "/README.md"));
  CHECK(error(file).ends_with("transfer[1].file: \"" AXS_SOURCE_DIR
                              "/scenarios/good.toml\" is no file"));
  const std::string both = "transfer[1].file: want either file = \"FILE\" or size = \"200 MB\"";
  CHECK(error(file + "size = \"1 B\"\n").ends_with(both));
  CHECK(error(push + "at = \"1 s\"\n").ends_with(both));
  CHECK(error(push + "at = \"1 s\"\nsize = \"0 B\"\n").find("size: size \"0 B\", want a whole") !=
        std::string::npos);
  CHECK(error("[[transfer]]\nfrom = \"sfo\"\nto = \"ams\"\n")
            .ends_with("transfer[1].to: no site is called \"ams\""));
  CHECK(error("[[transfer]]\nfrom = \"sfo\"\nto = \"sfo\"\n")
            .ends_with("transfer[1].to: \"sfo\", want another site"));
  CHECK(error(push + "size = \"1 B\"\n").find("transfer[1].at: missing") != std::string::npos);
  const std::string twice = push + "at = \"1 s\"\nfile = \"../README.md\"\n";
  CHECK(error(twice + twice)
            .ends_with("transfer[2].file: \"README.md\" goes to \"fra\" twice, want files of "
                       "different names"));
}

TEST_CASE("scenario: damaged text never crashes") {
  CHECK(rc::check([](const std::vector<std::pair<std::uint16_t, char>>& changes) {
    std::string text = good;
    for (const auto& [at, c] : changes) text[at % text.size()] = c;
    (void)parse_scenario(text, "damaged.toml").has_value();
  }));
}

TEST_CASE("scenario: a measured link is what its files say, wherever it is read from") {
  const auto scenario = read_scenario(AXS_SOURCE_DIR "/scenarios/measured-link.toml");
  REQUIRE_MESSAGE(scenario, (scenario ? "" : scenario.error().what));
  const Link& link = scenario->links[1];
  CHECK(link.kind == LinkKind::trace);
  CHECK(link.trace.one_way.size() == 6'000);
  CHECK(link.trace.delay_step == milliseconds(10));
  CHECK(link.trace.bytes_per_second.size() == 600);
  CHECK(link.trace.rate_step == milliseconds(100));
  // The means, for who wants one number.
  CHECK(link.one_way->seconds() == doctest::Approx(0.026).epsilon(0.05));
  CHECK(link.rate_ab.value() * 8e-6 == doctest::Approx(97).epsilon(0.05));
  CHECK(link.rate_ba == link.rate_ab);
}

TEST_CASE("scenario: what is wrong with a measured link is said, in its files too") {
  const std::string wire = "kind = \"wire\"\nrate = \"100 Mb/s\"\ndelay = \"75 ms\"\n";
  const auto trace = [&](const std::string& delays, const std::string& more) {
    return error_of(with(wire, "kind = \"trace\"\ndelays = \"" + delays + "\"\n" + more));
  };
  const std::string capacity = "capacity = \"" AXS_SOURCE_DIR "/data/made-up-capacity.csv\"\n";
  const std::string delays = AXS_SOURCE_DIR "/data/made-up-delay.txt";
  CHECK(trace(delays, capacity) == "");
  CHECK(trace("none.txt", capacity).find("none.txt: no such file") != std::string::npos);
  CHECK(trace(AXS_SOURCE_DIR "/data/README.md", capacity).find("README.md:1: \"# Data\"") !=
        std::string::npos);
  CHECK(trace(delays, "").find("capacity: missing") != std::string::npos);
  CHECK(trace(delays, capacity + "rate = \"1 Gb/s\"\n").find("the traces say what") !=
        std::string::npos);
  CHECK(error_of(with("kind = \"wire\"", "kind = \"wire\"\ndelays = \"x\"")).find("unknown key") !=
        std::string::npos);
}
