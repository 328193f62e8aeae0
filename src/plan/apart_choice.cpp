#include "axs/plan/apart_choice.h"

#include <algorithm>
#include <numeric>

#include "axs/plan/site_options.h"

namespace axs::plan {

namespace {

/// By site; 0: it has none.
using Counts = std::vector<std::uint32_t>;

/// What kinds let the sites do under a limit.
struct Offered {
  const CountedKinds& part;
  KindsWithin kinds;
  std::vector<std::int64_t> most;                   ///< by site; no more is done
  std::vector<std::optional<SiteOptions>> options;  ///< by site; with these just `most` is done

  bool is_known_at(std::size_t site) const { return part.are_exact && options[site]; }
};

/// Several sites under one limit.
class ApartOptions {
 public:
  ApartOptions(KindsByCount& kinds, const std::vector<SiteRoom>& rooms, const ApartDemand& demand,
               Seconds limit)
      : kinds_{kinds},
        rooms_{rooms},
        demand_{demand},
        wanted_{demand.replicas.of_all_bundles()},
        limit_{limit} {
    for (const auto& [least, part] : kinds.parts()) add(part);
  }

  /// The numbers of bundles with which all is done: those of the most that each site can do or, if
  /// these are too many, the fewest. Nothing: there are none.
  std::optional<Counts> best() {
    for (;;) {
      Counts counts = with_most();
      if (done_by(counts) < wanted_) return std::nullopt;
      if (look_closer(counts)) continue;
      if (bundles_of(counts) <= demand_.replicas.bundles) return counts;
      const auto fewest = with_fewest();
      if (!fewest) return std::nullopt;
      if (!look_closer(*fewest)) return fewest;
    }
  }

  /// Whether all is done with these numbers, the kinds of which are exact.
  bool is_enough(const Counts& counts) {
    for (std::uint32_t site = 0; site < counts.size(); ++site)
      if (counts[site] > 0) fill(offered_.at(counts[site]), site);
    return done_by(counts) >= wanted_;
  }

  std::vector<ChosenReplicas> chosen(const Counts& counts) const {
    std::vector<ChosenReplicas> chosen;
    for (std::uint32_t site = 0; site < counts.size(); ++site)
      if (counts[site] > 0)
        offered_.at(counts[site]).options[site]->collect(counts[site], site, chosen);
    return chosen;
  }

 private:
  void add(const CountedKinds& part) {
    Offered offered{part, {part.kinds, limit_, wanted_}, {}, {}};
    for (const SiteRoom& room : rooms_)
      offered.most.push_back(
          static_cast<std::int64_t>(offered.kinds.most_of(room, part.bundles) + 0.5));
    offered.options.resize(rooms_.size());
    offered_.emplace(part.bundles.least, std::move(offered));
  }

  /// Of each site, of those that do most; of ranges the least number.
  Counts with_most() const {
    Counts counts(rooms_.size());
    std::vector<std::int64_t> most(rooms_.size());
    for (const auto& [least, offered] : offered_)
      for (std::size_t site = 0; site < rooms_.size(); ++site)
        if (offered.most[site] > most[site]) {
          most[site] = offered.most[site];
          counts[site] = least;
        }
    if (demand_.sites_max < counts.size()) {
      std::vector<std::size_t> order(counts.size());
      std::iota(order.begin(), order.end(), 0);
      std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        return most[a] != most[b] ? most[a] > most[b] : a < b;
      });
      for (std::size_t i = demand_.sites_max; i < order.size(); ++i) counts[order[i]] = 0;
    }
    return counts;
  }

  std::optional<Counts> with_fewest() const {
    const std::uint32_t bundles = demand_.replicas.bundles;
    std::vector<Values> values(rooms_.size(), no_values(bundles));
    for (const auto& [least, offered] : offered_)
      for (std::size_t site = 0; site < rooms_.size(); ++site)
        if (offered.most[site] > 0) values[site][least] = offered.most[site];
    JoinedParts all = no_parts(bundles, values.size(), demand_.sites_max);
    for (const Values& site : values) all = joined(all, site);
    for (std::uint32_t n = 1; n <= bundles; ++n)
      if (all.back()[n] >= wanted_) return shares(values, n, demand_.sites_max);
    return std::nullopt;
  }

  std::int64_t done_by(const Counts& counts) const {
    std::int64_t done = 0;
    for (std::size_t site = 0; site < counts.size(); ++site)
      if (counts[site] > 0) done += std::max<std::int64_t>(0, offered_.at(counts[site]).most[site]);
    return done;
  }

  static std::uint64_t bundles_of(const Counts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }

  /// False: nothing of what is chosen is in doubt.
  bool look_closer(const Counts& counts) {
    bool closer = false;
    for (std::uint32_t site = 0; site < counts.size(); ++site) {
      const auto found = offered_.find(counts[site]);  // Unless it got finer for another site.
      if (counts[site] == 0 || found == offered_.end() || found->second.is_known_at(site)) continue;
      closer = true;
      if (is_worth_filling(found->second) && !found->second.options[site])
        fill(found->second, site);
      else
        refine(counts[site]);
    }
    return closer;
  }

  /// Kinds that only bound others are too many to mix.
  static bool is_worth_filling(const Offered& offered) {
    return offered.part.are_exact ||
           (offered.part.bundles.is_one() && offered.kinds.mixed().empty());
  }

  void refine(std::uint32_t least) {
    offered_.erase(least);
    kinds_.refine(least);
    for (auto at = kinds_.parts().find(least);
         at != kinds_.parts().end() && !offered_.contains(at->first); ++at)
      add(at->second);
  }

  /// With what a site does at most, with a single number of bundles.
  void fill(Offered& offered, std::uint32_t site) {
    if (offered.options[site]) return;
    const std::uint32_t count = offered.part.bundles.least;
    SiteOptions& options =
        offered.options[site].emplace(offered.kinds.types(), rooms_[site], count);
    if (!offered.kinds.mixed().empty())
      try_mixed(options, offered.kinds.mixed(), count,
                {wanted_ - done_elsewhere(site), offered.kinds.most_of_one(), true});
    offered.most[site] = options.values()[count];
  }

  std::int64_t done_elsewhere(std::uint32_t here) const {
    std::int64_t done = 0;
    for (std::uint32_t site = 0; site < rooms_.size(); ++site) {
      if (site == here) continue;
      std::int64_t most = 0;
      for (const auto& [least, offered] : offered_) most = std::max(most, offered.most[site]);
      done += most;
    }
    return std::min(done, wanted_);
  }

  static void try_mixed(SiteOptions& options, const std::vector<Entry>& mixed, std::uint32_t count,
                        const Goal& goal) {
    for (const Entry& entry : mixed) options.try_mixed(*entry.kind, entry.value, goal);
    if (count < 2 || count > two_mixed_bundles) return;
    const std::int64_t others = (count - 2) * goal.most_of_one;
    for (std::size_t a = 0; a < mixed.size(); ++a)
      for (std::size_t b = a + 1; b < mixed.size(); ++b)
        if (mixed[a].value + mixed[b].value + others >= goal.wanted)
          options.try_two(mixed[a], mixed[b], goal);
  }

  KindsByCount& kinds_;
  const std::vector<SiteRoom>& rooms_;
  const ApartDemand& demand_;
  std::int64_t wanted_;  ///< of all bundles together
  Seconds limit_;
  std::map<std::uint32_t, Offered> offered_;  ///< by the least number of bundles
};

}  // namespace

ApartChoice::ApartChoice(KindsByCount& kinds, const ApartDemand& demand,
                         const std::vector<SiteDevices>& sites)
    : kinds_{kinds}, demand_{demand} {
  const std::vector<NodeWidths>& widths = kinds.parts().begin()->second.kinds.widths;
  for (const SiteDevices& site : sites)
    sites_.push_back(rooms_of(site, widths, demand.replicas.bundle));
}

bool ApartChoice::is_possible(Seconds limit) {
  ApartOptions options{kinds_, sites_, demand_, limit};
  if (!latest_.empty() && options.is_enough(latest_)) return true;
  const auto counts = options.best();
  if (counts) latest_ = *counts;
  return counts.has_value();
}

std::optional<std::vector<ChosenReplicas>> ApartChoice::within(Seconds limit) {
  ApartOptions options{kinds_, sites_, demand_, limit};
  const auto counts = options.best();
  if (!counts) return std::nullopt;
  return options.chosen(*counts);
}

}  // namespace axs::plan
