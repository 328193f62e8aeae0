#include "axs/report/fact_reader.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <fstream>

#include "axs/core/rng.h"
#include "axs/host/temporary_folder.h"

namespace axs::report {
namespace {

template <class T>
void fill(Rng& rng, T& out);

template <class T>
void fill_fields(Rng& rng, T& record) {
  for_each_field(record, [&](std::string_view, auto& field) { fill(rng, field); });
}

/// Any value of any type that facts are made of.
template <class T>
void fill(Rng& rng, T& out) {
  using namespace wire_detail;
  if constexpr (std::same_as<T, bool>)
    out = rng.chance(0.5);
  else if constexpr (std::same_as<T, std::string>) {
    const std::size_t size = rng.below(5);
    out = std::string(size, static_cast<char>(1 + rng.below(127)));
  } else if constexpr (std::floating_point<T>)
    out = rng.uniform() * 1e6 - 5e5;
  else if constexpr (std::is_arithmetic_v<T>)
    out = static_cast<T>(rng.next());
  else if constexpr (std::same_as<T, Duration> || std::same_as<T, Instant>)
    out.ns = static_cast<std::int64_t>(rng.next()) >> 6;  // What a clock can show.
  else if constexpr (std::same_as<T, Hash256>)
    for (auto& byte : out) byte = static_cast<std::uint8_t>(rng.next());
  else if constexpr (is_quantity<T>)
    out = T{rng.uniform() * 1e9};
  else if constexpr (is_vector<T>) {
    out.resize(rng.below(4));
    for (auto& element : out) fill(rng, element);
  } else
    fill_fields(rng, out);
}

template <std::size_t I = 0>
catalog::Fact any_fact(Rng& rng, std::size_t index) {
  if constexpr (I < std::variant_size_v<catalog::AnyFact>) {
    if (index != I) return any_fact<I + 1>(rng, index);
    std::variant_alternative_t<I, catalog::AnyFact> fact;
    fill_fields(rng, fact);
    return fact;
  } else {
    return {};
  }
}

std::string line_of(const catalog::Noted& noted) {
  return catalog::fact_line(noted.origin, noted.fact);
}

const std::string good =
    catalog::fact_line({"run", "sfo", Instant{5}}, catalog::SiteStarted{2, 77});

TEST_CASE("every kind of fact is read as it was written") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    for (std::size_t kind = 0; kind < std::variant_size_v<catalog::AnyFact>; ++kind) {
      catalog::Noted noted;
      fill_fields(rng, noted.origin);
      noted.fact = any_fact(rng, kind);
      const auto read = read_fact(line_of(noted));
      RC_ASSERT(read.has_value());
      RC_ASSERT(line_of(*read) == line_of(noted));
    }
  }));
}

TEST_CASE("an earlier version's line lacks fields; one of this version may have more") {
  const auto old = read_fact(
      R"({"v":1,"run":"r","site":"","at":7,"type":"RunStarted","scenario":"s","tokens":9})");
  REQUIRE(old);
  CHECK(std::get<catalog::RunStarted>(old->fact).tokens == 9);
  CHECK(std::get<catalog::RunStarted>(old->fact).fragments == 0);
  CHECK(read_fact(R"({"v":3,"site":"a","at":7,"type":"SiteStopped","reason":"x","more":[1]})"));
}

TEST_CASE("what is no fact is passed over") {
  for (const char* line :
       {"", "{", "null", "[]", "7", "{}", R"({"type":7})", R"({"type":"NoSuchFact"})",
        R"({"at":"noon","type":"SiteStopped"})", R"({"at":1.5,"type":"SiteStopped"})",
        R"({"at":1,"type":"SiteStarted","incarnation":-1})",
        R"({"at":1,"type":"SiteStarted","incarnation":4294967296})",
        R"({"at":1,"type":"SyncApplied","members":{}})",
        R"({"at":1,"type":"SyncApplied","members":[3]})",
        R"({"at":1,"type":"SyncApplied","hash":"zz"})", "{\"type\":\"\xff\"}"})
    CHECK_MESSAGE(!read_fact(line), line);
}

TEST_CASE("bytes changed at random never do harm") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    catalog::Noted noted;
    noted.fact = any_fact(rng, rng.below(std::variant_size_v<catalog::AnyFact>));
    std::string line = line_of(noted);
    for (std::uint64_t i = 0; i <= rng.below(4); ++i)
      line[rng.below(line.size())] = static_cast<char>(rng.next());
    line.resize(rng.below(line.size() + 1));
    (void)read_fact(line);
  }));
}

TEST_CASE("a record of a newer version is refused, with both versions") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "events.jsonl";
  std::ofstream{path} << good << R"({"v":9,"run":"r","site":"","at":7,"type":"Later"})" << "\n";
  const auto run = read_run(folder.path());
  REQUIRE_FALSE(run);
  CHECK(run.error().code == Errc::invalid);
  CHECK(run.error().what == path + ": facts of version 9, want at most 5");
}

TEST_CASE("a file is read in whatever pieces it comes") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    std::string text;
    std::size_t facts = 0, garbage = 0;
    for (std::uint64_t i = rng.below(8); i > 0; --i) {
      const bool is_fact = rng.chance(0.7);
      text += is_fact ? good : "garb{age\n";
      ++(is_fact ? facts : garbage);
    }
    text += good.substr(0, rng.below(good.size()));  // Torn, or still being written.
    FactStream stream;
    std::size_t read = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t size = 1 + rng.below(rest.size());
      read += stream.feed(rest.substr(0, size)).size();
      rest.remove_prefix(size);
    }
    RC_ASSERT(read == facts);
    RC_ASSERT(stream.ignored() == garbage);
  }));
}

}  // namespace
}  // namespace axs::report
