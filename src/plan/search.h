#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "axs/plan/replica_choice.h"
#include "axs/plan/site_groups.h"

namespace axs::plan {

struct SharedWork;

/// Nobody waits that long.
inline constexpr Seconds no_limit{1e15};

/// Times are halved until no more than this share of them is open.
inline constexpr double exactly = 1e-12;

/// Asked every few milliseconds by what takes long. Once it is true it stays so, and what asked it
/// ends with the best that it has found.
using Stop = std::function<bool()>;

/// The best plan of a unit of the search.
struct Candidate {
  std::size_t unit = 0;
  TrainingPlan plan;
};

/// The search for the plan with the shortest step, as a list of units that do not depend on each
/// other: any number of threads may run them in any order and may stop at any time; take the best
/// by better(). A search goes on from what was found when the units that were not run to their end
/// are run again. What a unit looks at depends on the job alone, and it finds the best of that
/// exactly, so that added devices never make the result worse.
/// docs/design/026-plan-search.md has the space and what it leaves out.
class Search {
 public:
  /// An error if job or fleet cannot be or if there are no devices that the job may use.
  static Result<Search> of(Job job, Fleet fleet, Calibration calibration);

  std::size_t units() const { return units_.size(); }
  /// Nothing if the unit has no plan whose step takes `at_most` or less.
  std::optional<Candidate> run(
      std::size_t unit, Seconds at_most, const Stop& stop = [] { return false; }) const;
  /// The best plan of another method with about as many replicas as `best` has: as many, half and
  /// twice as many. Nothing if steps of all take twice as long or longer.
  std::optional<TrainingPlan> beside(const Candidate& best, const Method& method,
                                     const Stop& stop) const;
  /// The plan with the shortest step that has just these pipelines, whatever micro-batches they
  /// have now: the work is shared out and the way that sites exchange is chosen anew. Nothing: they
  /// do not fit, there are not the devices, or their sites cannot or may not train together.
  std::optional<TrainingPlan> shared_anew(
      const Method& method, const std::vector<ReplicaGroup>& pipelines,
      const Stop& stop = [] { return false; }) const;
  /// No plan of the unit has a shorter step.
  Seconds bound(std::size_t unit) const;
  const Job& job() const { return job_; }
  const Fleet& fleet() const { return fleet_; }
  /// Of each type at every site; none where the job may not run.
  const std::vector<SiteDevices>& devices() const { return devices_; }
  std::vector<Method> methods() const;
  /// Why, if no unit has a plan.
  Error fits_nowhere() const;

 private:
  friend class FrugalUnit;   // It looks at the same space for something else.
  friend class ApartSearch;  // It looks at a part of it.
  friend class UnitKinds;

  struct BoundedMethod {
    Method method;
    Seconds bound{};
    Seconds spanning_bound{};  ///< of pipelines across sites
    KindBuilder builder;       ///< for one replica, without sites
    KindBuilder with_splits;
  };
  enum class Pipelines { pure, mixed, spanning };
  struct Unit {
    std::uint32_t method;
    std::uint32_t bundle;  ///< replicas that are alike
    ReplicaRange bundles;  ///< any number of these
    Pipelines pipelines;
    bool apart;  ///< of sites that exchange less often than in every step
  };

  Search(Job job, Fleet fleet, Calibration calibration);
  void list_sites();
  void list_splits();
  void list_methods();
  void list_units();
  BoundedMethod bounded(const Method& method) const;
  bool has_ways() const;
  KindBuilder builder_for(const Unit& unit, ReplicaRange bundles) const;
  std::vector<std::uint32_t> types_in_use() const;
  KindBuilder::Families families(const KindBuilder& builder, Pipelines pipelines,
                                 const KindNeed& need) const;
  /// What no kinds of the families are better than.
  KindTable bounds_of(const KindBuilder& builder, const KindBuilder::Families& families) const;
  /// Some of them if `stop` says so.
  KindTable cut(const KindBuilder& builder, const KindBuilder::Families& families, Seconds limit,
                const Stop& stop) const;
  /// All kinds, or some of them if `stop` says so.
  KindTable kinds(const KindBuilder& builder, Pipelines pipelines, const Stop& stop) const;
  std::optional<TrainingPlan> best_of(const Unit& unit, ReplicaRange bundles, Seconds at_most,
                                      const Stop& stop, double precise = exactly) const;
  std::optional<TrainingPlan> best_of_number(const Unit& unit, const ReplicaDemand& demand,
                                             const KindBuilder& builder, const KindTable& of_use,
                                             Seconds at_most, const Stop& stop,
                                             double precise) const;
  std::optional<TrainingPlan> best_spanning(const KindBuilder& any, ReplicaRange replicas,
                                            Seconds at_most, const Stop& stop) const;
  TrainingPlan plan_across(const SharedWork& work, const KindBuilder& builder) const;
  std::vector<SiteDevices> devices_of(const SiteGroup& group) const;
  BuilderOfSite everywhere(const KindBuilder& builder) const;
  std::optional<TrainingPlan> shared_anew(const Method& method,
                                          const std::vector<ReplicaGroup>& pipelines, bool apart,
                                          const Stop& stop) const;
  std::optional<TrainingPlan> plan_of_given(SharedWork work, const SiteGroup& group,
                                            const BuilderOfSite& builders) const;
  bool has_devices_for(const Method& method, const std::vector<ReplicaGroup>& pipelines) const;
  TrainingPlan plan_of(const SharedWork& work, const SiteGroup& group,
                       const BuilderOfSite& builders) const;
  std::int64_t micro_batches(const Method& method) const;

  Job job_;
  Fleet fleet_;
  Calibration calibration_;
  std::vector<std::uint32_t> allowed_;      ///< sites
  std::vector<SiteDevices> devices_;        ///< of every site; none where it is not allowed
  std::vector<SiteDevices> largest_;        ///< without sites of which another one has all
  std::vector<std::uint32_t> all_devices_;  ///< of each type, at all allowed sites
  std::vector<SiteGroup> groups_;
  std::vector<SequenceSplit> splits_;  ///< over types that are at one site
  std::vector<BoundedMethod> methods_;
  std::vector<Unit> units_;
};

/// An error if no devices of the fleet are where the job may run; it names neither.
Result<> check_devices(const Job& job, const Fleet& fleet);

/// A total order: the shorter step, then the earlier unit.
bool better(const Candidate& a, const Candidate& b);

}  // namespace axs::plan
