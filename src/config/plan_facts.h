#pragma once

#include <string_view>

#include "axs/core/result.h"
#include "axs/plan/facts.h"

namespace axs::config {

/// The texts of the files in catalog/ that the planner reads.
struct PlanFiles {
  std::string_view accelerators;
  std::string_view software;
  std::string_view published;
  std::string_view fit;
};

/// An error names the file, the key, what was seen and what was wanted.
Result<plan::Facts> parse_plan_facts(const PlanFiles& files);

/// The files as they were when the program was built; they are inside it.
PlanFiles shipped_plan_files();
/// What they say.
Result<plan::Facts> shipped_plan_facts();

}  // namespace axs::config
