#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/plan/search.h"

namespace axs::plan {

/// A method that lost.
struct RunnerUp {
  Method method;
  std::optional<TrainingPlan> plan;  ///< the best that was found before the winner left no room
  std::string reason;
};

struct SearchResult {
  TrainingPlan plan;
  std::vector<RunnerUp> others;  ///< one for each other method, the best first
  std::string unmet;  ///< what the job asks for and no plan can give, with what it would need
};

/// What whole searches find: give it what each unit found, in any order.
class SearchSummary {
 public:
  explicit SearchSummary(const Search& search) : search_{search} {}

  void take(Candidate found);
  /// To give to the next unit: longer steps are of no use any more.
  Seconds at_most() const;
  /// The best so far; an error if there is none.
  Result<SearchResult> result() const;

 private:
  const Search& search_;
  std::vector<Candidate> best_of_methods_;  ///< the best first
};

/// All units on the caller's thread.
Result<SearchResult> search(const Job& job, const Fleet& fleet, const Calibration& calibration);

}  // namespace axs::plan
