#pragma once

#include <string>

#include "axs/record/ledger.h"
#include "axs/report/run_data.h"

namespace axs::report {

/// One page that needs nothing else: style, charts and numbers lie in it, and its own policy
/// forbids it the network.
std::string html(const RunData& run, const record::Ledger& ledger);

/// Power that a busy accelerator is taken to draw, in watts, or 0 if there is no figure for its
/// type: "2 × cpu".
double assumed_watts(const std::string& accelerators);

}  // namespace axs::report
