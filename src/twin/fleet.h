#pragma once

#include <cstdint>

#include "axs/core/rng.h"
#include "axs/core/time.h"
#include "axs/plan/site_draw.h"
#include "axs/twin/worker_model.h"

namespace axs::twin {

/// The accelerators of one site, which compute each step together: it is over when the slowest is.
struct Fleet {
  WorkerSpeed speed{};  ///< If all are as they should be; `start` is the way back from a failure.
  std::uint32_t accelerators = 1;
  /// A step takes each accelerator 1 + straggling x times as long, x exponential with mean 1.
  double straggling = 0;
  Duration between_failures{};  ///< Of one accelerator, on average; 0: none fails.
  plan::SiteDraw draw{};
};

/// By how much a step of the whole fleet takes longer, at least 1.
double slowness(const Fleet& fleet, Rng& rng);

/// Its mean.
double mean_slowness(const Fleet& fleet);

/// How long until the next accelerator fails; some must.
Duration until_failure(const Fleet& fleet, Rng& rng);

}  // namespace axs::twin
