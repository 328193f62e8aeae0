#pragma once

#include <string_view>
#include <vector>

#include "axs/core/result.h"
#include "axs/plan/facts.h"

namespace axs::config {

class Table;

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

/// An [[accelerator]] that a job brings: as the catalogue's, and if somebody knows it with a table
/// `reaches`, which has what a [[family]] has. Two of one name are an error.
void read_own_accelerator(Table& t, std::vector<plan::AcceleratorFacts>& own);

}  // namespace axs::config
