#include "axs/config/text_file.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>

namespace axs::config {

Result<std::string> read_text_file(const std::string& file, const std::string& what,
                                   std::uint64_t most) {
  std::error_code status;
  if (!std::filesystem::exists(file, status))
    return Error{Errc::invalid, fmt::format("{} {}: no such file", what, file)};
  if (!std::filesystem::is_regular_file(file, status))
    return Error{Errc::invalid, fmt::format("{} {}: not a file", what, file)};
  if (const auto size = std::filesystem::file_size(file, status); size > most)
    return Error{Errc::invalid,
                 fmt::format("{} {}: {} bytes, want at most {}", what, file, size, most)};
  std::ifstream stream{file, std::ios::binary};
  std::string text;
  std::array<char, 1u << 16> part;
  while (stream && stream.read(part.data(), part.size()).gcount() > 0)
    text.append(part.data(), static_cast<std::size_t>(stream.gcount()));
  if (!stream.eof()) return Error{Errc::invalid, fmt::format("{} {}: cannot be read", what, file)};
  return text;
}

}  // namespace axs::config
