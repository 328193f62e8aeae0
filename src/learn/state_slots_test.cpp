#include "axs/learn/state_slots.h"

#include <doctest/doctest.h>

#include <array>

#include "axs/core/rng.h"
#include "axs/host/file.h"
#include "axs/learn/test_folder.h"

using namespace axs;
using namespace axs::learn;

namespace {

ByteVector state_of(std::uint8_t n) {
  return ByteVector(500 + n, n);
}

Result<> save(StateSlots& slots, std::uint8_t n) {
  const ByteVector state = state_of(n);
  const std::array<ByteView, 2> parts{ByteView{state}.first(100), ByteView{state}.subspan(100)};
  return slots.save(parts);
}

std::optional<ByteVector> loaded(const std::string& folder) {
  auto slots = StateSlots::open(folder);
  REQUIRE(slots);
  return *slots->load();
}

void save_in(const std::string& folder, std::uint8_t n) {
  auto slots = *StateSlots::open(folder);
  REQUIRE(slots.load());
  REQUIRE(save(slots, n));
}

}  // namespace

TEST_CASE("state slots: what was saved last is loaded, however often it was opened") {
  const TestFolder folder;
  CHECK_FALSE(loaded(folder.path()));
  for (std::uint8_t n = 1; n < 6; ++n) {
    save_in(folder.path(), n);
    CHECK(loaded(folder.path()) == state_of(n));
  }
  auto slots = *StateSlots::open(folder.path());
  REQUIRE(slots.load());
  for (std::uint8_t n = 6; n < 11; ++n) REQUIRE(save(slots, n));
  CHECK(StateSlots::open(folder.path()).error().code == Errc::unavailable);
  {
    const StateSlots closed = std::move(slots);
  }
  CHECK(loaded(folder.path()) == state_of(10));
}

TEST_CASE("state slots: a save that was cut short anywhere leaves the state before") {
  Rng rng{1};
  for (int i = 0; i < 50; ++i) {
    const TestFolder folder;
    for (std::uint8_t n = 1; n <= 4; ++n) save_in(folder.path(), n);
    // The fourth is in the second file: make it look as if its writing had stopped.
    ByteVector bytes = *host::read_file(folder.path() + "/worker.1", 1 << 20);
    constexpr std::size_t complete_at = 28;
    REQUIRE(bytes[complete_at] == 1);
    bytes[complete_at] = 0;
    bytes.resize(32 + rng.below(bytes.size() - 32));
    folder.write("worker.1", {bytes.begin(), bytes.end()});
    CHECK(loaded(folder.path()) == state_of(3));
    // The next save does not touch the only whole one.
    save_in(folder.path(), 5);
    CHECK(loaded(folder.path()) == state_of(5));
    CHECK(host::read_file(folder.path() + "/worker.0", 1 << 20)->back() == 3);
  }
}

TEST_CASE("state slots: a damaged state is never loaded") {
  Rng rng{2};
  const TestFolder folder;
  for (std::uint8_t n = 1; n <= 4; ++n) save_in(folder.path(), n);
  const ByteVector good = *host::read_file(folder.path() + "/worker.1", 1 << 20);
  for (int i = 0; i < 200; ++i) {
    ByteVector bytes = good;
    bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
    folder.write("worker.1", {bytes.begin(), bytes.end()});
    auto slots = StateSlots::open(folder.path());
    if (!slots) continue;  // Not a state at all.
    const auto state = *slots->load();
    CHECK((state == state_of(3) || state == state_of(4)));
  }
  for (const char* name : {"worker.0", "worker.1"}) {
    ByteVector bytes = good;
    bytes[100] ^= 1;
    folder.write(name, {bytes.begin(), bytes.end()});
  }
  CHECK(StateSlots::open(folder.path())->load().error().code == Errc::corrupt);
}

TEST_CASE("state slots: a state of a newer version is refused, with both versions") {
  const TestFolder folder;
  save_in(folder.path(), 1);
  const std::string path = folder.path() + "/worker.0";
  ByteVector bytes = *host::read_file(path, 1 << 20);
  bytes[7] = '5';
  folder.write("worker.0", {bytes.begin(), bytes.end()});
  const auto slots = StateSlots::open(folder.path());
  REQUIRE_FALSE(slots);
  CHECK(slots.error().code == Errc::invalid);
  CHECK(slots.error().what == path + ": a worker's state of version 5, want version 4");
}
