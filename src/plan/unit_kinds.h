#pragma once

#include <map>
#include <utility>
#include <vector>

#include "axs/plan/search.h"

namespace axs::plan {

/// Kinds of replica, and who built them.
struct BuiltKinds {
  const KindBuilder& builder;
  KindTable table;
};

/// The kinds of a unit of the search, by how many bundles there are: at a site of its own where
/// sites step apart, else at all together.
class UnitKinds {
 public:
  /// Those that end within `limit`. Once `stop` says so, it builds only some.
  UnitKinds(const Search& search, const Search::Unit& unit, Seconds limit, const Stop& stop)
      : search_{search}, unit_{unit}, limit_{limit}, stop_{stop} {}

  /// Built when they are first asked for.
  const KindBuilder& builder(ReplicaRange bundles);
  /// Where so many bundles are all that there are, those that may be among them.
  const BuiltKinds& of(ReplicaRange bundles);
  /// Of replicas whose sites are numbers in the group.
  BuilderOfSite builders(const std::vector<ReplicaGroup>& replicas, const SiteGroup& group);

 private:
  const Search& search_;
  const Search::Unit& unit_;
  Seconds limit_;
  const Stop& stop_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, KindBuilder> builders_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, BuiltKinds> built_;
};

}  // namespace axs::plan
