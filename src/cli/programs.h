#pragma once

#include <filesystem>
#include <string>

namespace axs::cli {

inline std::string own_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

/// axs-worker lies beside axs.
inline std::string worker_program() {
  return std::filesystem::path{own_program()}.replace_filename("axs-worker").string();
}

}  // namespace axs::cli
