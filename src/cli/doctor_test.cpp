#include "axs/cli/doctor.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace axs::cli;

namespace {

const Check good{"memory", Level::ok, "8.0 GB", ""};
const Check slower{"tun", Level::limited, "does not work", "load the module tun"};
const Check bad{"disk", Level::missing, "0.1 GB free here", "make room, want 2.0 GB"};

}  // namespace

TEST_CASE("only what is missing fails a machine") {
  CHECK(verdict({good}) == ExitCode::done);
  CHECK(verdict({good, slower}) == ExitCode::done);
  CHECK(verdict({good, slower, bad}) == ExitCode::failed);
}

TEST_CASE("text has one line a check, with what to do, and a verdict") {
  CHECK(checks_as_text({good, bad}) ==
        "ok      memory              8.0 GB\n"
        "missing disk                0.1 GB free here; make room, want 2.0 GB\n"
        "This machine cannot run AXS yet.\n");
}

TEST_CASE("JSON says the same") {
  const auto document = nlohmann::json::parse(checks_as_json({good, slower}));
  CHECK(document.at("version") == 1);
  CHECK(document.at("good") == true);
  CHECK(document.at("checks").at(1).at("level") == "limited");
  CHECK(document.at("checks").at(1).at("advice") == "load the module tun");
}

TEST_CASE("the machine that runs this test is examined completely") {
  const auto checks = examine_machine();
  CHECK(checks.size() == 11);
  for (const Check& check : checks) CHECK((check.level == Level::ok) == check.advice.empty());
}
