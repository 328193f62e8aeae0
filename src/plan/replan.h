#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/plan/fleet_events.h"
#include "axs/plan/plan_move.h"
#include "axs/plan/search.h"

namespace axs::plan {

/// keep: all pipelines of the running plan go on, with the work shared anew. shrink: some of them
/// do. move: another plan.
enum class Course { keep, shrink, move };

/// A way for a job to go on.
struct ReplanOption {
  Course course = Course::keep;
  TrainingPlan plan;  ///< its duration and cost are those of what is left of the job
  PlanMove move;

  /// From now, of the job.
  Seconds end() const { return move.pause + plan.duration; }
};

struct ReplanResult {
  /// The one that ends the job first comes first. At most one that keeps, one that shrinks, the
  /// move that ends first if that is before both, and the one with the shortest step if that is
  /// shorter than that of what ends first of all these.
  std::vector<ReplanOption> options;
  std::string unmet;  ///< a deadline that none of them keeps
};

/// Finds how a job that runs ends first on a fleet that has changed, the way there counted. Give it
/// what the units of its search find, in any order, as with SearchSummary; of whole searches the
/// result depends on job, fleet and running plan alone. It never ends later than keeping what is
/// left of the running plan.
class Replanning {
 public:
  /// `left`: the job with the tokens that it has still to train on. `running` has the types of the
  /// changed fleet. An error if job or fleet cannot be, or the plan is none of the job's.
  static Result<Replanning> of(Job left, ChangedFleet now, Calibration calibration,
                               const TrainingPlan& running);

  const Search& search() const { return search_; }
  void take(Candidate found);
  /// To give to the next unit: with longer steps the job cannot end earlier.
  Seconds at_most() const;
  /// The best so far, after so large a share of the search. An error if there is none.
  Result<ReplanResult> result(double searched) const;

 private:
  struct Found {
    std::size_t unit;
    ReplanOption option;
  };

  Replanning(Search search, ChangedFleet now, Calibration calibration, const TrainingPlan& running);
  NodeWidths widths_of(std::uint32_t type) const;
  /// By site: whether the running plan, with the pipelines `before`, had some that are gone.
  std::vector<bool> lose_devices(const std::vector<ReplicaGroup>& before);
  /// With these `before`, and devices gone where `touched`. `apart`: the sites stepped apart.
  void lose_state(const std::vector<ReplicaGroup>& before, const std::vector<bool>& touched,
                  bool apart);
  void look_at_running(bool apart);
  void look_at(const std::vector<ReplicaGroup>& pipelines, Course course, bool pauses);
  PlanMove move_of(const TrainingPlan& plan, Seconds leave) const;
  std::string unmet(Seconds end, double searched) const;
  /// What keeps or shrinks and ends first.
  const ReplanOption* kept() const;

  Search search_;
  ChangedFleet now_;
  Calibration calibration_;
  HeldState held_;
  std::optional<ReplanOption> keep_, shrink_;
  std::optional<Found> first_, fastest_;  ///< of the search
};

/// An error if the plan cannot run on the fleet with any micro-batches: it is none of the job's,
/// its replicas do not fit, the fleet does not have its devices, or its sites cannot train
/// together.
Result<> check_runs(const TrainingPlan& plan, const Job& job, const Fleet& fleet,
                    const Calibration& calibration);

/// All units on the caller's thread.
Result<ReplanResult> replan(const Job& left, const ChangedFleet& now,
                            const Calibration& calibration, const TrainingPlan& running);

}  // namespace axs::plan
