#include "axs/host/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "axs/host/file.h"
#include "axs/host/journal_format.h"

namespace axs::host {

namespace format = journal_format;

namespace {

/// A segment ends within one batch after segment_size; anything larger was not written by us.
constexpr std::size_t segment_file_max = std::size_t{1} << 32;

}  // namespace

std::string Journal::path_of(std::uint64_t first) const {
  return folder_ + "/" + format::segment_name(first);
}

Result<Journal> Journal::open(const std::string& folder, JournalOptions options,
                              const Replay& replay) {
  Journal journal{folder, options};
  (void)AXS_TRY(make_folder(folder));
  (void)AXS_TRY(journal.find_segments());
  if (journal.segments_.empty()) (void)AXS_TRY(journal.begin_segment());
  journal.next_ = journal.first_sequence();
  for (const auto& [first, size] : journal.segments_)
    (void)AXS_TRY(journal.replay_segment(first, replay));
  (void)AXS_TRY(journal.open_newest());
  // What was replayed may still be in the system's cache only, if just the process had died.
  (void)AXS_TRY(journal.sync());
  return journal;
}

Result<> Journal::find_segments() {
  std::error_code error;
  std::filesystem::directory_iterator entry{folder_, error};
  for (; !error && entry != std::filesystem::directory_iterator{}; entry.increment(error))
    if (const auto first = format::parse_segment_name(entry->path().filename().string()))
      segments_[*first] = 0;
  if (error) return system_error(folder_, error.value());
  return Ok{};
}

Result<> Journal::replay_segment(std::uint64_t first, const Replay& replay) {
  const std::string path = path_of(first);
  if (first != next_)
    return Error{Errc::corrupt, path + ": begins at record " + std::to_string(first) + ", want " +
                                    std::to_string(next_)};
  const auto data = AXS_TRY(read_file(path, segment_file_max));
  (void)AXS_TRY(format::check_segment_header(data, path));
  std::size_t offset = format::header_size;
  while (const auto record = format::parse_record(ByteView{data}.subspan(offset), next_)) {
    (void)AXS_TRY(replay(next_, record->payload));
    offset += record->size();
    ++next_;
  }
  segments_[first] = offset;
  if (offset == data.size()) return Ok{};
  return cut_tail(path, ByteView{data}.subspan(offset), offset);
}

Result<> Journal::cut_tail(const std::string& path, ByteView rest, std::size_t offset) {
  const bool newest = path == path_of(segments_.rbegin()->first);
  if (!newest || format::proves_durable(rest, next_))
    return Error{Errc::corrupt, path + ": record " + std::to_string(next_) + " at offset " +
                                    std::to_string(offset) + " is damaged, and it was durable"};
  if (::truncate(path.c_str(), static_cast<off_t>(offset)) != 0) return system_error(path);
  return Ok{};
}

Result<> Journal::open_newest() {
  const std::string path = path_of(segments_.rbegin()->first);
  file_ = Fd{::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
  if (!file_) return system_error(path);
  return Ok{};
}

Result<> Journal::begin_segment() {
  // Written under another name first, so that a segment never lacks its header.
  const ByteVector header = format::segment_header();
  (void)AXS_TRY(write_file_atomically(path_of(next_), header, FileAccess::everyone));
  segments_[next_] = header.size();
  return Ok{};
}

Result<> Journal::rotate() {
  // A segment is sealed whole: only the newest may ever have a torn tail.
  (void)AXS_TRY(sync());
  (void)AXS_TRY(begin_segment());
  return open_newest();
}

Result<> Journal::fail(Error error) {
  failed_ = error;
  return error;
}

Result<std::uint64_t> Journal::append(std::span<const ByteVector> payloads) {
  if (failed_) return *failed_;
  for (const ByteVector& payload : payloads)
    if (payload.size() > options_.record_size_max)
      return Error{Errc::invalid, folder_ + ": record of " + std::to_string(payload.size()) +
                                      " bytes, want at most " +
                                      std::to_string(options_.record_size_max)};
  if (segments_.rbegin()->second >= options_.segment_size) (void)AXS_TRY(rotate());
  buffer_.clear();
  std::uint64_t sequence = next_;
  for (const ByteVector& payload : payloads)
    format::append_record(buffer_, {sequence++, durable_, payload});
  std::size_t& size = segments_.rbegin()->second;
  const auto written = write_all(file_.get(), buffer_, path_of(segments_.rbegin()->first));
  if (!written) {
    // Part of it may be there: without it the next record would follow a torn one.
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
      return fail(written.error()).error();
    return written.error();
  }
  size += buffer_.size();
  return std::exchange(next_, sequence);
}

Result<> Journal::sync() {
  if (failed_) return *failed_;
  if (::fdatasync(file_.get()) != 0)
    return fail(system_error("sync " + path_of(segments_.rbegin()->first)));
  durable_ = next_;
  return Ok{};
}

Result<> Journal::truncate_before(std::uint64_t sequence) {
  bool removed = false;
  while (segments_.size() > 1 && std::next(segments_.begin())->first <= sequence) {
    const std::string path = path_of(first_sequence());
    if (::unlink(path.c_str()) != 0) return system_error(path);
    segments_.erase(segments_.begin());
    removed = true;
  }
  if (removed) return sync_folder(folder_);
  return Ok{};
}

}  // namespace axs::host
