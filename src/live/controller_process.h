#pragma once

#include "axs/live/run_plan.h"

namespace axs::live {

/// The process of the controller, at the home site: the world of net::Controller. The home agent
/// passes it the reports of all sites and takes its orders. It ends on SIGTERM or SIGINT, once a
/// controller of a later term has been at work, or when there has been no home agent for a while.
/// Nothing of the job waits for it. `term` must be greater than that of every controller of this
/// run before. Call it before any other thread is started.
Result<> run_controller(const RunFolder& folder, const RunPlan& plan, std::uint64_t term);

}  // namespace axs::live
