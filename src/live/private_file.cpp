#include "axs/live/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace axs::live {

namespace {

/// A file descriptor that is closed again.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_{fd} {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error failed(std::string_view what, const std::filesystem::path& path) {
  return {Errc::unavailable, std::string{what} + " " + path.string() + ": " + std::strerror(errno)};
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<> write_private_file(const std::filesystem::path& path, std::string_view content) {
  std::string pattern = path.string() + ".XXXXXX";
  {
    const Descriptor file{::mkostemp(pattern.data(), O_CLOEXEC)};  // Creates it with mode 0600.
    if (file.get() < 0) return failed("cannot create", path);
    if (!write_all(file.get(), content) || ::fsync(file.get()) != 0 ||
        ::rename(pattern.c_str(), path.c_str()) != 0) {
      const Error error = failed("cannot write", path);
      ::unlink(pattern.c_str());
      return error;
    }
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed("cannot sync", folder);
  return Ok{};
}

Result<std::string> read_small_file(const std::filesystem::path& path) {
  constexpr std::size_t limit = 1 << 20;
  std::ifstream file{path, std::ios::binary};
  if (!file) return Error{Errc::not_found, "cannot read " + path.string()};
  std::string content(limit + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > limit)
    return Error{Errc::invalid, path.string() + ": larger than 1 MiB, want a small file"};
  return content;
}

}  // namespace axs::live
