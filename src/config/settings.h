#pragma once

#include <map>
#include <string>
#include <vector>

#include "axs/config/scenario.h"
#include "axs/core/result.h"

namespace axs::config {

/// One value of a job, as `axs config show` lists it.
struct Setting {
  std::string table;  ///< "", "train.outer", "site[2]": the index counts from 0.
  std::string key;
  std::string value;   ///< The same in TOML and in JSON.
  std::string origin;  ///< "line 12", "preset llama-1m", "default", or the flag that overrode it.
};

/// Every value of the scenario and the wishes that were read from this text, defaults included, in
/// the order of a scenario file. `flags`: what a flag has overridden since, by path ("seed"), and
/// its name.
Result<std::vector<Setting>> settings_of(const PlanScenario& scenario, std::string_view text,
                                         const std::map<std::string, std::string>& flags = {});

/// A scenario file with these values, each with its origin beside it. Reading it gives the same
/// scenario.
std::string to_toml(const std::vector<Setting>& settings);

}  // namespace axs::config
