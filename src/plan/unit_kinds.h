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
  /// Once `stop` says so, it builds only some.
  UnitKinds(const Search& search, const Search::Unit& unit, const Stop& stop)
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

}  // namespace axs::plan
