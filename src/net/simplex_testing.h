#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "axs/core/assert.h"
#include "axs/net/flow_problem.h"

/// For tests: a plain solver of small linear programs, which the fast ones are held against.
namespace axs::net::testing {

/// Maximise gain x under rows x <= limits, x >= 0; all limits >= 0.
struct LinearProgram {
  std::vector<double> gain;
  std::vector<std::vector<double>> rows;
  std::vector<double> limits;
};

/// The greatest gain, by the simplex method on a full tableau with Bland's rule (Bland 1977), which
/// never runs in circles.
inline double greatest_gain(LinearProgram program) {
  constexpr double zero = 1e-9;
  auto& [gain, rows, limits] = program;
  double value = 0;
  for (;;) {
    std::size_t column = 0;
    while (column < gain.size() && gain[column] <= zero) ++column;
    if (column == gain.size()) return value;
    std::size_t pivot = rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i][column] <= zero) continue;
      if (pivot == rows.size() || limits[i] * rows[pivot][column] < limits[pivot] * rows[i][column])
        pivot = i;
    }
    AXS_ASSERT(pivot < rows.size());
    // The slack of the pivot row takes the place of the column's variable.
    const double by = rows[pivot][column];
    for (auto& entry : rows[pivot]) entry /= by;
    limits[pivot] /= by;
    rows[pivot][column] = 1 / by;
    const auto subtract = [&](std::vector<double>& row, double& limit, double sign) {
      const double factor = row[column];
      row[column] = 0;
      for (std::size_t j = 0; j < row.size(); ++j) row[j] -= factor * rows[pivot][j];
      limit -= sign * factor * limits[pivot];
    };
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (i != pivot) subtract(rows[i], limits[i], 1);
    subtract(gain, value, -1);
  }
}

/// The linear program of all paths: no link carries more than it can, no demand sends more than it
/// wants.
inline LinearProgram flow_program(const FlowProblem& problem) {
  LinearProgram program{.gain = std::vector<double>(problem.paths()), .rows = {}, .limits = {}};
  for (const double capacity : problem.capacity()) {
    program.rows.emplace_back(problem.paths());
    program.limits.push_back(capacity);
  }
  for (std::size_t demand = 0; demand < problem.demands(); ++demand) {
    program.rows.emplace_back(problem.paths());
    program.limits.push_back(problem.size()[demand]);
    for (auto path = problem.first_path(demand); path < problem.first_path(demand + 1); ++path) {
      program.gain[path] = problem.weight()[demand];
      program.rows.back()[path] = 1;
      for (const auto link : problem.path(path)) program.rows[link][path] = 1;
    }
  }
  return program;
}

}  // namespace axs::net::testing
