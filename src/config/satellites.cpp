#include "axs/config/satellites.h"

#include "axs/config/constellation.h"
#include "axs/config/elements.h"
#include "axs/fabric/link_plan.h"

namespace axs::config {

Result<std::vector<orbit::MeanElements>> load_satellites(const catalog::Sky& sky) {
  const auto* file = std::get_if<std::string>(&sky.satellites);
  if (file == nullptr)
    return fabric::shell_satellites(std::get<catalog::WalkerShell>(sky.satellites), sky.start);
  std::vector<orbit::MeanElements> satellites;
  if (file->ends_with(".toml")) {
    for (const orbit::Shell& shell : AXS_TRY(read_constellation(*file)).shells)
      for (const orbit::MeanElements& elements : AXS_TRY(orbit::shell_elements(shell)))
        satellites.push_back(elements);
    return satellites;
  }
  for (const orbit::ElementSet& set : AXS_TRY(read_usable_elements(*file)).sets)
    satellites.push_back(set.elements);
  return satellites;
}

}  // namespace axs::config
