#include "axs/core/wire.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/id.h"
#include "axs/core/time.h"

using namespace axs;

namespace {
enum class Colour { red, green };
struct Ping {
  std::uint32_t sequence;
};
struct Text {
  std::string body;
  std::vector<std::pair<SiteId, Duration>> delays;
};
struct Nothing {};
struct Record {
  std::optional<double> rate;
  std::variant<Ping, Text, Nothing> body;
  std::array<std::uint8_t, 3> hash;
  Colour colour;
  bool up;
};
}  // namespace

TEST_CASE("wire: a record comes back as it was") {
  const Record sent{.rate = 2.5,
                    .body = Text{"hello", {{SiteId{3}, milliseconds(4)}}},
                    .hash = {1, 2, 3},
                    .colour = Colour::green,
                    .up = true};
  const auto got = from_wire<Record>(to_wire(sent), "record");
  REQUIRE(got);
  CHECK(got->rate == 2.5);
  CHECK(std::get<Text>(got->body).delays[0].second == milliseconds(4));
  CHECK(got->hash == sent.hash);
  CHECK(got->colour == Colour::green);
  CHECK(got->up);
}

TEST_CASE("wire: every truncation and every extra byte is refused") {
  ByteVector data =
      to_wire(Record{.rate = 1, .body = Text{"abc", {}}, .hash = {}, .colour = {}, .up = false});
  for (std::size_t n = 0; n < data.size(); ++n)
    CHECK_FALSE(from_wire<Record>(ByteView{data}.first(n), "record"));
  data.push_back(0);
  CHECK_FALSE(from_wire<Record>(data, "record"));
}

TEST_CASE("wire: a value that the enum lacks is refused") {
  CHECK_FALSE(from_wire<Colour>(ByteVector{2}, "colour"));
  CHECK_FALSE(from_wire<bool>(ByteVector{2}, "flag"));
  CHECK(enum_name(Colour::green) == "green");
  static_assert(enum_count<Colour> == 2);
}

TEST_CASE("wire: random bytes never crash nor allocate beyond the input") {
  CHECK(rc::check(
      [](const ByteVector& data) { (void)from_wire<Record>(data, "record").has_value(); }));
}

TEST_CASE("wire: a quantity keeps its number") {
  CHECK(from_wire<Bytes>(to_wire(Bytes{1.5}), "bytes")->value() == 1.5);
}
