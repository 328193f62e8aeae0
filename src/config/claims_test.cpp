#include "axs/config/claims.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::config;

namespace {

std::string problem_of(const std::string& text) {
  const auto claims = parse_claims("version = 1\n" + text);
  return claims ? "" : claims.error().what;
}
const std::string first = "[[claim]]\nid = 1\narea = \"a\"\ntext = \"t\"\n";

}  // namespace

TEST_SUITE_BEGIN("claims");

TEST_CASE("claims: what is wrong with a file is said with its place") {
  CHECK(problem_of(first) == "");
  CHECK(problem_of(first + first) == "claims.toml:7: claim[2].id: 1 is used twice");
  CHECK(problem_of(first + "verdict = \"true\"\nreason = \"r\"\n").find("\"true\", want one of") !=
        std::string::npos);
  CHECK(problem_of(first + "verdict = \"measured\"\n").find("reason") != std::string::npos);
  CHECK(problem_of(first + "number = \"7\"\n").find("number") != std::string::npos);
}

TEST_SUITE_END();
