#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "axs/core/result.h"
#include "axs/orbit/shell.h"
#include "axs/orbit/sky.h"

namespace axs::config {

/// Shells that belong together, as a file describes them (data/kuiper-630.toml is one), and what
/// the links of the constellation keep to.
struct Constellation {
  std::string name;
  std::vector<orbit::Shell> shells;
  orbit::SkyOptions links;
  /// Paths are chosen anew at these intervals; where the file says nothing they may change at any
  /// time.
  std::optional<Duration> reconfiguration;
};

/// `file` names the text in errors.
Result<Constellation> parse_constellation(std::string_view text, const std::string& file);
Result<Constellation> read_constellation(const std::string& file);

}  // namespace axs::config
