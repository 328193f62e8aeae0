#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/host/fd.h"

namespace axs::host {

/// normal: the usual scheduler; batch: computing that should not disturb what waits for events;
/// idle: only what is left over.
enum class Scheduling { normal, batch, idle };

/// with_parent: killed when its parent ends, however that ends; detached: in a session of its own,
/// it goes on.
enum class Lifetime { with_parent, detached };

struct SpawnOptions {
  std::vector<std::string> arguments{};    ///< arguments[0] is the path of the program.
  std::vector<std::string> environment{};  ///< "NAME=value", over the parent's environment.
  std::vector<int> inherited_fds{};        ///< Kept under the same numbers; all others are closed.
  std::string folder{};                    ///< Working folder; empty for the parent's.
  std::string log{};  ///< stdout and stderr are appended to it; empty: parent's.
  int nice = 0;       ///< Added to the parent's.
  Scheduling scheduling = Scheduling::normal;
  Lifetime lifetime = Lifetime::with_parent;
};

/// Names one process for good: its pid alone may be used again by another.
struct ProcessIdentity {
  std::int32_t pid{};
  std::uint64_t start_time{};           ///< Clock ticks since boot, field 22 of /proc/<pid>/stat.
  std::array<std::uint8_t, 16> boot{};  ///< The boot that start_time counts from.
  bool operator==(const ProcessIdentity&) const = default;
};

/// How a process ended.
struct Exit {
  int status = 0;  ///< Its exit status, if no signal killed it.
  int signal = 0;  ///< The signal that killed it, or 0.
  bool operator==(const Exit&) const = default;
};

/// "exited with 1" or "killed by signal 9 (SIGKILL)".
std::string describe(Exit exit);

/// A running process, held by a pidfd: signals never reach another that has got its pid.
class Process {
 public:
  /// Finds the process again, after a restart of ours too. Errc::not_found if it has ended, even if
  /// another process runs under its pid.
  static Result<Process> attach(const ProcessIdentity& identity);

  const ProcessIdentity& identity() const { return identity_; }
  /// Readable once the process has ended.
  int fd() const { return pidfd_.get(); }
  bool ended() const;
  /// Errc::not_found if it has ended; no effect while a child that has ended waits for its wait().
  Result<> signal(int number) const;

 protected:
  Process(ProcessIdentity identity, Fd pidfd) : identity_{identity}, pidfd_{std::move(pidfd)} {}

 private:
  ProcessIdentity identity_;
  Fd pidfd_;
};

/// A process that we started. stdin is empty; it is in a process group of its own, so that Ctrl-C
/// in the terminal reaches only us; signals have their default meaning in it.
class Child : public Process {
 public:
  /// Starts the program; an error (no such file, a folder or priority that is refused) names the
  /// step that failed, and nothing is left running. A child with_parent dies when the *thread* that
  /// spawned it ends: spawn from one that lives as long as the process.
  static Result<Child> spawn(const SpawnOptions& options);

  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  /// Kills a child with_parent that still runs, and waits for its end.
  ~Child();

  /// How it ended, or nothing if it runs.
  std::optional<Exit> poll();
  /// Waits for its end.
  Exit wait();

 private:
  Child(ProcessIdentity identity, Fd pidfd, Lifetime lifetime)
      : Process{identity, std::move(pidfd)}, lifetime_{lifetime} {}
  std::optional<Exit> reap(int flags);

  Lifetime lifetime_;
  std::optional<Exit> exit_;
};

/// The identity of a running process.
Result<ProcessIdentity> identify(pid_t pid);

/// Keeps a log that is being appended to below about 1.5 `size_max` bytes on the disk: when it has
/// grown beyond `size_max`, its last half is kept beside it in "<path>.1" and it starts again from
/// nothing. Whoever watches the writer calls this now and then; what is written between the two
/// steps may be lost, which a log can bear.
Result<> trim_log(const std::string& path, std::size_t size_max);

}  // namespace axs::host
