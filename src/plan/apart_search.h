#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "axs/plan/apart_choice.h"
#include "axs/plan/search.h"

namespace axs::plan {

/// Kinds of replica, and who built them.
struct BuiltKinds {
  const KindBuilder& builder;
  KindTable table;
};

/// The kinds of a unit of the search for sites that step apart, by how many bundles a site has.
class ApartKinds {
 public:
  /// Once `stop` says so, it builds only some.
  ApartKinds(const Search& search, const Search::Unit& unit, const Stop& stop)
      : search_{search}, unit_{unit}, stop_{stop} {}

  /// Built when they are first asked for.
  const KindBuilder& builder(ReplicaRange bundles);
  const BuiltKinds& of(ReplicaRange bundles);
  /// Of replicas whose sites are numbers in the group.
  BuilderOfSite builders(const std::vector<ReplicaGroup>& replicas, const SiteGroup& group);

 private:
  const Search& search_;
  const Search::Unit& unit_;
  const Stop& stop_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, KindBuilder> builders_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, BuiltKinds> built_;
};

/// The best plan of a unit for sites that step apart. What numbers of bundles of a site may be in
/// it is found by branch and bound.
class ApartSearch {
 public:
  /// All sites together have `bundles`.
  ApartSearch(const Search& search, const Search::Unit& unit, ReplicaRange bundles,
              const Stop& stop);

  /// Nothing if no step takes `at_most` or less, or if it was stopped before it found one.
  std::optional<TrainingPlan> best(Seconds at_most);

 private:
  /// Sites that step apart, and how long replicas may take.
  struct Sites {
    const SiteGroup* group;
    Seconds limit{};
    std::vector<double> most{};  ///< that each does at best, with any number of bundles
    double all = 0;              ///< the sum of these
  };

  /// What is of use where a site has so many bundles as a range allows.
  struct Bounds {
    KindBuilder::Families families;
    KindTable least;  ///< that no kinds for a number of the range are better than
  };

  Seconds limit_of(const SiteGroup& group, Seconds at_most) const;
  const Bounds& bounds_of(ReplicaRange bundles);
  const KindTable& of_use(ReplicaRange bundles);
  std::vector<Sites> worth_a_look(Seconds at_most);
  std::vector<double> most_of(ReplicaRange bundles, const Sites& sites);
  bool may_help(ReplicaRange bundles, const std::vector<Sites>& all);
  void list_useful(std::size_t begin, std::size_t end, const std::vector<Sites>& all,
                   std::vector<CountedKinds>& useful);
  std::vector<CountedKinds> all_kinds();

  const Search& search_;
  const Search::Unit& unit_;
  ReplicaRange bundles_;
  const Stop& stop_;
  ReplicaDemand demand_;
  std::int64_t wanted_;                ///< micro-batches of a replica of each bundle together
  std::vector<std::uint32_t> counts_;  ///< that a site may have
  ApartKinds kinds_;
  Seconds fixed_;
  Seconds limit_{};          ///< No replica may take longer.
  std::int64_t needed_ = 0;  ///< micro-batches, of any site that is in a plan within the limits
  std::map<std::pair<std::uint32_t, std::uint32_t>, Bounds> bounds_;
  std::map<std::uint32_t, KindTable> of_use_;  ///< by number of bundles
};

}  // namespace axs::plan
