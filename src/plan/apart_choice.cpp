#include "axs/plan/apart_choice.h"

#include <algorithm>
#include <utility>

#include "axs/plan/site_options.h"

namespace axs::plan {

namespace {

/// More bundles than this come in steps of a quarter.
constexpr std::uint32_t every_count_until = 8;

/// Several sites under one limit.
class ApartOptions {
 public:
  ApartOptions(const std::vector<CountedKinds>& kinds, Seconds limit, std::int64_t wanted,
               ReplicaRange bundles, std::size_t sites_max)
      : counted_{kinds}, wanted_{wanted}, bundles_{bundles}, sites_max_{sites_max} {
    kinds_.reserve(kinds.size());
    for (const CountedKinds& counted : kinds) kinds_.emplace_back(*counted.kinds, limit, wanted);
  }

  bool reach(const std::vector<SiteRoom>& rooms) {
    for (const SiteRoom& room : rooms) {
      double most = 0;
      for (std::size_t i = 0; i < kinds_.size(); ++i) most = std::max(most, most_at(room, i));
      most_.push_back(most);
      all_ += most;
    }
    if (all_ < static_cast<double>(wanted_) - 0.5) return false;
    for (std::size_t site = 0; site < rooms.size(); ++site) add(rooms[site], all_ - most_[site]);
    return is_reached() || (try_mixed() && is_reached());
  }

  std::vector<ChosenReplicas> chosen() const {
    std::vector<ChosenReplicas> chosen;
    const auto shared = shares(values_, *reached_with(), sites_max_);
    for (std::uint32_t site = 0; site < sites_.size(); ++site)
      for (const Counted& counted : sites_[site])
        if (count_of(counted) == shared[site]) counted.options.collect(shared[site], site, chosen);
    return chosen;
  }

 private:
  /// What a site can do with one of the counts.
  struct Counted {
    std::size_t number;  ///< of the count
    SiteOptions options;
  };

  std::uint32_t count_of(const Counted& counted) const { return counted_[counted.number].bundles; }

  /// No more is done at a site with so many bundles.
  double most_at(const SiteRoom& room, std::size_t number) const {
    const double bundles = counted_[number].bundles;
    const KindsWithin& kinds = kinds_[number];
    return std::min(kinds.most_of(room), bundles * static_cast<double>(kinds.most_of_one()));
  }

  /// With the counts that may be of use if all others do no more than `elsewhere`.
  void add(const SiteRoom& room, double elsewhere) {
    std::vector<Counted>& site = sites_.emplace_back();
    Values& values = values_.emplace_back(no_values(bundles_.most));
    for (std::size_t i = 0; i < counted_.size(); ++i) {
      if (most_at(room, i) + elsewhere < static_cast<double>(wanted_) - 0.5) continue;
      const std::uint32_t count = counted_[i].bundles;
      site.push_back({i, SiteOptions{kinds_[i].types(), room, count}});
      values[count] = site.back().options.values()[count];
    }
  }

  /// Nothing: no number of bundles does all.
  std::optional<std::uint32_t> reached_with() const {
    JoinedParts all = no_parts(bundles_.most, values_.size(), sites_max_);
    for (const Values& values : values_) all = joined(all, values);
    for (std::uint32_t n = bundles_.least; n <= bundles_.most; ++n)
      if (all.back()[n] >= wanted_) return n;
    return std::nullopt;
  }
  bool is_reached() const { return reached_with().has_value(); }

  /// True if some site got better.
  bool try_mixed() {
    bool helped = false;
    for (std::size_t site = 0; site < sites_.size(); ++site) {
      const double elsewhere = std::min(all_ - most_[site] + 0.5, static_cast<double>(wanted_));
      for (Counted& counted : sites_[site]) {
        const KindsWithin& kinds = kinds_[counted.number];
        const Goal goal{wanted_ - static_cast<std::int64_t>(elsewhere), kinds.most_of_one(), true};
        const std::uint32_t count = count_of(counted);
        if (!try_mixed(counted.options, kinds.mixed(), count, goal)) continue;
        values_[site][count] = counted.options.values()[count];
        helped = true;
      }
    }
    return helped;
  }

  static bool try_mixed(SiteOptions& options, const std::vector<Entry>& mixed, std::uint32_t count,
                        const Goal& goal) {
    bool helped = false;
    for (const Entry& entry : mixed)
      helped = options.try_mixed(*entry.kind, entry.value, goal) || helped;
    if (count < 2 || count > two_mixed_bundles) return helped;
    const std::int64_t others = (count - 2) * goal.most_of_one;
    for (std::size_t a = 0; a < mixed.size(); ++a)
      for (std::size_t b = a + 1; b < mixed.size(); ++b)
        if (mixed[a].value + mixed[b].value + others >= goal.wanted)
          helped = options.try_two(mixed[a], mixed[b], goal) || helped;
    return helped;
  }

  const std::vector<CountedKinds>& counted_;
  std::int64_t wanted_;  ///< of all bundles together
  ReplicaRange bundles_;
  std::size_t sites_max_;
  std::vector<KindsWithin> kinds_;           ///< by count
  std::vector<std::vector<Counted>> sites_;  ///< by site
  std::vector<Values> values_;               ///< by site
  std::vector<double> most_;                 ///< that each site does at best
  double all_ = 0;                           ///< the sum of these
};

}  // namespace

std::vector<std::uint32_t> apart_counts(std::uint32_t most) {
  std::vector<std::uint32_t> counts;
  std::uint32_t step = 1;
  for (std::uint32_t count = 1; count <= most; count += step) {
    counts.push_back(count);
    if (count % (every_count_until * step) == 0) step *= 2;
  }
  return counts;
}

ApartChoice::ApartChoice(std::vector<CountedKinds> kinds, const ReplicaDemand& demand,
                         ReplicaRange bundles, const std::vector<SiteDevices>& sites,
                         std::size_t sites_max)
    : kinds_{std::move(kinds)}, demand_{demand}, bundles_{bundles}, sites_max_{sites_max} {
  for (const SiteDevices& site : sites)
    sites_.push_back(rooms_of(site, kinds_.front().kinds->widths, demand.bundle));
}

std::optional<std::vector<ChosenReplicas>> ApartChoice::within(Seconds limit) const {
  ApartOptions options{kinds_, limit, demand_.of_all_bundles(), bundles_, sites_max_};
  if (!options.reach(sites_)) return std::nullopt;
  return options.chosen();
}

}  // namespace axs::plan
