#include "axs/host/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"
#include "axs/host/test_helper.h"

using namespace axs;
using namespace axs::host;

namespace {

SpawnOptions shell(const std::string& script) {
  return {.arguments = {"/bin/sh", "-c", script}};
}

std::string text_of(const std::string& path) {
  const auto data = read_file(path, 1 << 20);
  REQUIRE(data);
  return {data->begin(), data->end()};
}

/// What the script writes.
std::string output_of(SpawnOptions options) {
  const TemporaryFolder folder;
  options.log = folder / "log";
  auto child = Child::spawn(options);
  REQUIRE(child);
  child->wait();
  return text_of(options.log);
}

void wait_until_ended(const Process& process) {
  pollfd waited{process.fd(), POLLIN, 0};
  REQUIRE(::poll(&waited, 1, 60'000) == 1);
}

}  // namespace

TEST_CASE("process: the end of a child is told in words") {
  auto child = Child::spawn(shell("exit 3"));
  REQUIRE(child);
  CHECK(describe(child->wait()) == "exited with 3");
  CHECK(child->poll() == Exit{.status = 3});
  CHECK(child->signal(SIGTERM).error().code == Errc::not_found);

  auto sleeper = Child::spawn(shell("exec sleep 1000"));
  REQUIRE(sleeper);
  CHECK_FALSE(sleeper->poll());
  CHECK_FALSE(sleeper->ended());
  REQUIRE(sleeper->signal(SIGKILL));
  wait_until_ended(*sleeper);
  CHECK(describe(*sleeper->poll()) == "killed by signal 9 (SIGKILL)");
}

TEST_CASE("process: arguments, environment, folder, standard input and log") {
  const TemporaryFolder folder;
  CHECK(
      output_of({.arguments = {"/bin/sh", "-c", "echo \"$1|$AXS_A|$HOME\"; pwd; cat", "sh", "a b"},
                 .environment = {"AXS_A=1=2", "HOME=/nowhere"},
                 .folder = folder.path()}) == "a b|1=2|/nowhere\n" + folder.path() + "\n");
  CHECK(output_of(shell("echo out; echo error >&2")) == "out\nerror\n");
}

TEST_CASE("process: only the descriptors that were named are inherited") {
  const Fd kept = *make_event();
  const Fd leaked{::open("/dev/null", O_RDONLY)};
  SpawnOptions options = shell("ls /proc/self/fd | tr '\\n' ' '");
  options.inherited_fds = {kept.get()};
  const std::string seen = " " + output_of(options);
  CHECK(seen.find(" " + std::to_string(kept.get()) + " ") != std::string::npos);
  if (leaked.get() > kept.get() + 1 || leaked.get() > 4)
    CHECK(seen.find(" " + std::to_string(leaked.get()) + " ") == std::string::npos);
}

TEST_CASE("process: priority and scheduling") {
  SpawnOptions options = shell("nice; sed 's/.*) //' /proc/self/stat | cut -d' ' -f39");
  options.nice = 5;
  options.scheduling = Scheduling::batch;
  const int nice_now = ::getpriority(PRIO_PROCESS, 0);
  CHECK(output_of(options) == std::to_string(std::min(19, nice_now + 5)) + "\n3\n");
  options.scheduling = Scheduling::idle;
  CHECK(output_of(options).ends_with("\n5\n"));
}

TEST_CASE("process: signals blocked or ignored here have their default meaning in a child") {
  sigset_t blocked, old;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
  const auto old_handler = ::signal(SIGTERM, SIG_IGN);
  auto child = Child::spawn(shell("exec sleep 1000"));
  ::signal(SIGTERM, old_handler);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  REQUIRE(child);
  REQUIRE(child->signal(SIGTERM));
  CHECK(describe(child->wait()) == "killed by signal 15 (SIGTERM)");
}

TEST_CASE("process: what cannot start says which step failed and leaves nothing") {
  const auto missing = Child::spawn({.arguments = {"/no/such/program"}});
  CHECK(missing.error().code == Errc::not_found);
  CHECK(missing.error().what == "start /no/such/program: No such file or directory (ENOENT)");
  SpawnOptions options = shell("true");
  options.folder = "/no/such/folder";
  CHECK(Child::spawn(options).error().what ==
        "start /bin/sh: working folder /no/such/folder: No such file or directory (ENOENT)");
  options = shell("true");
  options.log = "/no/such/log";
  CHECK(Child::spawn(options).error().what.find("log /no/such/log") != std::string::npos);
  options = shell("true");
  options.inherited_fds = {1'000'000};
  CHECK(Child::spawn(options).error().what.find("EBADF") != std::string::npos);
}

TEST_CASE("process: a child ends with its owner, a detached one does not") {
  std::optional<ProcessIdentity> attached;
  {
    const auto child = Child::spawn(shell("exec sleep 1000"));
    REQUIRE(child);
    attached = child->identity();
    CHECK(Process::attach(*attached));
  }
  CHECK(Process::attach(*attached).error().code == Errc::not_found);

  SpawnOptions options = shell("exec sleep 1000");
  options.lifetime = Lifetime::detached;
  auto detached = Child::spawn(options);
  REQUIRE(detached);
  const auto found = Process::attach(detached->identity());
  REQUIRE(found);
  CHECK_FALSE(found->ended());
  CHECK(::getsid(found->identity().pid) == found->identity().pid);
  REQUIRE(found->signal(SIGKILL));
  wait_until_ended(*found);
  detached->wait();
}

TEST_CASE("process: a pid used again, or of another boot, is not taken for the same process") {
  const auto child = Child::spawn(shell("exec sleep 1000"));
  REQUIRE(child);
  ProcessIdentity identity = child->identity();
  CHECK(identify(identity.pid)->start_time == identity.start_time);
  ++identity.start_time;
  CHECK(Process::attach(identity).error().code == Errc::not_found);
  identity = child->identity();
  identity.boot[0] ^= 1;
  CHECK(Process::attach(identity).error().code == Errc::not_found);
}

TEST_CASE("process: helper that starts two children and waits" * doctest::skip()) {
  SpawnOptions options = shell("exec sleep 1000");
  const auto attached = Child::spawn(options);
  options.lifetime = Lifetime::detached;
  const auto detached = Child::spawn(options);
  const std::vector<ProcessIdentity> identities{attached->identity(), detached->identity()};
  REQUIRE(write_file_atomically(test_argument(), to_wire(identities), FileAccess::owner_only));
  REQUIRE(::kill(::getpid(), SIGSTOP) == 0);
}

TEST_CASE("process: kill -9 of the parent takes its children along, save the detached") {
  const TemporaryFolder folder;
  auto parent = Child::spawn(
      run_test_case("process: helper that starts two children and waits", folder / "children"));
  REQUIRE(parent);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(parent->identity().pid), &info,
                   WSTOPPED | WEXITED | WNOWAIT) == 0);
  const auto data = read_file(folder / "children", 4096);
  REQUIRE(data);
  const auto identities = *from_wire<std::vector<ProcessIdentity>>(*data, "children");
  const auto attached = Process::attach(identities.at(0));
  const auto detached = Process::attach(identities.at(1));
  REQUIRE(attached);
  REQUIRE(detached);
  REQUIRE(parent->signal(SIGKILL));
  wait_until_ended(*attached);
  CHECK_FALSE(detached->ended());
  REQUIRE(detached->signal(SIGKILL));
  wait_until_ended(*detached);
}

TEST_CASE("process: a log that grew too long keeps its last part, and its writer goes on") {
  const TemporaryFolder folder;
  const std::string log = folder / "log";
  const Fd writer{::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  const auto write = [&](const std::string& text) {
    REQUIRE(write_all(writer.get(),
                      {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, log));
  };
  write(std::string(600, 'a'));
  REQUIRE(trim_log(log, 1000));
  CHECK(text_of(log).size() == 600);
  write(std::string(600, 'b'));
  REQUIRE(trim_log(log, 1000));
  CHECK(text_of(log).empty());
  CHECK(text_of(log + ".1") == std::string(500, 'b'));
  write("c");
  CHECK(text_of(log) == "c");
  CHECK_FALSE(trim_log(folder / "none", 10));
}
