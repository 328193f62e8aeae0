#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "axs/plan/memory.h"
#include "axs/plan/published_time.h"
#include "axs/plan/step_time.h"

/// Predictions beside what was measured.
namespace axs::plan {

struct RunScore {
  std::uint32_t line = 0;
  std::string source;
  std::string model;
  StepTime step;
  MemoryUse memory;
  std::optional<PublishedTime> measured_step{};
  std::optional<Bytes> measured_memory{};
};

struct LeftOut {
  std::uint32_t line = 0;
  std::string source;
  std::string reason;
};

/// Of relative errors, predicted / measured - 1.
struct Errors {
  std::size_t count = 0;
  double mean_size = 0;  ///< MAPE
  double median_size = 0;
  double p90_size = 0;
  double mean = 0;
  double lowest = 0;
};
Errors errors_of(std::vector<double> relative);

/// Of a source's runs that are alike in `zero_shot`.
struct SourceScore {
  std::string source;
  bool zero_shot = false;  ///< runs of what no run was fitted on
  std::size_t left_out = 0;
  Errors step;
  double within = 0;  ///< share of the runs whose time lies in its interval
  Errors memory;
  /// Runs that measured more than a thirty-third above what was predicted: such a plan may be
  /// believed to fit and does not.
  std::size_t false_fits = 0;
};

struct ScoreTable {
  /// In the order of the runs, then "all"; then the same of those that are zero-shot, if any.
  std::vector<SourceScore> sources;
  std::vector<RunScore> runs;
  std::vector<LeftOut> left_out;
};

ScoreTable score(const std::vector<PublishedRun>& runs, const Facts& facts);

}  // namespace axs::plan
