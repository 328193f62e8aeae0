#pragma once

#include <vector>

#include "axs/core/rng.h"
#include "axs/core/wire.h"

namespace axs::fuzz {

/// One of the seeds with a few changes: bits, bytes, numbers that are large or nearly so, pieces
/// cut out, repeated, or taken from another seed. Depends on `rng` alone.
ByteVector mutated(const std::vector<ByteVector>& seeds, Rng& rng);

}  // namespace axs::fuzz
