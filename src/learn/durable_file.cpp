#include "axs/learn/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace axs::learn {

namespace {

/// A file descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags) : descriptor_{::open(path.c_str(), flags, 0644)} {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

Error failed(const std::string& path, const char* what) {
  const int cause = errno;
  const Errc code = cause == ENOENT                      ? Errc::not_found
                    : cause == ENOSPC || cause == EDQUOT ? Errc::exhausted
                                                         : Errc::unavailable;
  return {code, path + ": cannot be " + what + ": " + std::strerror(cause)};
}

bool write_all(int descriptor, ByteView data) {
  while (!data.empty()) {
    const ssize_t written = ::write(descriptor, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

Result<> write_and_sync(const std::string& path, std::span<const ByteView> parts) {
  const File file{path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC};
  if (!file.is_open()) return failed(path, "created");
  for (const auto part : parts)
    if (!write_all(file.descriptor(), part)) return failed(path, "written");
  if (::fsync(file.descriptor()) != 0) return failed(path, "synced");
  return Ok{};
}

Result<> sync_folder_of(const std::string& path) {
  const auto parent = std::filesystem::path{path}.parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const File file{folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC};
  if (!file.is_open() || ::fsync(file.descriptor()) != 0) return failed(folder, "synced");
  return Ok{};
}

}  // namespace

Result<> write_file_durably(const std::string& path, std::span<const ByteView> parts) {
  const std::string beside = path + ".tmp";
  if (auto written = write_and_sync(beside, parts); !written) {
    ::unlink(beside.c_str());
    return std::move(written).error();
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const Error error = failed(path, "replaced");
    ::unlink(beside.c_str());
    return error;
  }
  return sync_folder_of(path);
}

Result<ByteVector> read_whole_file(const std::string& path) {
  const File file{path, O_RDONLY | O_CLOEXEC};
  if (!file.is_open()) return failed(path, "opened");
  ByteVector bytes;
  std::size_t size = 0;
  while (true) {
    bytes.resize(size + (std::size_t{1} << 20));
    const ssize_t got = ::read(file.descriptor(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "read");
    size += static_cast<std::size_t>(got);
    if (got == 0) break;
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace axs::learn
