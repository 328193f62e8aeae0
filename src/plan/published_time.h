#pragma once

#include "axs/plan/published_run.h"

namespace axs::plan {

/// The measured time of a step.
struct PublishedTime {
  Seconds step{};
  std::string column;  ///< of the table that tells it

  static constexpr const char* printed = "step_time_s";
  bool is_derived() const { return column != printed; }
};

/// Whether the table has anything of a step's time.
bool tells_time(const PublishedRun& run);

/// The time that the table prints, or one that follows from the throughput that it prints and from
/// `work`, which is what was run; for runs of which something is told. The error says why there is
/// none: no convention, no batch, more than the peak, or columns that contradict each other by more
/// than a tenth, whatever they count.
Result<PublishedTime> published_time(const PublishedRun& run, const Workload& work,
                                     const Facts& facts);

}  // namespace axs::plan
