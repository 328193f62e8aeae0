#include "axs/host/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>

#include "axs/host/file.h"

namespace axs::host {

namespace {

std::string holder_of(const std::string& path) {
  const auto text = read_file(path, 32);
  if (!text || text->empty()) return "another process";
  return "process " + std::string{text->begin(), text->end()};
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path) {
  Fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  if (!file) return system_error(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error(path);
    return Error{Errc::unavailable, path + ": held by " + holder_of(path) + ", want it free"};
  }
  // The file stays when the lock is given up: removing it would let two processes lock two files.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(file.get(), 0) != 0) return system_error(path);
  (void)AXS_TRY(
      write_all(file.get(), {reinterpret_cast<const std::uint8_t*>(pid.data()), pid.size()}, path));
  return FileLock{std::move(file)};
}

Result<std::optional<ProcessIdentity>> FileLock::holder(const std::string& path) {
  using Holder = std::optional<ProcessIdentity>;
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && errno == ENOENT) return Holder{};
  if (!file) return system_error(path);
  if (::flock(file.get(), LOCK_SH | LOCK_NB) == 0) return Holder{};
  if (errno != EWOULDBLOCK) return system_error(path);
  const auto text = AXS_TRY(read_file(path, 32));
  const auto* first = reinterpret_cast<const char*>(text.data());
  pid_t pid = 0;
  std::from_chars(first, first + text.size(), pid);
  const auto identity = identify(pid);
  // It has ended between the two, or is about to write who it is: then it is found another time.
  return identity ? Holder{*identity} : Holder{};
}

}  // namespace axs::host
