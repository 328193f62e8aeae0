#include "axs/live/site_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "axs/live/netns.h"

namespace axs::live {

namespace {

constexpr int cannot_start = 127;
constexpr int killed_by = 128;
/// Tells the keeper to end everything: from us, and from the kernel once we are gone.
constexpr int end_all = SIGUSR1;

/// What the program gets, made before fork(), after which only what is safe there may be done.
struct Start {
  int netns = -1;
  std::string hosts;  ///< Becomes its /etc/hosts, if there is such a file.
  char* const* arguments = nullptr;
};

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? killed_by + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status_of(status);
}

/// Shows it the names of the sites.
void use_hosts(const std::string& hosts) {
  if (access(hosts.c_str(), R_OK) != 0 || unshare(CLONE_NEWNS) != 0) return;
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0)
    (void)mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr);
}

[[noreturn]] void become(const Start& start) {
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)signal(SIGPIPE, SIG_DFL);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool inside = start.netns < 0 || setns(start.netns, CLONE_NEWNET) == 0;
  if (inside && !start.hosts.empty()) use_hosts(start.hosts);
  if (inside) execvp(start.arguments[0], start.arguments);
  const char* why = strerror(errno);
  (void)!write(STDERR_FILENO, "axs: ", 5);
  (void)!write(STDERR_FILENO, start.arguments[0], strlen(start.arguments[0]));
  (void)!write(STDERR_FILENO, ": ", 2);
  (void)!write(STDERR_FILENO, why, strlen(why));
  (void)!write(STDERR_FILENO, "\n", 1);
  _exit(cannot_start);
}

/// Kills the children that the kernel lists. False: there are none, or none that we may kill.
bool kill_children() {
  char text[4096];
  const int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  const ssize_t size = list < 0 ? 0 : read(list, text, sizeof text - 1);
  close(list);
  if (size <= 0) return false;
  text[size] = '\0';
  bool killed = false;
  // A number that the end of the text cuts may be somebody else's.
  for (char *at = text, *end = at; (end = strchr(at, ' ')) != nullptr; at = end + 1)
    killed |= ::kill(static_cast<pid_t>(strtol(at, nullptr, 10)), SIGKILL) == 0;
  return killed;
}

/// Until nobody is left: who loses his parent becomes our child, and is next.
void end_everything() {
  while (kill_children()) (void)waitpid(-1, nullptr, 0);
}

/// Waits for the program's end, or for the order to end all, and gives its exit status.
[[noreturn]] void keep(pid_t program) {
  sigset_t all;
  sigfillset(&all);
  for (int status = 0;;) {
    const int number = sigwaitinfo(&all, nullptr);
    if (number == SIGTERM || number == SIGHUP) (void)::kill(program, number);
    if (number == end_all) {
      end_everything();
      _exit(killed_by + SIGKILL);
    }
    while (number == SIGCHLD) {
      const pid_t ended = waitpid(-1, &status, WNOHANG);
      if (ended == program) {
        end_everything();
        _exit(status_of(status));
      }
      if (ended <= 0) break;
    }
  }
}

/// In the child.
[[noreturn]] void become_keeper(const Start& start, pid_t parent) {
  sigset_t all;
  sigfillset(&all);
  (void)sigprocmask(SIG_SETMASK, &all, nullptr);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  (void)prctl(PR_SET_PDEATHSIG, end_all);
  if (getppid() != parent) _exit(cannot_start);
  const pid_t program = fork();
  if (program == 0) become(start);
  if (program < 0) _exit(cannot_start);
  keep(program);
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
  const Start how{target.get(), netns.empty() ? std::string{} : hosts_path(netns), raw.data()};
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) return host::system_error(arguments[0] + ": fork");
  if (pid == 0) become_keeper(how, parent);
  SiteProgram program{pid, host::Fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))}};
  if (!program.pidfd_) return host::system_error(arguments[0] + ": pidfd_open");
  return program;
}

SiteProgram::~SiteProgram() {
  if (!pidfd_) return;
  kill();
  (void)wait();
}

void SiteProgram::signal(int number) const {
  (void)syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

void SiteProgram::kill() const {
  signal(end_all);
}

int SiteProgram::wait() {
  const int status = wait_for(pid_);
  pidfd_ = host::Fd{};
  return status;
}

}  // namespace axs::live
