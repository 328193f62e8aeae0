#pragma once

#include <string>

#include "axs/record/history.h"
#include "axs/report/run_data.h"

namespace axs::report {

/// What the sites did about a fault, in one sentence, as far as the record tells: where traffic
/// went and how soon, how long the others' rounds became, when who was killed was back. `begin` is
/// the start of the run on the history's clock, in seconds.
std::string fault_outcome(const record::History& history, const FaultData& fault, double begin);

}  // namespace axs::report
