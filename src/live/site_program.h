#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/host/fd.h"

namespace axs::live {

/// A program of the user's inside a network namespace, in the foreground of the terminal: it has
/// our input and output, and what the terminal sends reaches it too. It and whatever it has
/// started, in other sessions too, are killed when it ends, or this process, however that ends: a
/// keeper stands between, which inherits those that lose their parent.
class SiteProgram {
 public:
  /// `netns` is a namespace that exists; empty: where we are. arguments[0] is looked for in PATH.
  /// To be called from a thread that lives as long as the program. A program that cannot be started
  /// exits with 127, and has said why.
  static Result<SiteProgram> start(const std::string& netns,
                                   const std::vector<std::string>& arguments);
  SiteProgram(SiteProgram&&) noexcept = default;
  SiteProgram& operator=(SiteProgram&&) = delete;
  /// Kills it if it still runs.
  ~SiteProgram();

  /// Readable once it has ended.
  int fd() const { return pidfd_.get(); }
  /// Sends it SIGTERM, SIGINT or SIGHUP.
  void signal(int number) const;
  /// Ends it and all that it has started at once.
  void kill() const;
  /// Waits for its end: its exit status or, as in a shell, 128 and the signal that killed it.
  int wait();

 private:
  SiteProgram(pid_t pid, host::Fd pidfd) : pid_{pid}, pidfd_{std::move(pidfd)} {}

  pid_t pid_;  ///< The keeper.
  host::Fd pidfd_;
};

}  // namespace axs::live
