#include "axs/core/result.h"

#include <doctest/doctest.h>

using namespace axs;

namespace {

Result<int> parse_port(const std::string& text) {
  if (text.empty()) return Error{Errc::invalid, "port: empty, want 1..65535"};
  return 42;
}

Result<std::string> twice(const std::string& text) {
  const int port = AXS_TRY(parse_port(text));
  return std::to_string(2 * port);
}

Result<> check(const std::string& text) {
  (void)AXS_TRY(parse_port(text));
  return Ok{};
}

}  // namespace

TEST_CASE("result: a value passes through, an error returns to the caller") {
  CHECK(*twice("x") == "84");
  CHECK(twice("").error().code == Errc::invalid);
  CHECK(check("x").has_value());
  CHECK_FALSE(check(""));
}
