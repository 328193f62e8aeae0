#include "axs/cli/sky.h"

#include "axs/cli/sky_contacts.h"
#include "axs/cli/sky_coverage.h"
#include "axs/cli/sky_lasers.h"
#include "axs/cli/sky_paths.h"

namespace axs::cli {

SkyCommand::SkyCommand() {
  parts_.push_back(std::make_unique<SkyPassesCommand>());
  parts_.push_back(std::make_unique<SkyContactsCommand>());
  parts_.push_back(std::make_unique<SkyLasersCommand>());
  parts_.push_back(std::make_unique<SkyCoverageCommand>());
  parts_.push_back(std::make_unique<SkyPathsCommand>());
  parts_.push_back(std::make_unique<SkyRttCommand>());
}

std::string SkyCommand::summary() const {
  return "Tell where satellites are seen, and how long light takes over them";
}

std::string SkyCommand::footer() const {
  return "Examples:\n"
         "  axs sky passes --elements data/leo-53-550.tle --at sfo --duration 10min\n"
         "  axs sky rtt --shell data/starlink-4408.toml --from sfo --to fra --html rtt.html\n"
         "\n"
         "Places are latitude and longitude, north and east positive, or a city's code such as "
         "sfo, "
         "fra, tyo.";
}

}  // namespace axs::cli
