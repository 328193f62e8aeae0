#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/plan/parallel_plan.h"
#include "axs/plan/software.h"

namespace axs::plan {

/// Of what a plan shall take least.
enum class Objective { time, money, energy, carbon };

/// What a plan may take at most, beside time.
struct PlanLimits {
  std::optional<Dollars> budget{};  ///< of the whole job
  std::optional<Watts> power{};     ///< of all sites together, see PlanCost::power

  bool operator==(const PlanLimits&) const = default;
};

/// A model to train, and what its owner wants of the plan.
struct Job {
  ModelShape shape;
  std::uint32_t global_batch = 1;  ///< sequences
  std::uint32_t sequence = 1;      ///< tokens
  double tokens = 0;               ///< to train on
  Precision precision = Precision::bf16;
  Software software;
  /// From now. Nothing: there is none.
  std::optional<Seconds> deadline;
  Objective objective = Objective::time;
  PlanLimits limits{};
  /// Where it may run; empty: anywhere.
  std::vector<std::string> jurisdictions;
  /// By how much the loss may end above that of exchanging in every step, as a share of it, where
  /// sites exchange less often. Nothing: they exchange in every step.
  std::optional<double> loss_gap_max;

  bool may_run_in(const std::string& jurisdiction) const;
};

/// Steps that train on all tokens.
double steps(const Job& job);

/// An error that names the first number of the job that cannot be.
Result<> check(const Job& job);

}  // namespace axs::plan
