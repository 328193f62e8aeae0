#pragma once

#include "axs/train/core_measured.h"

namespace axs::learn {

/// How fast this core computes what layers are made of, with the very functions that train: some
/// seconds.
train::CoreMeasured measure_core();

}  // namespace axs::learn
