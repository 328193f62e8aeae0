#include "axs/host/journal.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "axs/core/crc32c.h"
#include "axs/host/file.h"
#include "axs/host/journal_format.h"
#include "axs/host/temporary_folder.h"

using namespace axs;
using namespace axs::host;

namespace {

using Records = std::vector<ByteVector>;

struct Opened {
  Journal journal;
  Records records;
};

Result<Opened> open_journal(const std::string& folder, std::size_t segment_size = 1 << 20) {
  Records records;
  auto journal = AXS_TRY(Journal::open(folder, {.segment_size = segment_size},
                                       [&](std::uint64_t, ByteView payload) -> Result<> {
                                         records.emplace_back(payload.begin(), payload.end());
                                         return Ok{};
                                       }));
  return Opened{std::move(journal), std::move(records)};
}

/// Records of different sizes, the empty one included.
ByteVector payload(std::size_t i) {
  return ByteVector(i * 7 % 40, static_cast<std::uint8_t>(i));
}

enum class Syncing { never, each };

/// The bytes of a journal of one segment with n records.
ByteVector segment_of(std::size_t n, Syncing syncing) {
  const TemporaryFolder folder;
  auto opened = open_journal(folder.path());
  for (std::size_t i = 0; i < n; ++i) {
    REQUIRE(opened->journal.append(payload(i)));
    if (syncing == Syncing::each) REQUIRE(opened->journal.sync());
  }
  return *read_file(folder / journal_format::segment_name(0), 1 << 20);
}

Result<Records> recover(const ByteVector& segment) {
  const TemporaryFolder folder;
  REQUIRE(write_file_atomically(folder / journal_format::segment_name(0), segment,
                                FileAccess::everyone));
  auto opened = AXS_TRY(open_journal(folder.path()));
  // What was recovered goes on: another record is appended and found behind it.
  REQUIRE(opened.journal.append(ByteVector{42}));
  const auto again = open_journal(folder.path());
  REQUIRE(again);
  REQUIRE(again->records.size() == opened.records.size() + 1);
  return opened.records;
}

bool is_prefix(const Records& records) {
  for (std::size_t i = 0; i < records.size(); ++i)
    if (records[i] != payload(i)) return false;
  return true;
}

}  // namespace

TEST_CASE("journal: what was appended is replayed, over segments") {
  const TemporaryFolder folder;
  {
    auto opened = open_journal(folder.path(), 200);
    for (std::size_t i = 0; i < 50; ++i) CHECK(*opened->journal.append(payload(i)) == i);
    CHECK(opened->journal.durable_end() < 50);
    REQUIRE(opened->journal.sync());
    CHECK(opened->journal.durable_end() == 50);
  }
  const auto opened = open_journal(folder.path(), 200);
  REQUIRE(opened);
  CHECK(opened->records.size() == 50);
  CHECK(is_prefix(opened->records));
  CHECK(opened->journal.next_sequence() == 50);
}

TEST_CASE("journal: cut at any offset, it recovers all whole records before the cut") {
  for (const auto syncing : {Syncing::never, Syncing::each}) {
    const ByteVector whole = segment_of(12, syncing);
    std::size_t records_before = 0;
    std::size_t end = journal_format::header_size;
    for (std::size_t cut = journal_format::header_size; cut <= whole.size(); ++cut) {
      const auto got = recover({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut)});
      REQUIRE(got);
      while (records_before < 12 &&
             cut >= end + journal_format::record_header_size + payload(records_before).size())
        end += journal_format::record_header_size + payload(records_before++).size();
      CHECK(got->size() == records_before);
      CHECK(is_prefix(*got));
    }
  }
}

TEST_CASE("journal: damage at any offset of what was not synced leaves a prefix") {
  const ByteVector whole = segment_of(12, Syncing::never);
  for (std::size_t i = journal_format::header_size; i < whole.size(); ++i) {
    ByteVector damaged = whole;
    damaged[i] ^= 0x55;
    const auto got = recover(damaged);
    REQUIRE(got);
    CHECK(got->size() < 12);
    CHECK(is_prefix(*got));
  }
}

TEST_CASE("journal: damage of what was durable is refused, save in the last record") {
  const ByteVector whole = segment_of(12, Syncing::each);
  const std::size_t last = whole.size() - payload(11).size() - journal_format::record_header_size;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    ByteVector damaged = whole;
    damaged[i] ^= 0x55;
    const auto got = recover(damaged);
    if (i >= last) {
      REQUIRE(got);
      CHECK(got->size() == 11);
    } else {
      REQUIRE_FALSE(got);
      CHECK(got.error().code == Errc::corrupt);
      CHECK(got.error().what.find(journal_format::segment_name(0)) != std::string::npos);
    }
  }
}

TEST_CASE("journal: a hole of zeros before pages that did reach the disk is a torn tail") {
  ByteVector torn = segment_of(12, Syncing::never);
  std::fill(torn.begin() + 100, torn.begin() + 200, std::uint8_t{0});
  const auto got = recover(torn);
  REQUIRE(got);
  CHECK(got->size() < 12);
  CHECK(is_prefix(*got));
}

TEST_CASE("journal: any bytes at all are recovered or refused, never a crash") {
  const ByteVector whole = segment_of(6, Syncing::each);
  CHECK(rc::check([&](std::size_t from, const ByteVector& noise) {
    ByteVector data = whole;
    from %= data.size();
    for (std::size_t i = 0; i < noise.size() && from + i < data.size(); ++i)
      data[from + i] = noise[i];
    const auto got = recover(data);
    RC_ASSERT((!got || is_prefix(*got)));
  }));
}

TEST_CASE("journal: trimming frees whole segments, and a missing one is noticed") {
  const TemporaryFolder folder;
  std::uint64_t first = 0;
  {
    auto opened = open_journal(folder.path(), 200);
    for (std::size_t i = 0; i < 50; ++i) REQUIRE(opened->journal.append(payload(i)));
    REQUIRE(opened->journal.truncate_before(20));
    first = opened->journal.first_sequence();
    CHECK(first > 0);
    CHECK(first <= 20);
  }
  auto opened = open_journal(folder.path(), 200);
  REQUIRE(opened);
  CHECK(opened->records.size() == 50 - first);
  CHECK(opened->records[0] == payload(first));
  REQUIRE(opened->journal.truncate_before(1000));
  CHECK(opened->journal.next_sequence() == 50);
  for (std::size_t i = 50; i < 80; ++i) REQUIRE(opened->journal.append(payload(i)));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()})
    names.push_back(entry.path().string());
  std::sort(names.begin(), names.end());
  std::filesystem::remove(names.at(1));
  CHECK(open_journal(folder.path(), 200).error().code == Errc::corrupt);
}

TEST_CASE("journal: a full disk is an error, and the journal goes on when there is room again") {
  const TemporaryFolder folder;
  auto opened = open_journal(folder.path());
  REQUIRE(opened->journal.append(ByteVector(1000, 1)));
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old;
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit limit{2000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto refused = opened->journal.append(ByteVector(5000, 2));
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, old_handler);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::exhausted);
  CHECK(*opened->journal.append(ByteVector(10, 3)) == 1);
  REQUIRE(opened->journal.sync());
  const auto again = open_journal(folder.path());
  REQUIRE(again);
  CHECK(again->records == Records{ByteVector(1000, 1), ByteVector(10, 3)});
}

TEST_CASE("journal: too large a record, a replay that refuses") {
  const TemporaryFolder folder;
  auto opened = open_journal(folder.path());
  CHECK(opened->journal.append(ByteVector((16 << 20) + 1)).error().code == Errc::invalid);
  REQUIRE(opened->journal.append(ByteVector{1}));
  const auto refused = Journal::open(folder.path(), {}, [](std::uint64_t, ByteView) -> Result<> {
    return Error{Errc::invalid, "no"};
  });
  CHECK(refused.error().what == "no");
}

TEST_CASE("journal: a segment of a newer version is refused, with both versions") {
  ByteVector bytes = segment_of(1, Syncing::each);
  bytes[8] = 9;  // The version; the checksum of the header covers it.
  const ByteVector crc = to_wire(crc32c(ByteView{bytes}.first(12)));
  std::copy(crc.begin(), crc.end(), bytes.begin() + 12);
  const auto refused = recover(bytes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::invalid);
  CHECK(refused.error().what.ends_with(".log: journal version 9, want 1"));
}
