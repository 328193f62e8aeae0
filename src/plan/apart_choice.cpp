#include "axs/plan/apart_choice.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "axs/plan/rounding.h"
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
  std::vector<bool> known;                          ///< by site; just `most` is done
  std::vector<std::optional<SiteOptions>> options;  ///< by site; of mixed kinds, once it is known

  bool is_pure() const { return kinds.mixed().empty(); }
  /// Pure kinds under another limit, too.
  bool does_the_same(const Offered& other) const {
    return &part == &other.part && is_pure() && other.is_pure() &&
           std::ranges::equal(kinds.types(), other.kinds.types(), &TypeEntries::do_the_same);
  }

  /// With `bundles`, or as many of them as there may be.
  std::int64_t most_with(std::size_t site, std::uint64_t bundles) const {
    const auto some =
        static_cast<std::int64_t>(std::min<std::uint64_t>(bundles, part.bundles.most));
    return std::min(most[site], some * kinds.most_of_one());
  }
};

struct Gain {
  double gain;
  const Entry* entry;
};

}  // namespace

/// Several sites under one limit.
class ApartChoice::Options {
 public:
  /// With the parts of the kinds that begin with these numbers. `before`: under another limit.
  Options(KindsByCount& kinds, const std::vector<std::uint32_t>& parts,
          const std::vector<SiteRoom>& rooms, const ApartDemand& demand, Seconds limit,
          const Options* before)
      : kinds_{kinds},
        rooms_{rooms},
        demand_{demand},
        wanted_{demand.replicas.of_all_bundles()},
        limit_{limit} {
    for (const std::uint32_t least : parts) add(kinds.parts().at(least), before);
  }

  /// The numbers of bundles with which all is done: each site does the most that it can with those
  /// that the sites before it leave or, if that is not enough, there are as few as can be. Nothing:
  /// there are none, or `stop` says so.
  std::optional<Counts> best(const std::function<bool()>& stop) {
    while (!stop()) {
      const Counts most = most_at_each();
      if (done_by(most) < wanted_) return std::nullopt;
      if (are_few_and_more_than_all(most)) {
        const auto fewest = with_fewest();
        if (!fewest) return std::nullopt;
        if (look_closer(*fewest)) continue;
      }
      if (look_closer(most)) continue;
      const Counts counts = most_in_turn(most);
      if (look_closer(counts)) continue;
      if (done_by(counts) >= wanted_) return counts;
      const auto fewest = with_fewest();
      if (!fewest) return std::nullopt;
      if (!look_closer(*fewest)) return fewest;
    }
    return std::nullopt;
  }

  std::vector<std::uint32_t> parts() const {
    std::vector<std::uint32_t> parts;
    for (const auto& [least, offered] : offered_) parts.push_back(least);
    return parts;
  }

  /// The parts that may be of use if all other sites do what they can; with less time others are of
  /// no use either.
  std::vector<std::uint32_t> useful() const {
    std::vector<std::int64_t> rest;
    for (std::uint32_t site = 0; site < rooms_.size(); ++site)
      rest.push_back(wanted_ - done_elsewhere(site));
    std::vector<std::uint32_t> useful;
    for (const auto& [least, offered] : offered_)
      for (std::size_t site = 0; site < rest.size(); ++site)
        if (offered.most[site] > 0 && offered.most[site] >= rest[site]) {
          useful.push_back(least);
          break;
        }
    return useful;
  }

  /// Whether all is done with these numbers, the kinds of which are exact, by all of them.
  bool is_enough(const Counts& counts) {
    for (std::uint32_t site = 0; site < counts.size(); ++site) {
      if (counts[site] == 0) continue;
      fill(offered_.at(counts[site]), site);
      if (done_at(site, counts[site]) == 0) return false;
    }
    return done_by(counts) >= wanted_;
  }

  std::vector<ChosenReplicas> chosen(const Counts& counts) const {
    std::vector<ChosenReplicas> chosen;
    for (std::uint32_t site = 0; site < counts.size(); ++site) {
      if (counts[site] == 0) continue;
      const Offered& offered = offered_.at(counts[site]);
      const SiteOptions options = offered.is_pure() ? pure(offered, site) : *offered.options[site];
      options.collect(counts[site], site, chosen);
    }
    return chosen;
  }

 private:
  void add(const CountedKinds& part, const Options* before = nullptr) {
    Offered offered{part, {part.kinds, limit_, wanted_}, {}, {}, {}};
    offered.options.resize(rooms_.size());
    const auto last = before ? before->offered_.find(part.bundles.least) : offered_.end();
    if (before && last != before->offered_.end() && offered.does_the_same(last->second)) {
      offered.most = last->second.most;
      offered.known = last->second.known;
    } else {
      offered.known.resize(rooms_.size());
      for (const SiteRoom& room : rooms_)
        offered.most.push_back(
            static_cast<std::int64_t>(offered.kinds.most_of(room, part.bundles) * (1 + rounding)));
    }
    offered_.emplace(part.bundles.least, std::move(offered));
  }

  /// With which a site does most of all up to `bundles`; of a range its least number.
  std::uint32_t with_most(std::size_t site, std::uint64_t bundles) const {
    std::uint32_t count = 0;
    std::int64_t most = 0;
    for (const auto& [least, offered] : offered_) {
      if (least > bundles) break;
      const std::int64_t here = offered.most_with(site, bundles);
      if (here <= most) continue;
      most = here;
      count = least;
    }
    return count;
  }

  /// More bundles than there may be, where that are so few that how they are shared out is soon
  /// known.
  bool are_few_and_more_than_all(const Counts& counts) const {
    const std::uint32_t bundles = demand_.replicas.bundles;
    return bundles <= bundles_with_an_odd_one &&
           std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) > bundles;
  }

  /// Of the sites that do most, if each has what it likes.
  Counts most_at_each() const {
    Counts counts;
    for (std::size_t site = 0; site < rooms_.size(); ++site)
      counts.push_back(with_most(site, demand_.replicas.bundles));
    if (demand_.sites_max >= counts.size()) return counts;
    std::vector<std::size_t> order(counts.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(
        order, {}, [&](std::size_t site) { return std::pair{-done_at(site, counts[site]), site}; });
    for (std::size_t i = demand_.sites_max; i < order.size(); ++i) counts[order[i]] = 0;
    return counts;
  }

  /// Of the same sites, each of which has what those before it leave.
  Counts most_in_turn(Counts counts) const {
    std::uint64_t left = demand_.replicas.bundles;
    for (std::size_t site = 0; site < counts.size(); ++site) {
      if (counts[site] > left) counts[site] = with_most(site, left);
      left -= counts[site];
    }
    return counts;
  }

  /// By bundles, where fewer do not do as much.
  Values worth_having(std::size_t site) const {
    Values values = no_values(demand_.replicas.bundles);
    std::int64_t most = 0;
    for (const auto& [least, offered] : offered_)
      for (std::uint32_t n = least; n <= offered.part.bundles.most; ++n) {
        const std::int64_t here = offered.most_with(site, n);
        if (here <= most) continue;
        most = here;
        values[n] = here;
      }
    return values;
  }

  /// As few bundles of all sites as can do all; of ranges the least number.
  std::optional<Counts> with_fewest() const {
    const std::uint32_t bundles = demand_.replicas.bundles;
    std::vector<Values> values;
    for (std::size_t site = 0; site < rooms_.size(); ++site) values.push_back(worth_having(site));
    JoinedParts all = no_parts(bundles, values.size(), demand_.sites_max);
    for (const Values& site : values) all = joined(all, site);
    const auto fewest =
        std::ranges::find_if(all.back(), [&](std::int64_t value) { return value >= wanted_; });
    if (fewest == all.back().end()) return std::nullopt;
    const auto number = static_cast<std::uint32_t>(fewest - all.back().begin());
    Counts counts = shares(values, number, demand_.sites_max);
    for (std::uint32_t& count : counts)
      if (count > 0) count = std::prev(offered_.upper_bound(count))->first;
    return counts;
  }

  std::int64_t done_at(std::size_t site, std::uint32_t count) const {
    return count == 0 ? 0 : offered_.at(count).most[site];
  }
  std::int64_t done_by(const Counts& counts) const {
    std::int64_t done = 0;
    for (std::size_t site = 0; site < counts.size(); ++site) done += done_at(site, counts[site]);
    return done;
  }

  /// False: nothing of what is chosen is in doubt.
  bool look_closer(const Counts& counts) {
    std::set<std::uint32_t> in_doubt;
    bool closer = false;
    for (std::uint32_t site = 0; site < counts.size(); ++site) {
      if (counts[site] == 0) continue;
      Offered& offered = offered_.at(counts[site]);
      if (offered.known[site] && offered.part.are_exact) continue;
      closer = true;
      if (is_worth_filling(offered) && !offered.known[site])
        fill(offered, site);
      else
        in_doubt.insert(counts[site]);
    }
    for (const std::uint32_t least : in_doubt) refine(least);
    return closer;
  }

  /// Kinds that only bound others are too many to mix.
  static bool is_worth_filling(const Offered& offered) {
    return offered.part.are_exact || (offered.part.bundles.is_one() && offered.is_pure());
  }

  void refine(std::uint32_t least) {
    offered_.erase(least);
    for (const CountedKinds* part : kinds_.refine(least)) add(*part);
  }

  /// With what a site does at most, with a single number of bundles.
  void fill(Offered& offered, std::uint32_t site) {
    if (offered.known[site]) return;
    const std::uint32_t count = offered.part.bundles.least;
    if (!offered.is_pure()) offered.options[site].emplace(mixed(offered, site));
    const std::int64_t most = offered.is_pure() ? pure(offered, site).values()[count]
                                                : offered.options[site]->values()[count];
    offered.most[site] = std::max<std::int64_t>(0, most);
    offered.known[site] = true;
  }

  SiteOptions pure(const Offered& offered, std::uint32_t site) const {
    const std::uint32_t count = offered.part.bundles.least;
    return {offered.kinds.types(), rooms_[site], {count, count}};
  }
  SiteOptions mixed(const Offered& offered, std::uint32_t site) const {
    const std::uint32_t count = offered.part.bundles.least;
    SiteOptions options{offered.kinds.types(), rooms_[site], {0, count}};
    try_mixed(options, offered.kinds.mixed(), count,
              {wanted_ - done_elsewhere(site), offered.kinds.most_of_one(), true});
    return options;
  }

  std::int64_t done_elsewhere(std::uint32_t here) const {
    std::int64_t done = 0;
    for (std::uint32_t site = 0; site < rooms_.size(); ++site)
      if (site != here) done += done_at(site, with_most(site, demand_.replicas.bundles));
    return std::min(done, wanted_);
  }

  /// For `count` bundles.
  static void try_mixed(SiteOptions& options, const std::vector<Entry>& mixed, std::uint32_t count,
                        Goal goal) {
    std::vector<Gain> gains;
    for (const Entry& entry : mixed) gains.push_back({options.gain(entry), &entry});
    std::ranges::sort(gains, [](const Gain& a, const Gain& b) {
      return a.gain != b.gain ? a.gain > b.gain : a.entry < b.entry;
    });
    // The more is done already, the less is worth a try.
    const auto raise = [&] { goal.wanted = std::max(goal.wanted, options.values()[count] + 1); };
    for (const Gain& one : gains) {
      raise();
      options.try_mixed(*one.entry->kind, one.entry->value, goal);
    }
    if (count < 2 || count > two_mixed_bundles) return;
    for (std::size_t a = 0; a < gains.size(); ++a)
      for (std::size_t b = a + 1; b < gains.size(); ++b) {
        raise();
        const double done = options.all_pure() + gains[a].gain + gains[b].gain;
        if (done < static_cast<double>(goal.wanted) - 0.5) break;
        options.try_two(*gains[a].entry, *gains[b].entry, goal);
      }
  }

  KindsByCount& kinds_;
  const std::vector<SiteRoom>& rooms_;
  const ApartDemand& demand_;
  std::int64_t wanted_;  ///< of all bundles together
  Seconds limit_;
  std::map<std::uint32_t, Offered> offered_;  ///< by the least number of bundles
};

ApartChoice::ApartChoice(KindsByCount& kinds, const ApartDemand& demand,
                         const std::vector<SiteDevices>& sites, std::function<bool()> stop)
    : kinds_{kinds}, demand_{demand}, stop_{std::move(stop)} {
  const std::vector<NodeWidths>& widths = kinds.parts().begin()->second.kinds.widths;
  for (const SiteDevices& site : sites)
    sites_.push_back(rooms_of(site, widths, demand.replicas.bundle));
  for (const auto& [least, part] : kinds.parts()) parts_.push_back(least);
}
ApartChoice::~ApartChoice() = default;

bool ApartChoice::is_possible(Seconds limit) {
  auto options = std::make_unique<Options>(kinds_, parts_, sites_, demand_, limit, before_.get());
  bool possible = !latest_.empty() && options->is_enough(latest_);
  if (!possible) {
    const auto counts = options->best(stop_);
    possible = counts.has_value();
    if (counts) latest_ = *counts;
  }
  parts_ = possible ? options->useful() : options->parts();
  before_ = std::move(options);
  return possible;
}

std::optional<std::vector<ChosenReplicas>> ApartChoice::within(Seconds limit) {
  auto options = std::make_unique<Options>(kinds_, parts_, sites_, demand_, limit, before_.get());
  std::optional<std::vector<ChosenReplicas>> chosen;
  if (const auto counts = options->best(stop_)) chosen = options->chosen(*counts);
  parts_ = options->parts();
  before_ = std::move(options);
  return chosen;
}

}  // namespace axs::plan
