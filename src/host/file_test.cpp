#include "axs/host/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "axs/host/temporary_folder.h"

using namespace axs;
using namespace axs::host;

namespace {

ByteVector bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

/// A file system that is full after `size` bytes per file, as far as write() can tell.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) {
    old_handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{size, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  sighandler_t old_handler_{};
};

std::size_t files_in(const std::string& folder) {
  const auto begin = std::filesystem::directory_iterator{folder};
  return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
}

}  // namespace

TEST_CASE("file: what is written is read, and replaced as a whole") {
  const TemporaryFolder folder;
  const std::string path = folder / "state";
  REQUIRE(write_file_atomically(path, bytes_of("old"), FileAccess::everyone));
  REQUIRE(write_file_atomically(path, bytes_of("newer"), FileAccess::owner_only));
  CHECK(*read_file(path, 100) == bytes_of("newer"));
  CHECK(files_in(folder.path()) == 1);
  struct stat facts;
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("file: a full disk leaves the old file and no other") {
  const TemporaryFolder folder;
  const std::string path = folder / "state";
  REQUIRE(write_file_atomically(path, bytes_of("old"), FileAccess::everyone));
  {
    const FileSizeLimit limit{4096};
    const auto written = write_file_atomically(path, ByteVector(10'000), FileAccess::everyone);
    REQUIRE_FALSE(written);
    CHECK(written.error().code == Errc::exhausted);
    CHECK(written.error().what == path + ": File too large (EFBIG)");
  }
  CHECK(*read_file(path, 100) == bytes_of("old"));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("file: a temporary file that a crash left behind does no harm") {
  const TemporaryFolder folder;
  const std::string path = folder / "state";
  REQUIRE(write_file_atomically(path + ".tmp", ByteVector(1000), FileAccess::everyone));
  REQUIRE(write_file_atomically(path, bytes_of("new"), FileAccess::everyone));
  CHECK(*read_file(path, 100) == bytes_of("new"));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("file: an output goes to what is there and no file, and leaves it there") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe", file = folder / "file", link = folder / "link";
  const auto is = [](const std::string& path, mode_t kind) {
    struct stat facts;
    return ::lstat(path.c_str(), &facts) == 0 && (facts.st_mode & S_IFMT) == kind;
  };
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(write_output(pipe, "lost").error().what == pipe + ": it is a pipe that nobody reads");
  const Fd reader{::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  REQUIRE(write_output(pipe, "read"));
  char read[8];
  CHECK(::read(reader.get(), read, sizeof read) == 4);
  CHECK(is(pipe, S_IFIFO));
  REQUIRE(write_output(file, "a long text"));
  REQUIRE(::symlink(file.c_str(), link.c_str()) == 0);
  REQUIRE(write_output(link, "short"));
  CHECK(*read_file(file, 100) == bytes_of("short"));
  CHECK(is(link, S_IFLNK));
  CHECK(write_output(folder.path(), "").error().what.find("EISDIR") != std::string::npos);
  CHECK(files_in(folder.path()) == 3);
}

TEST_CASE("file: an output that is only tried leaves nothing, and what is there as it is") {
  const TemporaryFolder folder;
  const std::string file = folder / "file", link = folder / "link", loop = folder / "loop";
  REQUIRE(::symlink("file", link.c_str()) == 0);
  REQUIRE(::symlink("loop", loop.c_str()) == 0);
  REQUIRE(Output::at(file));
  REQUIRE(Output::at(link));
  CHECK(files_in(folder.path()) == 2);
  REQUIRE(write_output(link, "old"));
  const auto output = Output::at(file);
  REQUIRE(output);
  CHECK(*read_file(file, 100) == bytes_of("old"));
  REQUIRE(output->write("new"));
  CHECK(*read_file(file, 100) == bytes_of("new"));
  CHECK(Output::at(loop).error().what.find("ELOOP") != std::string::npos);
  CHECK(Output::at(folder / "no/file").error().what.find("ENOENT") != std::string::npos);
  CHECK(files_in(folder.path()) == 3);
}

TEST_CASE("file: whoever reads a pipe that is tried does not see its end before it is written") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const Fd reader{::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  const auto output = Output::at(pipe);
  REQUIRE(output);
  char read[8];
  CHECK(::read(reader.get(), read, sizeof read) == -1);
  CHECK(errno == EAGAIN);
  REQUIRE(output->write("read"));
  CHECK(::read(reader.get(), read, sizeof read) == 4);
}

TEST_CASE("file: an output that is the standard output goes on behind what is there") {
  const TemporaryFolder folder;
  const std::string file = folder / "file", link = folder / "link";
  REQUIRE(write_output(file, "first "));
  REQUIRE(::symlink(file.c_str(), link.c_str()) == 0);
  const Fd before{::dup(STDOUT_FILENO)};
  {
    const Fd append{::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};
    ::dup2(append.get(), STDOUT_FILENO);
  }
  const auto written = write_output(link, "second");
  ::dup2(before.get(), STDOUT_FILENO);
  REQUIRE(written);
  CHECK(*read_file(file, 100) == bytes_of("first second"));
}

TEST_CASE("file: reading is bounded and names what is missing") {
  const TemporaryFolder folder;
  const std::string path = folder / "state";
  REQUIRE(write_file_atomically(path, ByteVector(5000, 7), FileAccess::everyone));
  CHECK(read_file(path, 5000)->size() == 5000);
  CHECK(read_file(path, 4999).error().code == Errc::exhausted);
  const auto missing = read_file(folder / "none", 10);
  CHECK(missing.error().code == Errc::not_found);
  CHECK(missing.error().what == folder / "none" + ": No such file or directory (ENOENT)");
  CHECK(read_file(folder.path(), 10).error().what.find("EISDIR") != std::string::npos);
  CHECK_FALSE(write_file_atomically(folder / "no/file", {}, FileAccess::everyone));
}

TEST_CASE("file: folders are made with their parents") {
  const TemporaryFolder folder;
  REQUIRE(make_folder(folder / "a/b/c"));
  REQUIRE(make_folder(folder / "a/b/c"));
  CHECK(std::filesystem::is_directory(folder / "a/b/c"));
  REQUIRE(write_file_atomically(folder / "a/file", {}, FileAccess::everyone));
  CHECK_FALSE(make_folder(folder / "a/file"));
  CHECK_FALSE(make_folder(folder / "a/file/b"));
  CHECK(*free_space(folder.path()) > 0);
  CHECK_FALSE(free_space(folder / "none"));
}

TEST_CASE("fd: descriptors travel over a socket") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  const Fd left{pair[0]}, right{pair[1]};
  const Fd event = *make_event();
  REQUIRE(send_fds(left.get(), {event.get(), left.get()}));
  const auto got = receive_fds(right.get(), 2);
  REQUIRE(got);
  raise_event((*got)[0].get());
  std::uint64_t count = 0;
  CHECK(::read(event.get(), &count, sizeof count) == sizeof count);
  REQUIRE(send_fds(left.get(), {event.get()}));
  CHECK(receive_fds(right.get(), 2).error().code == Errc::corrupt);
}
