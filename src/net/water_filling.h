#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "axs/net/flow_problem.h"
#include "axs/net/max_min.h"

namespace axs::net {

/// Raises the common rate per weight ("the level") of the demands of one class until some are
/// blocked, freezes those, and goes on: a primal simplex method, one linear program per level, each
/// starting from the basis of the one before. Every demand has a key path that takes what its other
/// paths leave (generalised upper bounds, Dantzig and Van Slyke 1967), so the basis has only one
/// row per link; its inverse is kept in full.
class WaterFilling {
 public:
  /// `capacity`: by link, what this class may use; a path over a link of 0 is closed.
  WaterFilling(const FlowProblem& problem, std::span<const double> capacity, TrafficClass traffic);
  /// Adds to `found` what this class gets and the proof of it.
  void run(MaxMinFlow& found);

 private:
  using Index = std::uint32_t;
  /// A path by its number, then the slack of each link, then the level.
  using Variable = std::uint32_t;
  static constexpr Index none = std::numeric_limits<Index>::max();

  /// How fast the basic variables fall as the entering one rises.
  struct Direction {
    Variable entering = none;
    std::vector<double> fall;  ///< By row.
    double level = 0;          ///< How fast the level falls.
  };
  /// What stops the entering variable: a row, or the key path of a demand, or neither if it is the
  /// level's limit.
  struct Leaving {
    double step = std::numeric_limits<double>::infinity();
    double fall = 0;
    Index row = none;
    Index demand = none;
  };

  Variable slack(Index link) const { return path_count_ + link; }
  Variable level_variable() const { return path_count_ + links_; }
  std::span<double> row(Index i) { return {&inverse_[std::size_t{i} * links_], tight_.size()}; }
  double level() const { return level_row_ == none ? level_ : value_[level_row_]; }
  double rate(Index demand) const;
  bool open(Index path) const;

  void block_closed(MaxMinFlow& found) const;
  void raise();
  void freeze(MaxMinFlow& found);
  void leave_level();
  void satisfy();
  double limit();
  bool finished();

  std::vector<double> level_prices();
  Variable choose_entering();
  double price(std::span<const double> prices, Index path) const;
  Direction direction(Variable entering);
  Leaving first_stop(const Direction& direction);
  void add_up_basic_paths(const Direction& direction);
  void step(Direction& direction, const Leaving& leaving);
  void exchange_key(Direction& direction, Leaving& leaving);
  void replace_key(Direction& direction, const Leaving& leaving);
  void replace_row(const Direction& direction, Index row);
  void tighten(Index link, Index row);
  void loosen(Index link);
  void add_to_row(Index to, Index from, double factor);
  void invert_again();
  void compute_values();

  const FlowProblem& problem_;
  TrafficClass traffic_;
  double unit_ = 1;  ///< The greatest capacity; rates inside are parts of it.
  Index links_;
  Index path_count_;
  std::vector<double> capacity_;
  std::vector<Index> members_;    ///< The demands that can have something.
  std::vector<Index> by_limit_;   ///< The same, by the level at which they have all they want.
  std::size_t satisfied_ = 0;     ///< So many of by_limit_ are done with.
  std::vector<Index> demand_of_;  ///< By path.

  std::vector<Index> key_;     ///< By demand.
  std::vector<double> fixed_;  ///< By demand: its rate once it no longer rises.
  std::vector<char> rising_;   ///< By demand.
  /// Of the basis, row after row, each as long as tight_: in the columns of other links there is
  /// only a 1, in the row of their slack.
  std::vector<double> inverse_;
  std::vector<Index> tight_;  ///< The links whose slack is not basic, in the order of the columns.
  std::vector<Index> slot_of_;   ///< By link: where it is in tight_.
  std::vector<Variable> basic_;  ///< By row.
  std::vector<double> value_;    ///< By row.
  std::vector<Index> row_of_;    ///< By variable.
  Index level_row_ = none;
  double level_ = 0;      ///< While it is not basic.
  std::size_t next_ = 0;  ///< Where choose_entering() goes on among the members.
  std::uint32_t pivots_ = 0;
  std::uint32_t inverted_at_ = 0;  ///< So many pivots had been made at the last invert_again().

  // By demand, for those in touched_: sums over its basic paths that are not key.
  std::vector<double> sum_value_;
  std::vector<double> sum_fall_;
  std::vector<Index> touched_;
};

}  // namespace axs::net
