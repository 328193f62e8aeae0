#include "axs/host/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

extern char** environ;

namespace axs::host {

namespace {

enum class Step : int { descriptors, session, parent, scheduling, nice, folder, log, exec };

/// What the child sends to its parent when a step failed.
struct Failure {
  Step step;
  int error;
};

/// All that the child needs, made before the fork: between fork and exec it may not allocate,
/// because another thread may have held the allocator's lock.
struct Prepared {
  const SpawnOptions& options;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  pid_t parent;
  int report;
};

std::string_view name_of(const std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::vector<char*> make_environment(const std::vector<std::string>& additions) {
  std::vector<char*> all;
  for (char** variable = environ; *variable; ++variable)
    if (std::none_of(additions.begin(), additions.end(), [&](const std::string& addition) {
          return name_of(addition) == name_of(*variable);
        }))
      all.push_back(*variable);
  for (const std::string& addition : additions) all.push_back(const_cast<char*>(addition.c_str()));
  all.push_back(nullptr);
  return all;
}

std::vector<char*> make_arguments(const std::vector<std::string>& arguments) {
  std::vector<char*> all;
  for (const std::string& argument : arguments) all.push_back(const_cast<char*>(argument.c_str()));
  all.push_back(nullptr);
  return all;
}

// The functions from here to run_child() run in the child before exec: system calls only.

void reset_signals() {
  // Even a signal that we ignore has its default meaning in the child.
  for (int number = 1; number < SIGRTMAX; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool set_descriptors(const Prepared& child) {
  // What others opened without close-on-exec does not leak either.
  if (::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return false;
  for (const int fd : child.options.inherited_fds)
    if (::fcntl(fd, F_SETFD, 0) != 0) return false;
  const int null = ::open("/dev/null", O_RDONLY);
  return null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && (null < 3 || ::close(null) == 0);
}

bool set_session(const Prepared& child) {
  if (child.options.lifetime == Lifetime::detached) return ::setsid() >= 0;
  return ::setpgid(0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

bool set_scheduling(const Prepared& child) {
  if (child.options.scheduling == Scheduling::normal) return true;
  const sched_param priority{};
  return ::sched_setscheduler(
             0, child.options.scheduling == Scheduling::batch ? SCHED_BATCH : SCHED_IDLE,
             &priority) == 0;
}

bool set_nice(const Prepared& child) {
  if (child.options.nice == 0) return true;
  return ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + child.options.nice) == 0;
}

bool set_log(const Prepared& child) {
  if (child.options.log.empty()) return true;
  const int log =
      ::open(child.options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return log >= 0 && ::dup2(log, STDOUT_FILENO) >= 0 && ::dup2(log, STDERR_FILENO) >= 0;
}

[[noreturn]] void give_up(const Prepared& child, Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const auto written = ::write(child.report, &failure, sizeof failure);
  ::_exit(127);
}

[[noreturn]] void run_child(const Prepared& child) {
  reset_signals();
  if (!set_descriptors(child)) give_up(child, Step::descriptors);
  if (!set_session(child)) give_up(child, Step::session);
  // The parent may have died before prctl() asked for the signal.
  if (child.options.lifetime == Lifetime::with_parent && ::getppid() != child.parent)
    give_up(child, Step::parent);
  if (!set_scheduling(child)) give_up(child, Step::scheduling);
  if (!set_nice(child)) give_up(child, Step::nice);
  // Before the folder changes: the path of the log is relative to the parent's.
  if (!set_log(child)) give_up(child, Step::log);
  if (!child.options.folder.empty() && ::chdir(child.options.folder.c_str()) != 0)
    give_up(child, Step::folder);
  ::execve(child.arguments[0], child.arguments.data(), child.environment.data());
  give_up(child, Step::exec);
}

Error describe(const SpawnOptions& options, Failure failure) {
  const std::string start = "start " + options.arguments[0];
  switch (failure.step) {
    case Step::folder:
      return system_error(start + ": working folder " + options.folder, failure.error);
    case Step::log:
      return system_error(start + ": log " + options.log, failure.error);
    case Step::nice:
      return system_error(start + ": nice " + std::to_string(options.nice), failure.error);
    case Step::scheduling:
      return system_error(start + ": scheduling", failure.error);
    case Step::descriptors:
      return system_error(start + ": descriptors", failure.error);
    default:
      return system_error(start, failure.error);
  }
}

}  // namespace

Result<pid_t> spawn_process(const SpawnOptions& options) {
  AXS_ASSERT(!options.arguments.empty());
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return system_error("start " + options.arguments[0]);
  const Fd ours{report[0]};
  Fd theirs{report[1]};
  const Prepared child{options, make_arguments(options.arguments),
                       make_environment(options.environment), ::getpid(), theirs.get()};
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("start " + options.arguments[0]);
  if (pid == 0) run_child(child);
  theirs.reset();
  // A successful exec closes the pipe without a word.
  Failure failure;
  ssize_t got;
  do {
    got = ::read(ours.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof failure) return pid;
  ::waitpid(pid, nullptr, 0);
  return describe(options, failure);
}

}  // namespace axs::host
