#include "axs/core/fields.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/core/id.h"
#include "axs/core/time.h"

using namespace axs;

namespace {
enum class Colour { red, green };
struct Inner {
  int x;
  double y;
};
struct Record {
  SiteId site;
  std::string name;
  std::optional<Duration> delay;
  std::vector<Inner> parts;
  std::variant<int, Inner> choice;
  std::array<std::uint8_t, 4> hash;
  Inner inner;
  Colour colour;
  std::pair<int, int> range_of_steps;
  bool up;
};
struct Empty {};
}  // namespace

TEST_CASE("fields: counted and named in order") {
  static_assert(field_count<Record> == 10);
  static_assert(field_count<Empty> == 0);
  constexpr auto names = field_names<Record>();
  CHECK(names[0] == "site");
  CHECK(names[2] == "delay");
  CHECK(names[4] == "choice");
  CHECK(names[8] == "range_of_steps");
  CHECK(names[9] == "up");
}

TEST_CASE("fields: references reach the object") {
  Inner inner{1, 2};
  for_each_field(inner, [](std::string_view, auto& field) { field += 1; });
  CHECK(inner.x == 2);
  CHECK(inner.y == 3);
}
