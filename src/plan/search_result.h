#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/plan/search.h"

namespace axs::plan {

/// A method that lost.
struct RunnerUp {
  Method method;
  /// The best with about as many replicas as the winner has, see Search::beside().
  std::optional<TrainingPlan> plan;
  std::string reason;

  bool operator==(const RunnerUp&) const = default;
};

/// The reason of those that were not looked at before a search was stopped.
inline constexpr const char* not_compared = "not compared: the search was stopped";

/// Why that other method lost to `best`. Methods do not depend on each other: any number of threads
/// may look at them.
RunnerUp runner_up(const Search& search, const Candidate& best, const Method& method,
                   const Stop& stop);
/// The best first, those that were not compared last.
void sort_runners_up(std::vector<RunnerUp>& others);

struct SearchResult {
  TrainingPlan plan;
  std::vector<RunnerUp> others;  ///< the other methods, the best first
  std::string unmet;             ///< limits that the plan does not keep, with what it would need

  bool operator==(const SearchResult&) const = default;
};

/// What searches find: give it what each unit found, in any order.
class SearchSummary {
 public:
  explicit SearchSummary(const Search& search) : search_{search} {}

  void take(Candidate found);
  /// To give to the next unit: longer steps are of no use any more.
  Seconds at_most() const;
  const std::optional<Candidate>& best() const { return best_; }
  /// The best so far, without the other methods; an error if there is none. Of whole searches it
  /// depends on job and fleet alone.
  Result<SearchResult> fastest() const;
  /// With the other methods, those that were looked at before `stop` first.
  Result<SearchResult> result(const Stop& stop = [] { return false; }) const;

 private:
  const Search& search_;
  std::optional<Candidate> best_;
};

/// All units and comparisons on the caller's thread.
Result<SearchResult> search(const Job& job, const Fleet& fleet, const Calibration& calibration);

}  // namespace axs::plan
