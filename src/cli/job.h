#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/fabric/link_plan.h"
#include "axs/twin/worker_model.h"

namespace CLI {
class App;
}

namespace axs::cli {

/// What is put in place of the scenario's values: by a flag or, where there is none, by a variable
/// of the environment.
struct JobOverrides {
  std::optional<std::uint64_t> seed{};           ///< --seed, AXS_SEED
  std::string tle{};                             ///< --tle, AXS_TLE
  std::map<std::string, std::string> origins{};  ///< By the path of the value: which of the two.
};

/// The flags that say which job: common to `axs run` and `axs twin`.
struct JobFlags {
  std::string scenario;
  std::string tle;
  std::optional<std::uint64_t> seed;

  void declare(CLI::App& app);
  Result<JobOverrides> overrides() const;
  /// The scenario with them applied.
  Result<catalog::Scenario> read() const;
  /// Puts them into a scenario that was read from the same file.
  Result<> apply(catalog::Scenario& chosen) const;
};

/// What is assumed of the workers before anything is measured.
std::vector<twin::WorkerSpeed> assumed_speeds(const catalog::Scenario& scenario);

/// How far ahead the sky is worked out: three times what the job takes if nothing goes wrong, six
/// hours at most. In a run that takes longer still, the sky stands as it was last.
Duration sky_horizon(const catalog::Scenario& scenario);

/// The scenario's links for so long, with the satellites of its sky.
Result<std::vector<fabric::LinkPlan>> plan_links(const catalog::Scenario& scenario,
                                                 Duration horizon);
/// The same for as long as its sky is worked out.
Result<std::vector<fabric::LinkPlan>> plan_links(const catalog::Scenario& scenario);

}  // namespace axs::cli
