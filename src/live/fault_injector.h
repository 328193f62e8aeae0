#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/catalog/scenario.h"
#include "axs/fabric/fault_script.h"
#include "axs/host/loop.h"
#include "axs/live/run_state.h"

namespace axs::live {

/// The faults of a scenario in a run that may itself be killed: fabric::FaultScript decides, this
/// remembers on the disk what has been done, so that no kill is inflicted twice and a cut that a
/// dead launcher left behind is healed in time. Times of faults are those of the run's clock.
class FaultInjector {
 public:
  struct World {
    /// Inflicts the fault of that number, or inflicts it again after a restart: a kill never comes
    /// twice. Returns what was done, one sentence.
    std::function<std::string(std::uint32_t fault)> begin;
    std::function<void(std::uint32_t fault)> end;
    std::function<void(const catalog::Fact&)> note;
    std::function<void(Error)> fail;
  };

  /// Begins with the loop.
  static Result<std::unique_ptr<FaultInjector>> open(host::Loop& loop, RunState& state,
                                                     const catalog::Scenario& scenario,
                                                     World world);
  FaultInjector(const FaultInjector&) = delete;
  ~FaultInjector();

  /// So many tokens of the budget are merged.
  void merged(std::uint64_t tokens);

 private:
  FaultInjector(host::Loop& loop, RunState& state, const catalog::Scenario& scenario, World world);
  void restore(const std::map<std::uint32_t, RunState::Fault>& done);
  void run(const fabric::FaultScript::Event& event);
  void perform(const fabric::FaultScript::Begin& action);
  void perform(const fabric::FaultScript::End& action);
  void save(std::uint32_t fault);

  host::Loop& loop_;
  RunState& state_;
  const catalog::Scenario& scenario_;
  World world_;
  std::map<std::uint32_t, RunState::Fault> done_;
  std::vector<std::uint32_t>
      numbers_;  ///< What the script counts from 0 are these of the scenario.
  std::optional<fabric::FaultScript> script_;
  std::optional<host::TimerId> timer_;
};

}  // namespace axs::live
