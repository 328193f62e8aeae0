#pragma once

#include <string>
#include <variant>
#include <vector>

#include "axs/fabric/link_plan.h"
#include "axs/live/run_plan.h"
#include "axs/live/underlay.h"

namespace axs::live {

/// What the emulator of a run is told over RunFolder::underlay_socket().
using ToUnderlay = std::variant<CutLink, HealLink>;

/// The process that emulates the links of a run: until SIGTERM or SIGINT, or until nobody has sent
/// anything for a while. It takes ToUnderlay, notes the traffic of each direction once a second,
/// and leaves its counters in RunFolder::underlay_stats(). Call it before any other thread is
/// started. Errc::unavailable if another process emulates this run.
Result<> run_underlay_process(const RunFolder& folder, const RunPlan& plan,
                              const std::vector<fabric::LinkPlan>& links);

}  // namespace axs::live
