#pragma once

#include <atomic>
#include <mutex>

#include "axs/cli/plan_jointly.h"
#include "axs/cli/progress.h"

namespace axs::cli {

/// Shows how far searches are, and ends them once `patience` is over. Threads may ask at a time.
class WatchedSearch {
 public:
  explicit WatchedSearch(Patience& patience) : patience_{patience} {}

  bool operator()(double share);
  /// Of the search that was ended, what was done.
  double searched() const { return ended_ ? share_ : 1; }

 private:
  std::mutex mutex_;
  Progress progress_{"looking for what takes least"};
  Patience& patience_;
  std::atomic<bool> ended_ = false;
  double share_ = 0;
};

/// Puts what the job wants in the place of the fastest plan, where that is another one: a Wish.
void look_for_wanted(PlanOverLinks& planned, Patience& patience);

}  // namespace axs::cli
