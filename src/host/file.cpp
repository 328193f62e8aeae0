#include "axs/host/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace axs::host {

namespace {

std::string folder_of(const std::string& path) {
  const std::string parent = std::filesystem::path{path}.parent_path().string();
  return parent.empty() ? "." : parent;
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

/// What is to take the place of `path` in the end.
std::string temporary_of(const std::string& path) {
  return path + ".tmp";
}

Fd open_temporary(const std::string& path, mode_t mode) {
  return Fd{::open(temporary_of(path).c_str(),
                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
}

Result<> write_and_sync(const std::string& path, std::span<const ByteView> parts, mode_t mode) {
  const Fd file = open_temporary(path, mode);
  if (!file) return system_error(path);
  // The mode given to open() loses the bits of the umask, and counts only if the file is new.
  if (::fchmod(file.get(), mode) != 0) return system_error(path);
  for (const ByteView part : parts) (void)AXS_TRY(write_all(file.get(), part, path));
  if (::fsync(file.get()) != 0) return system_error(path);
  return Ok{};
}

/// Whether a file could take the place of `path`.
Result<> try_temporary(const std::string& path) {
  if (!open_temporary(path, 0644)) return system_error(path);
  ::unlink(temporary_of(path).c_str());
  return Ok{};
}

ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool is_same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// What this process writes to already, such as its standard output: opened once more, it would be
/// written from its beginning. Nothing: the path is none of that.
Fd open_already(const std::string& path) {
  struct stat there, open;
  if (::stat(path.c_str(), &there) != 0) return {};
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", ignored}) {
    const int fd = std::atoi(entry.path().filename().c_str());
    if (::fstat(fd, &open) == 0 && is_same(open, there) &&
        (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
      return Fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
  }
  return {};
}

/// The file to which links lead, or where they say that there is one.
std::string end_of_links(const std::string& path) {
  constexpr int links_max = 40;  // Linux's.
  std::filesystem::path end = path;
  std::error_code ignored;
  for (int i = 0; i < links_max && std::filesystem::is_symlink(end, ignored); ++i)
    end = end.parent_path() / std::filesystem::read_symlink(end, ignored);
  return end.string();
}

/// Waits for nobody to read.
Result<Fd> open_in_place(const std::string& path) {
  Fd place{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  const int problem = errno;
  std::error_code ignored;
  if (!place && problem == ENXIO && std::filesystem::is_fifo(path, ignored))
    return Error{Errc::unavailable, path + ": it is a pipe that nobody reads"};
  if (!place) return system_error(path, problem);
  ::fcntl(place.get(), F_SETFL, 0);
  return place;
}

}  // namespace

Result<> write_all(int fd, ByteView data, const std::string& path) {
  while (!data.empty()) {
    const auto written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error(path);
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return Ok{};
}

Result<> write_file_atomically(const std::string& path, ByteView data, FileAccess access) {
  return write_parts_atomically(path, std::span{&data, 1}, access);
}

Result<> write_parts_atomically(const std::string& path, std::span<const ByteView> parts,
                                FileAccess access) {
  const std::string temporary = temporary_of(path);
  auto written = write_and_sync(path, parts, access == FileAccess::owner_only ? 0600 : 0644);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = system_error(path);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_folder(folder_of(path));
}

Result<> replace_file(const std::string& path, std::string_view text) {
  const std::string temporary = temporary_of(path);
  const Fd file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  Result<> written = file ? write_all(file.get(), bytes_of(text), path) : system_error(path);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = system_error(path);
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<Output> Output::at(const std::string& path) {
  if (Fd open = open_already(path)) return Output{path, std::move(open)};
  std::error_code ignored;
  const auto there = std::filesystem::status(path, ignored).type();
  using enum std::filesystem::file_type;
  if (there == regular || there == not_found) {
    Output file{end_of_links(path), {}};
    AXS_TRY(try_temporary(file.path_));
    return file;
  }
  return Output{path, AXS_TRY(open_in_place(path))};
}

Result<> Output::write(std::string_view text) const {
  return place_ ? write_all(place_.get(), bytes_of(text), path_)
                : write_file_atomically(path_, bytes_of(text), FileAccess::everyone);
}

Result<> write_output(const std::string& path, std::string_view text) {
  return AXS_TRY(Output::at(path)).write(text);
}

Result<ByteVector> read_file(const std::string& path, std::size_t size_max) {
  Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return system_error(path);
  // The size is not asked for beforehand: files under /proc say 0, and others may grow.
  ByteVector data;
  while (true) {
    const std::size_t have = data.size();
    const std::size_t room = std::min(size_max - have + 1, std::max<std::size_t>(have, 4096));
    data.resize(have + room);
    const auto got = ::read(file.get(), data.data() + have, room);
    data.resize(have + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && errno != EINTR) return system_error(path);
    if (got == 0) return data;
    if (data.size() > size_max)
      return Error{Errc::exhausted, path + ": longer than " + std::to_string(size_max) +
                                        " bytes, the most it may be"};
  }
}

Result<> make_folder(const std::string& path) {
  if (is_folder(path)) return Ok{};
  const std::string parent = folder_of(path);
  if (parent != path && parent != ".") (void)AXS_TRY(make_folder(parent));
  if (::mkdir(path.c_str(), 0755) != 0 && !is_folder(path)) return system_error(path);
  return sync_folder(parent);
}

Result<> sync_folder(const std::string& path) {
  Fd folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder || ::fsync(folder.get()) != 0) return system_error(path);
  return Ok{};
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code failure;
  // Not a range-based loop: its increment throws.
  std::filesystem::directory_iterator entry{path, failure};
  for (; !failure && entry != std::filesystem::directory_iterator{}; entry.increment(failure))
    names.push_back(entry->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::uint64_t> free_space(const std::string& path) {
  struct statvfs facts;
  if (::statvfs(path.c_str(), &facts) != 0) return system_error(path);
  return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

}  // namespace axs::host
