#include "axs/live/site_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "axs/live/netns.h"

namespace axs::live {

namespace {

constexpr int cannot_start = 127;
constexpr int killed_by = 128;

/// In the child: only what is safe after fork().
[[noreturn]] void become(int netns, pid_t parent, char* const* arguments) {
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)signal(SIGPIPE, SIG_DFL);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(cannot_start);
  if (netns < 0 || setns(netns, CLONE_NEWNET) == 0) execvp(arguments[0], arguments);
  const char* why = strerror(errno);
  (void)!write(STDERR_FILENO, "axs: ", 5);
  (void)!write(STDERR_FILENO, arguments[0], strlen(arguments[0]));
  (void)!write(STDERR_FILENO, ": ", 2);
  (void)!write(STDERR_FILENO, why, strlen(why));
  (void)!write(STDERR_FILENO, "\n", 1);
  _exit(cannot_start);
}

}  // namespace

Result<SiteProgram> SiteProgram::start(const std::string& netns,
                                       const std::vector<std::string>& arguments) {
  AXS_ASSERT(!arguments.empty());
  host::Fd target;
  if (!netns.empty()) {
    target = host::Fd{open(namespace_path(netns).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!target) return host::system_error(namespace_path(netns) + ": open");
  }
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) return host::system_error(arguments[0] + ": fork");
  if (pid == 0) become(target.get(), parent, raw.data());
  SiteProgram program{pid, host::Fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))}};
  if (!program.pidfd_) return host::system_error(arguments[0] + ": pidfd_open");
  return program;
}

SiteProgram::~SiteProgram() {
  if (!pidfd_) return;
  signal(SIGKILL);
  (void)wait();
}

void SiteProgram::signal(int number) const {
  (void)syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

int SiteProgram::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pidfd_ = host::Fd{};
  return WIFSIGNALED(status) ? killed_by + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace axs::live
