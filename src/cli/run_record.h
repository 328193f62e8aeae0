#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/host/clock.h"
#include "axs/live/event_log.h"
#include "axs/live/run_plan.h"

namespace axs::cli {

/// How every run's record begins: what was asked for, by which command, and of which sites and
/// links.
std::vector<catalog::Fact> opening_facts(const catalog::Scenario& scenario,
                                         const std::string& world, const std::string& command);

/// This process's command line, as one would type it again.
std::string own_command();

/// What the controller notes of a live run, by the run's clock: events.jsonl in its folder.
class ControllerRecord {
 public:
  /// Goes on behind what an earlier controller of this run has noted.
  static Result<ControllerRecord> open(const live::RunFolder& folder, const live::RunPlan& plan);

  Result<> note(const catalog::Fact& fact);

 private:
  ControllerRecord(live::EventLog log, std::string run, host::RunClock clock)
      : log_{std::move(log)}, run_{std::move(run)}, clock_{clock} {}

  live::EventLog log_;
  std::string run_;
  host::RunClock clock_;
};

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
