#pragma once

#include <optional>
#include <string>

#include "axs/host/process.h"

namespace axs::host {

/// Holds a folder, a run's say, for one process. The kernel releases it when the process ends,
/// however that ends.
class FileLock {
 public:
  /// Errc::unavailable, naming the process that holds it, if another one does.
  static Result<FileLock> acquire(const std::string& path);

  /// The process that holds it now, if one does.
  static Result<std::optional<ProcessIdentity>> holder(const std::string& path);

 private:
  explicit FileLock(Fd file) : file_{std::move(file)} {}
  Fd file_;
};

}  // namespace axs::host
