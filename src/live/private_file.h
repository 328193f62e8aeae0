#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "axs/core/result.h"

namespace axs::live {

/// Writes a file that only its owner may read (0600): the whole new content or, after a crash at
/// any moment, the whole old one. It is on disk when this returns.
Result<> write_private_file(const std::filesystem::path& path, std::string_view content);

/// Reads a whole file of at most 1 MiB.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace axs::live
