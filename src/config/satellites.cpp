#include "axs/config/satellites.h"

#include "axs/config/text_file.h"
#include "axs/fabric/link_plan.h"
#include "axs/orbit/tle.h"

namespace axs::config {

namespace {

/// Over a hundred thousand satellites.
constexpr std::uint64_t elements_file_max = 64u << 20;

Result<std::vector<orbit::MeanElements>> from_file(const std::string& file) {
  const std::string text = AXS_TRY(read_text_file(file, "orbital elements", elements_file_max));
  std::vector<orbit::MeanElements> satellites;
  for (const orbit::ElementSet& set : AXS_TRY(orbit::parse_tle(text, file)))
    satellites.push_back(set.elements);
  return satellites;
}

}  // namespace

Result<std::vector<orbit::MeanElements>> load_satellites(const catalog::Sky& sky) {
  if (const auto* file = std::get_if<std::string>(&sky.satellites)) return from_file(*file);
  return fabric::shell_satellites(std::get<catalog::WalkerShell>(sky.satellites), sky.start);
}

}  // namespace axs::config
