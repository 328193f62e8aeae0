#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "axs/host/fd.h"

namespace axs::cli {

/// A folder that is gone when this goes, unless it is worth reading.
class ScratchFolder {
 public:
  /// A new one whose path begins so.
  static Result<ScratchFolder> create(const std::string& prefix) {
    std::string path = prefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return host::system_error(path);
    return ScratchFolder{std::move(path)};
  }
  static Result<ScratchFolder> create_temporary() {
    return create((std::filesystem::temp_directory_path() / "axs-").string());
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_{std::exchange(other.path_, {})} {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  explicit ScratchFolder(std::string path) : path_{std::move(path)} {}
  std::string path_;
};

}  // namespace axs::cli
