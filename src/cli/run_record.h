#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/live/event_log.h"

namespace axs::cli {

/// How every run's record begins: what was asked for, by which command, and of which sites and
/// links.
std::vector<catalog::Fact> opening_facts(const catalog::Scenario& scenario,
                                         const std::string& world, const std::string& command);

/// This process's command line, as one would type it again.
std::string own_command();

/// The folder of a simulated run: events.jsonl of the world, and one of each site, as live
/// processes leave them.
class TwinRecord {
 public:
  /// Makes the folder; an error if something is in it.
  static Result<TwinRecord> create(const std::string& folder, const catalog::Scenario& scenario);

  void note(const catalog::FactOrigin& origin, const catalog::Fact& fact);
  /// The first error of a note().
  Result<> outcome() const;

 private:
  TwinRecord() = default;

  std::map<std::string, live::EventLog> logs_;  ///< by site; the world's under ""
  std::optional<Error> failure_;
};

}  // namespace axs::cli
