#pragma once

#include <string>
#include <vector>

#include "axs/record/history.h"

namespace axs::report {

/// Traffic between two sites took another way. What was moved at once for the same reason is one.
struct Reroute {
  double at{};  ///< Seconds since the run started.
  std::string from;
  std::string to;
  std::string traffic;  ///< "control, gradient, bulk"
  std::string reason;
  catalog::RouteGrounds
      grounds;  ///< of the first class; of a record before version 4 only the path
};

/// All that a run's record tells, in order of time.
std::vector<Reroute> reroutes(const record::History& history);

/// Gradients kept off a planned change of satellites.
struct Handover {
  double at{};
  std::string from;
  catalog::HandoverKept what;
};
std::vector<Handover> handovers(const record::History& history);
/// All of them in a sentence; empty if there were none.
std::string sentence(const std::vector<Handover>& handovers);

/// Why, in a sentence; of a record that does not say it, the reason.
const std::string& sentence(const Reroute& reroute);

}  // namespace axs::report
