#pragma once

#include <string>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"

namespace CLI {
class App;
}

namespace axs::cli {

/// Which sites' agents run on Ray: each in a placement group of what the plan has at its site, on
/// the cluster of that site (docs/design/036-ray.md).
struct RayFlags {
  std::vector<std::string> clusters;  ///< "SITE=HOST:PORT", of its head.
  std::string python;                 ///< One that has the Ray of the clusters.

  void declare(CLI::App& app);
  /// By site of the scenario, the words of NewRun::launchers; none without a cluster. `plan` is
  /// where the plan lies. Errc::invalid for what names no site of it, a site twice or no address,
  /// and where the Python is not there.
  Result<std::vector<std::vector<std::string>>> launchers(const catalog::Scenario& scenario,
                                                          const std::string& plan) const;
  /// Whether each cluster has room for what the plan has at its site: reserves it and gives it
  /// back. Which has not, its starter has said on standard error.
  Result<> check_room(const catalog::Scenario& scenario, const std::string& plan_text) const;
};

}  // namespace axs::cli
