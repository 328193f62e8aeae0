#include "axs/core/json.h"

#include <doctest/doctest.h>

using namespace axs;

namespace {
enum class Colour { red, green };
struct Part {
  std::string name;
  double weight;
};
struct Record {
  SiteId site;
  Duration delay;
  std::vector<Part> parts;
  std::optional<int> missing;
  Colour colour;
  bool up;
};
}  // namespace

TEST_CASE("json: a record with everything in it") {
  const Record record{SiteId{2}, milliseconds(3), {{"a\"\n", 0.5}}, {}, Colour::green, true};
  CHECK(to_json(record) ==
        R"({"site":2,"delay":3000000,"parts":[{"name":"a\"\u000a","weight":0.5}],)"
        R"("missing":null,"colour":"green","up":true})");
  CHECK(type_name<Record>() == "Record");
}

TEST_CASE("json: no infinity, hashes in hexadecimal") {
  CHECK(to_json(1.0 / 0.0) == "null");
  CHECK(to_json(Hash256{0xab}).starts_with("\"ab00"));
}
