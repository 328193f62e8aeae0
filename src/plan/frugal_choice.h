#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/shared_work.h"

namespace axs::plan {

/// No sum reaches it: where there is no limit, or no choice.
inline constexpr double endless = 1e300;

/// What a replica adds to a sum over the replicas of a step.
struct ReplicaTerms {
  double second = 0;       ///< for each second that the step takes
  double micro_batch = 0;  ///< besides, for each of its own
  double step = 0;         ///< besides

  double of(Seconds time, double micro_batches) const {
    return second * time.value() + micro_batch * micro_batches + step;
  }
};

/// A replica that may be built at a site.
struct Offer {
  std::uint32_t site = 0;  ///< which of those that were given
  /// That its site has in all, if it is made of this offer and others with as many. 0: any.
  std::uint32_t bundles = 0;
  const ReplicaKind* kind = nullptr;
  ReplicaTerms score{};
  ReplicaTerms money{};  ///< dollars
  Watts power{};
};

/// What a step may take at most.
struct StepLimits {
  Seconds time{1e15};
  double money = endless;           ///< dollars
  Watts power{endless};             ///< of all sites
  std::vector<Watts> site_power{};  ///< by site of those that were given
};

struct BundleItem;

/// Replicas with their work, and what they score in a step.
struct FrugalPlan {
  SharedWork work;
  double score = 0;
};

/// Chooses from offers the replicas that do all micro-batches of a step at the least score, if a
/// step takes `step_time` of the time of the slowest replica. Any numbers of bundles of any kinds
/// that the devices allow: branch and bound over the time of the slowest replica, each node of
/// which is a dynamic program over the offers. What it finds is within `close_enough` of the best.
class FrugalChoice {
 public:
  static constexpr double close_enough = 1e-3;

  /// What `sites` have is in bundles of devices.
  FrugalChoice(std::vector<Offer> offers, const ReplicaDemand& demand, std::vector<SiteRoom> sites,
               StepLimits limits, std::function<Seconds(Seconds)> step_time);

  /// False: with no number of bundles from `least` to those of the demand there is a score below.
  bool may_be_below(double score, std::uint32_t least) const;
  /// With as many bundles as the demand has. Nothing if no score is below.
  std::optional<FrugalPlan> below(double score) const;

 private:
  /// Of time of the slowest replica.
  struct Span {
    Seconds low, high;
  };

  Span span() const;
  std::vector<BundleItem> items_of(Span span) const;
  double bound(Span span, std::uint32_t least, double below) const;
  bool may_be_below(double score, std::uint32_t least, Span span, int depth) const;
  void look(Span span, double& ceiling, std::optional<FrugalPlan>& best) const;
  std::optional<FrugalPlan> shared(std::vector<ChosenReplicas> chosen, Seconds within) const;
  const Offer& offer_of(const ChosenReplicas& chosen) const;

  std::vector<Offer> offers_;
  ReplicaDemand demand_;
  std::vector<SiteRoom> sites_;  ///< in bundles of devices
  StepLimits limits_;
  std::function<Seconds(Seconds)> step_time_;
  /// Micro-batches of a replica of each bundle together: parts, where not all of a bundle do as
  /// many.
  double wanted_;
  std::int64_t most_;  ///< of one replica, whole ones
};

}  // namespace axs::plan
