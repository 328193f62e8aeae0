#include "axs/cli/corpus.h"

#include <fcntl.h>

#include <filesystem>

#include "axs/host/fd.h"

namespace axs::cli {
namespace {

namespace fs = std::filesystem;

/// What a worker wants at least.
constexpr std::uintmax_t least_bytes = 4'096;

/// Bytes of the regular files below the folder, counted as far as it matters.
std::uintmax_t bytes_below(const fs::path& folder, std::error_code& failure) {
  std::uintmax_t total = 0;
  fs::recursive_directory_iterator at{folder, failure};
  for (; !failure && at != fs::recursive_directory_iterator{} && total < least_bytes;
       at.increment(failure))
    if (fs::is_regular_file(at->symlink_status(failure))) total += at->file_size(failure);
  return total;
}

}  // namespace

Result<> check_corpus(const std::string& path, const std::string& option) {
  const std::string what = option + " " + path + ": ";
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status)) return Error{Errc::invalid, what + "no such file or folder"};
  if (!fs::is_directory(status) && !fs::is_regular_file(status))
    return Error{Errc::invalid, what + "neither a file nor a folder"};
  const host::Fd readable{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!readable) return Error{Errc::invalid, host::system_error(option + " " + path).what};
  const std::uintmax_t bytes =
      fs::is_directory(status) ? bytes_below(path, failure) : fs::file_size(path, failure);
  if (failure) return Error{Errc::invalid, what + failure.message()};
  if (bytes < least_bytes)
    return Error{Errc::invalid, what + std::to_string(bytes) + " bytes of text, want at least " +
                                    std::to_string(least_bytes)};
  return Ok{};
}

}  // namespace axs::cli
