#pragma once

#include "axs/plan/facts.h"
#include "axs/train/core_measured.h"

namespace axs::cli {

/// The accelerator of which the planner says of layers of any size what a worker has measured of
/// some, as near as its five numbers come to that. All else is as `declared` has it.
plan::Accelerator measured_core(const train::CoreMeasured& measured,
                                const plan::Accelerator& declared, const plan::Facts& facts);

}  // namespace axs::cli
