#include "axs/host/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

#include "axs/host/boot.h"
#include "axs/host/file.h"
#include "axs/host/spawn.h"

namespace axs::host {

namespace {

Fd open_pidfd(pid_t pid) {
  return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

/// Field 22 of /proc/<pid>/stat, proc(5). Field 2 is the name in parentheses and may hold anything,
/// so fields are counted from the last parenthesis.
std::optional<std::uint64_t> parse_start_time(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::size_t at = name_end;
  for (int field = 2; field < 22; ++field) {
    at = stat.find(' ', at + 1);
    if (at == std::string_view::npos) return std::nullopt;
  }
  std::uint64_t ticks = 0;
  const auto parsed = std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return ticks;
}

bool readable(int fd) {
  pollfd waited{fd, POLLIN, 0};
  return ::poll(&waited, 1, 0) > 0;
}

Error ended_error(const ProcessIdentity& identity) {
  return {Errc::not_found, "process " + std::to_string(identity.pid) + ": has ended"};
}

}  // namespace

std::string describe(Exit exit) {
  if (exit.signal == 0) return "exited with " + std::to_string(exit.status);
  const char* name = ::sigabbrev_np(exit.signal);
  return "killed by signal " + std::to_string(exit.signal) + " (SIG" + (name ? name : "?") + ")";
}

Result<ProcessIdentity> identify(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const auto stat = AXS_TRY(read_file(path, 4096));
  const auto start_time =
      parse_start_time({reinterpret_cast<const char*>(stat.data()), stat.size()});
  if (!start_time) return Error{Errc::corrupt, path + ": no start time in it"};
  return ProcessIdentity{pid, *start_time, boot_id()};
}

Result<Process> Process::attach(const ProcessIdentity& identity) {
  Fd pidfd = open_pidfd(identity.pid);
  if (!pidfd) return system_error("process " + std::to_string(identity.pid));
  const auto seen = identify(identity.pid);
  // If the process of the pidfd still runs after its pid was looked up, it is the one looked up.
  if (!seen || *seen != identity || readable(pidfd.get())) return ended_error(identity);
  return Process{identity, std::move(pidfd)};
}

bool Process::ended() const {
  return readable(pidfd_.get());
}

Result<> Process::signal(int number) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0)
    return system_error("signal process " + std::to_string(identity_.pid));
  return Ok{};
}

Result<Child> Child::spawn(const SpawnOptions& options) {
  const pid_t pid = AXS_TRY(spawn_process(options));
  // Nobody reaps it but us, so the pid is still its own.
  Fd pidfd = open_pidfd(pid);
  const auto identity = identify(pid);
  if (!pidfd || !identity) {
    const Error error = pidfd ? identity.error() : system_error("pidfd of " + options.arguments[0]);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return error;
  }
  return Child{*identity, std::move(pidfd), options.lifetime};
}

Child::~Child() {
  // A moved-from child has no pidfd.
  if (fd() < 0 || lifetime_ == Lifetime::detached || poll()) return;
  (void)signal(SIGKILL).has_value();
  wait();
}

std::optional<Exit> Child::reap(int flags) {
  if (exit_) return exit_;
  siginfo_t info{};
  int rc;
  do {
    rc = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(fd()), &info, WEXITED | flags);
  } while (rc != 0 && errno == EINTR);
  AXS_ASSERT(rc == 0);
  if (info.si_pid == 0) return std::nullopt;
  exit_ =
      info.si_code == CLD_EXITED ? Exit{.status = info.si_status} : Exit{.signal = info.si_status};
  return exit_;
}

std::optional<Exit> Child::poll() {
  return reap(WNOHANG);
}

Exit Child::wait() {
  return *reap(0);
}

Result<> trim_log(const std::string& path, std::size_t size_max) {
  Fd log{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  struct stat facts;
  if (!log || ::fstat(log.get(), &facts) != 0) return system_error(path);
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size <= size_max) return Ok{};
  ByteVector tail(size_max / 2);
  const auto got =
      ::pread(log.get(), tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
  if (got < 0) return system_error(path);
  tail.resize(static_cast<std::size_t>(got));
  // Its writers append, so they go on at the new end.
  if (::ftruncate(log.get(), 0) != 0) return system_error(path);
  return write_file_atomically(path + ".1", tail, FileAccess::everyone);
}

}  // namespace axs::host
