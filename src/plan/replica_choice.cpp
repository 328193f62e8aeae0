#include "axs/plan/replica_choice.h"

#include <algorithm>
#include <array>

#include "axs/plan/site_options.h"

namespace axs::plan {

namespace {

/// Several sites under one limit.
class AllOptions {
 public:
  /// With any number of bundles from `least` to those of the demand.
  AllOptions(const KindTable& kinds, const ReplicaDemand& demand, std::uint32_t least,
             Seconds limit)
      : least_{least},
        bundles_{demand.bundles},
        wanted_{demand.of_all_bundles()},
        kinds_{kinds, limit, wanted_} {}

  /// False: even without rounding, and with as many of the best kind as there are bundles, not all
  /// can be done.
  bool may_reach(const std::vector<SiteRoom>& sites) const {
    const std::int64_t most = kinds_.most_of_one();
    if (bundles_ * most < wanted_) return false;
    std::vector<double> devices(kinds_.types().size());
    for (const SiteRoom& site : sites)
      for (std::size_t type = 0; type < site.size(); ++type) devices[type] += site[type].devices();
    constexpr std::array prices{-64.0, -16.0, -4.0, -2.0,  -1.0, -0.5,  -0.25, -0.125,
                                0.0,   0.125, 0.25, 0.375, 0.5,  0.625, 0.75,  0.875};
    return std::ranges::none_of(prices, [&](double price) {
      const std::uint32_t bundles = price < 0 ? least_ : bundles_;
      return kinds_.most_done(devices, bundles, price * static_cast<double>(most)) <
             static_cast<double>(wanted_) - 0.5;
    });
  }

  bool reach(const std::vector<SiteRoom>& sites) {
    if (!may_reach(sites)) return false;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const auto alike =
          static_cast<std::size_t>(std::ranges::find(sites, sites[i]) - sites.begin());
      if (alike < i)
        sites_.push_back(SiteOptions{sites_[alike]});
      else
        sites_.emplace_back(kinds_.types(), sites[i], ReplicaRange{0, bundles_});
    }
    return is_reached() || try_mixed();
  }

  std::vector<ChosenReplicas> chosen() const {
    std::vector<Values> parts;
    for (const SiteOptions& site : sites_) parts.push_back(site.values());
    const auto counts = shares(parts, bundles_, parts.size());
    std::vector<ChosenReplicas> chosen;
    for (std::uint32_t site = 0; site < sites_.size(); ++site)
      sites_[site].collect(counts[site], site, chosen);
    return chosen;
  }

 private:
  bool is_reached() const {
    Values all = no_values(bundles_);
    for (const SiteOptions& site : sites_) all = joined(all, site.values());
    return std::ranges::any_of(all.begin() + least_, all.end(),
                               [&](std::int64_t value) { return value >= wanted_; });
  }

  bool try_mixed() {
    const Goal goal{wanted_, kinds_.most_of_one(), sites_.size() == 1};
    for (const Entry& mixed : kinds_.mixed()) {
      bool helped = false;
      for (SiteOptions& site : sites_)
        helped = site.try_mixed(*mixed.kind, mixed.value, goal) || helped;
      if (helped && is_reached()) return true;
    }
    return bundles_ <= two_mixed_bundles && try_two_mixed(goal);
  }

  bool try_two_mixed(const Goal& goal) {
    if (bundles_ < 2) return false;
    const std::vector<Entry>& mixed = kinds_.mixed();
    const std::int64_t others = (bundles_ - 2) * goal.most_of_one;
    for (std::size_t a = 0; a < mixed.size(); ++a)
      for (std::size_t b = a + 1; b < mixed.size(); ++b) {
        if (mixed[a].value + mixed[b].value + others < wanted_) continue;
        bool helped = false;
        for (SiteOptions& site : sites_) helped = site.try_two(mixed[a], mixed[b], goal) || helped;
        if (helped && is_reached()) return true;
      }
    return false;
  }

  std::uint32_t least_;
  std::uint32_t bundles_;
  std::int64_t wanted_;  ///< of all bundles together
  KindsWithin kinds_;
  std::vector<SiteOptions> sites_;
};

}  // namespace

SiteRoom rooms_of(const SiteDevices& devices, const std::vector<NodeWidths>& widths,
                  std::uint32_t bundle) {
  SiteRoom room;
  for (std::size_t type = 0; type < devices.size(); ++type)
    room.emplace_back(widths[type], devices[type], bundle);
  return room;
}

ReplicaChoice::ReplicaChoice(const KindTable& kinds, const ReplicaDemand& demand,
                             const std::vector<SiteDevices>& sites)
    : kinds_{kinds}, demand_{demand} {
  for (const SiteDevices& site : sites)
    sites_.push_back(rooms_of(site, kinds.widths, demand.bundle));
}

/// Of many bundles those of a pool are alike, so that much is lost by rounding.
bool ReplicaChoice::may_be_within(Seconds limit, std::uint32_t least) const {
  AllOptions options{kinds_, demand_, least, limit};
  return options.may_reach(sites_) &&
         (demand_.bundles <= bundles_with_an_odd_one || options.reach(sites_));
}

std::optional<std::vector<ChosenReplicas>> ReplicaChoice::within(Seconds limit) const {
  AllOptions options{kinds_, demand_, demand_.bundles, limit};
  if (!options.reach(sites_)) return std::nullopt;
  return options.chosen();
}

}  // namespace axs::plan
