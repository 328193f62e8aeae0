#pragma once

#include "axs/core/units.h"

namespace axs::plan {

using DollarsPerSecond = decltype(Dollars{} / Seconds{1});

struct Prices {
  DollarsPerSecond device{};  ///< of one accelerator, whatever it does
  DollarsPerJoule energy{};   ///< 0 where the price of the device has it
};

}  // namespace axs::plan
