#pragma once

#include <string>
#include <vector>

#include "axs/record/history.h"
#include "axs/report/series.h"

namespace axs::report {

/// What the bulk of one pair of sites held of spare capacity, from one change to the next. Times
/// are seconds since the run started, rates megabits per second.
struct Lease {
  std::string from;
  std::string to;
  std::vector<catalog::LeasedPath> paths;
  double begin{};
  double end{};
  double rate{};      ///< of all paths
  double received{};  ///< what meanwhile reached disks there, on average
  std::string why;    ///< what the controller made it of
  std::string ended;  ///< why it is over; empty: another one followed, or the run was over
};

/// What bulk was allowed, and what came of it.
struct Bulk {
  std::vector<Lease> leases{};     ///< By time; in RunData the first ones, if there are very many.
  std::vector<Series> leased{};    ///< By pair.
  std::vector<Series> received{};  ///< By transfer.
};

Bulk bulk(const record::History& history);

/// "152.0 Mb/s over sfo-fra fibre and 80.0 Mb/s over sfo-fra leo"
std::string paths_text(const Lease& lease);

}  // namespace axs::report
