#pragma once

#include <optional>
#include <string>

#include "axs/twin/twin.h"

namespace axs::twin {

/// The first thing that is not yet as it must be when nothing is broken, in words: every site has
/// keys for every other, hears it over all paths, and has a living path for each class of traffic.
/// Nothing if all is well.
std::optional<std::string> unsettled(const Twin& world);

/// How long it may stay so, seen from the instant at which the last fault ended: a handshake where
/// there are no keys, and then as many hellos as it takes to believe in a path.
Duration settling_limit(const Twin& world);

}  // namespace axs::twin
