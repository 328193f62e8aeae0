#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "axs/host/file.h"

namespace axs::cli {

/// Where a flag's file goes; nothing without one. An error if it cannot be written.
inline Result<std::optional<host::Output>> output_of(std::string_view flag,
                                                     const std::string& path) {
  if (path.empty()) return std::optional<host::Output>{};
  auto output = host::Output::at(path);
  if (!output)
    return Error{Errc::invalid, fmt::format("{}: cannot write {}", flag, output.error().what)};
  return std::optional{*std::move(output)};
}

}  // namespace axs::cli
