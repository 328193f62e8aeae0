#pragma once

#include "axs/catalog/facts.h"
#include "axs/catalog/metrics.h"

namespace axs::record {

/// What a process counts is what it notes: the metrics of this fact, and nothing for one that has
/// none.
void count_fact(catalog::Metrics& metrics, const catalog::Fact& fact);

}  // namespace axs::record
