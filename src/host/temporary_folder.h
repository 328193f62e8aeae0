#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "axs/core/assert.h"

namespace axs::host {

/// A folder of its own, removed with all it holds at the end. It is in memory where the system
/// offers that, so that tests which sync thousands of files do not wait for a disk.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    path_ = "/dev/shm/axs-XXXXXX";
    if (::mkdtemp(path_.data())) return;
    path_ = (std::filesystem::temp_directory_path() / "axs-XXXXXX").string();
    AXS_ASSERT(::mkdtemp(path_.data()) != nullptr);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  /// The path of `name` inside it.
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace axs::host
