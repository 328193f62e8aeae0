#pragma once

#include <string>

#include "axs/cli/plan_words.h"

namespace axs::cli {

/// Sites as boxes, in them a pipeline of each group: stages as wide as they have layers, filled as
/// their memory is, in the colour of their accelerator. An SVG element that needs no script.
std::string sites_svg(const PlanView& view);

/// For the first heads of each split who attends to what: a triangle of shards, in the colour of
/// the accelerator, paler for each further group of a type.
std::string shards_svg(const PlanView& view);

/// A step of the group that the others wait for: what each stage does when. Micro-batches in the
/// middle are left out where there are many.
std::string timeline_svg(const PlanView& view);

/// A bar whose parts are those of the step on the slowest stage.
std::string parts_svg(const PlanView& view);

}  // namespace axs::cli
