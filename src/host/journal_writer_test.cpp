#include "axs/host/journal_writer.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "axs/host/temporary_folder.h"

using namespace axs;
using namespace axs::host;

namespace {

Result<Journal> open_journal(const std::string& folder, std::vector<ByteVector>* records) {
  return Journal::open(folder, {.segment_size = 500},
                       [&](std::uint64_t, ByteView payload) -> Result<> {
                         if (records) records->emplace_back(payload.begin(), payload.end());
                         return Ok{};
                       });
}

JournalWriter::Progress next_progress(JournalWriter& writer) {
  pollfd readable{writer.fd(), POLLIN, 0};
  REQUIRE(::poll(&readable, 1, 60'000) == 1);
  return writer.progress();
}

}  // namespace

TEST_CASE("journal writer: what it says is durable is on the disk, the rest after the end") {
  const TemporaryFolder folder;
  {
    auto writer = *JournalWriter::start(*open_journal(folder.path(), nullptr), 1 << 20);
    for (std::uint8_t i = 0; i < 200; ++i) CHECK(*writer->append(ByteVector(i, i)) == i);
    while (next_progress(*writer).durable_end < 200) {
    }
    for (std::uint8_t i = 200; i < 250; ++i) REQUIRE(writer->append(ByteVector(i, i)));
  }
  std::vector<ByteVector> records;
  REQUIRE(open_journal(folder.path(), &records));
  REQUIRE(records.size() == 250);
  for (std::uint8_t i = 0; i < 250; ++i) CHECK(records[i] == ByteVector(i, i));
}

TEST_CASE("journal writer: trims after a checkpoint") {
  const TemporaryFolder folder;
  {
    auto writer = *JournalWriter::start(*open_journal(folder.path(), nullptr), 1 << 20);
    for (int i = 0; i < 10; ++i) {
      const std::uint64_t sequence = *writer->append(ByteVector(600));
      while (next_progress(*writer).durable_end <= sequence) {
      }
    }
    writer->truncate_before(9);
  }
  CHECK(open_journal(folder.path(), nullptr)->first_sequence() == 9);
}

TEST_CASE("journal writer: a full disk stops it with an error that every later append repeats") {
  const TemporaryFolder folder;
  auto writer = *JournalWriter::start(*open_journal(folder.path(), nullptr), 10'000);
  CHECK(writer->append(ByteVector(10'001)).error().code == Errc::exhausted);
  CHECK(writer->append(ByteVector((16 << 20) + 1)).error().code == Errc::invalid);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old;
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit limit{2000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  REQUIRE(writer->append(ByteVector(5000)));
  const auto progress = next_progress(*writer);
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, old_handler);
  REQUIRE(progress.failure);
  CHECK(progress.failure->code == Errc::exhausted);
  CHECK(progress.durable_end == 0);
  CHECK(writer->append(ByteVector(1)).error().what == progress.failure->what);
}
