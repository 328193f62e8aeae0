#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/host/fd.h"

namespace axs::live {

/// A program of the user's inside a network namespace, in the foreground of the terminal: it has
/// our input and output, and what the terminal sends reaches it too. It is killed when this process
/// ends, however that ends.
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
  void signal(int number) const;
  /// Waits for its end: its exit status or, as in a shell, 128 and the signal that killed it.
  int wait();

 private:
  SiteProgram(pid_t pid, host::Fd pidfd) : pid_{pid}, pidfd_{std::move(pidfd)} {}

  pid_t pid_;
  host::Fd pidfd_;
};

}  // namespace axs::live
