// A segment of a journal as a disk may give it back. Opening it ends in an error or in records;
// what it has accepted once it accepts again, and goes on from there.
#include <cstdlib>

#include "axs/host/file.h"
#include "axs/host/journal.h"
#include "axs/host/journal_format.h"
#include "axs/host/temporary_folder.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace host;

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  for (const std::size_t records : {0u, 1u, 3u, 10u}) {
    ByteVector segment = journal_format::segment_header();
    for (std::uint64_t i = 0; i < records; ++i)
      journal_format::append_record(segment, {i, i / 2, ByteVector(5 * i)});
    all.push_back(segment);
  }
  return all;
}

std::optional<std::uint64_t> records_in(const std::string& folder) {
  std::uint64_t count = 0;
  const auto journal = Journal::open(folder, {}, [&](std::uint64_t sequence, ByteView) -> Result<> {
    AXS_ASSERT(sequence == count);
    ++count;
    return Ok{};
  });
  if (!journal) return std::nullopt;
  AXS_ASSERT(journal->next_sequence() == count);
  return count;
}

void run(ByteView input) {
  static const TemporaryFolder folder;
  const std::string path = folder / journal_format::segment_name(0);
  AXS_ASSERT(write_file_atomically(path, input, FileAccess::everyone));
  const auto first = records_in(folder.path());
  if (first) AXS_ASSERT(records_in(folder.path()) == first);
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 5'000, .memory_base = 1 << 16, .memory_per_byte = 16};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
