#include "axs/plan/replica_choice.h"

#include <algorithm>
#include <array>

namespace axs::plan {

namespace {

/// Micro-batches that so many bundles can do, by the number of bundles.
using Values = std::vector<std::int64_t>;
constexpr std::int64_t impossible = -1'000'000'000'000'000;
constexpr double endless = 1e15;
constexpr std::uint32_t freely_mixed_bundles = 8;
/// Up to so many bundles, two of them may be of different mixed kinds.
constexpr std::uint32_t two_mixed_bundles = 4;

/// The most of `a` and `b` together.
Values joined(const Values& a, const Values& b) {
  Values best(a.size(), impossible);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] < 0) continue;
    for (std::size_t j = 0; i + j < b.size(); ++j) best[i + j] = std::max(best[i + j], a[i] + b[j]);
  }
  return best;
}

Values nothing(std::uint32_t bundles) {
  Values values(bundles + 1, impossible);
  values[0] = 0;
  return values;
}

/// The most of some parts together, by how many of them have a share, at most; one element alone:
/// all may.
using JoinedParts = std::vector<Values>;

/// Of none of `parts` parts yet.
JoinedParts no_parts(std::uint32_t bundles, std::size_t parts, std::size_t parts_max) {
  return {parts_max < parts ? parts_max + 1 : 1, nothing(bundles)};
}

JoinedParts with(const JoinedParts& before, const Values& part) {
  if (before.size() == 1) return {joined(before.front(), part)};
  JoinedParts after{before.front()};
  for (std::size_t most = 1; most < before.size(); ++most) {
    Values& values = after.emplace_back(joined(before[most - 1], part));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::max(values[i], before[most][i]);
  }
  return after;
}

/// How `bundles` are shared out to reach the best of all `parts` together, of which at most
/// `parts_max` get a share.
std::vector<std::uint32_t> shares(const std::vector<Values>& parts, std::uint32_t bundles,
                                  std::size_t parts_max) {
  const auto most_bundles = static_cast<std::uint32_t>(parts.front().size() - 1);
  std::vector<JoinedParts> before{no_parts(most_bundles, parts.size(), parts_max)};
  for (const Values& part : parts) before.push_back(with(before.back(), part));
  std::size_t most = before.front().size() - 1;
  std::vector<std::uint32_t> shares(parts.size());
  for (std::size_t i = parts.size(); i-- > 0;) {
    const std::int64_t wanted = before[i + 1][most][bundles];
    if (before[i][most][bundles] == wanted) continue;
    if (most > 0) --most;
    std::uint32_t mine = 1;
    while (before[i][most][bundles - mine] < 0 || parts[i][mine] < 0 ||
           before[i][most][bundles - mine] + parts[i][mine] != wanted)
      ++mine;
    shares[i] = mine;
    bundles -= mine;
  }
  return shares;
}

/// A kind that can do at least a micro-batch in time.
struct Entry {
  std::uint32_t devices;
  std::int64_t value;
  const ReplicaKind* kind;
};

struct PoolOption {
  std::int64_t value = impossible;
  const ReplicaKind* first = nullptr;
  std::uint32_t firsts = 0;
  const ReplicaKind* second = nullptr;  ///< of all others
};

/// The pure kinds of a type, for one limit.
class TypeEntries {
 public:
  TypeEntries(const std::vector<ReplicaKind>& kinds, const NodeWidths& widths, Seconds limit,
              std::int64_t wanted)
      : widths_{widths}, are_plain_{widths.are_plain()} {
    for (const ReplicaKind& kind : kinds) {
      const std::int64_t value = kind.capacity(limit, wanted);
      if (value == 0) continue;
      std::vector<Entry>& entries = alike(are_plain_ ? 1 : kind.stages.front().tensor).entries;
      if (!entries.empty() && value <= entries.back().value) continue;
      entries.push_back({kind.devices(), value, &kind});
      most_ = std::max(most_, value);
    }
    density_ = density_above(0);
  }

  /// Micro-batches that a device does at best.
  double density() const { return density_; }
  /// The same of what a replica does beyond `free` micro-batches.
  double density_above(double free) const {
    double best = 0;
    for (const Alike& alike : alike_)
      for (const Entry& entry : alike.entries)
        best = std::max(best, (static_cast<double>(entry.value) - free) / entry.devices);
    return best;
  }
  std::int64_t most() const { return most_; }

  /// The best use of what is left of a pool for `bundles` replicas.
  PoolOption best(std::uint32_t bundles, const PoolRoom& room) const {
    if (bundles == 0) return {.value = 0};
    PoolOption best;
    if (const Entry* even = largest(room, bundles))
      best = {bundles * even->value, nullptr, 0, even->kind};
    const std::uint32_t odd = bundles <= freely_mixed_bundles ? bundles - 1 : 1;
    for (const Alike& alike : alike_)
      for (const Entry& first : alike.entries) {
        if (bundles == 1 || first.devices >= room.devices()) break;
        PoolRoom left = room;
        for (std::uint32_t firsts = 1; firsts <= std::min(odd, bundles - 1); ++firsts) {
          if (!take(left, first)) break;
          const double most = static_cast<double>(firsts * first.value) + density_ * left.devices();
          if (most < static_cast<double>(best.value) + 0.5) continue;
          const Entry* second = largest(left, bundles - firsts);
          if (second == nullptr) break;
          const std::int64_t value = firsts * first.value + (bundles - firsts) * second->value;
          if (value > best.value) best = {value, first.kind, firsts, second->kind};
        }
      }
    return best;
  }

  Values values(std::uint32_t bundles, const PoolRoom& room) const {
    Values values(bundles + 1);
    for (std::uint32_t n = 0; n <= bundles; ++n) values[n] = best(n, room).value;
    return values;
  }

 private:
  /// Of which counts of devices tell what fits.
  struct Alike {
    std::uint32_t width;
    std::vector<Entry> entries;  ///< more devices do more

    const Entry* largest(std::uint32_t devices) const {
      const auto above = std::ranges::upper_bound(entries, devices, {}, &Entry::devices);
      return above == entries.begin() ? nullptr : &*std::prev(above);
    }
  };

  Alike& alike(std::uint32_t width) {
    const auto found = std::ranges::find(alike_, width, &Alike::width);
    return found != alike_.end() ? *found : alike_.emplace_back(Alike{width, {}});
  }

  bool take(PoolRoom& left, const Entry& entry) const {
    return are_plain_ ? left.take(entry.devices) : left.take(entry.kind->uses.front(), 1);
  }

  /// That does most, of those of which there is room for so many.
  const Entry* largest(const PoolRoom& room, std::uint32_t bundles) const {
    const Entry* best = nullptr;
    for (const Alike& alike : alike_) {
      const std::uint32_t devices =
          are_plain_ ? room.devices() : room.devices_for(widths_, alike.width);
      const Entry* other = alike.largest(devices / bundles);
      if (other != nullptr && (best == nullptr || other->value > best->value)) best = other;
    }
    return best;
  }

  const NodeWidths& widths_;
  bool are_plain_;
  std::vector<Alike> alike_;
  std::int64_t most_ = impossible;
  double density_ = 0;
};

/// What mixed kinds are tried for.
struct Goal {
  std::int64_t wanted;       ///< of all bundles together
  std::int64_t most_of_one;  ///< that a bundle of any kind can do
  bool alone;                ///< there is one site only
};

/// What a limit lets a site do.
class SiteOptions {
 public:
  SiteOptions(const std::vector<TypeEntries>& types, const SiteRoom& room, std::uint32_t bundles)
      : types_{types}, room_{room}, bundles_{bundles} {
    values_ = pure(room_);
    mixes_.resize(values_.size());
  }

  /// True if it makes the site better.
  bool try_mixed(const ReplicaKind& kind, std::int64_t value, const Goal& goal) {
    bool helped = false;
    for (std::uint32_t count = 1; count <= bundles_; ++count) {
      const auto left = without(room_, kind, count);
      if (!left) return helped;
      if (!may_help(*left, count, value, goal)) continue;
      const Values rest = pure(*left);
      for (std::uint32_t n = count; n <= bundles_; ++n)
        if (count * value + rest[n - count] > values_[n]) {
          values_[n] = count * value + rest[n - count];
          mixes_[n] = {&kind, count, nullptr};
          helped = true;
        }
    }
    return helped;
  }

  /// One bundle each of two mixed kinds. True if that makes the site better.
  bool try_two(const Entry& a, const Entry& b) {
    auto left = without(room_, *a.kind, 1);
    if (left) left = without(*left, *b.kind, 1);
    if (!left) return false;
    bool helped = false;
    const Values rest = pure(*left);
    for (std::uint32_t n = 2; n <= bundles_; ++n)
      if (a.value + b.value + rest[n - 2] > values_[n]) {
        values_[n] = a.value + b.value + rest[n - 2];
        mixes_[n] = {a.kind, 1, b.kind};
        helped = true;
      }
    return helped;
  }

  const Values& values() const { return values_; }

  void collect(std::uint32_t bundles, std::uint32_t site, std::vector<ChosenReplicas>& out) const {
    const Mix mix = mixes_[bundles];
    SiteRoom left = room_;
    if (mix.count > 0) {
      out.push_back({site, mix.kind, mix.count});
      left = *without(left, *mix.kind, mix.count);
    }
    if (mix.other != nullptr) {
      out.push_back({site, mix.other, 1});
      left = *without(left, *mix.other, 1);
    }
    const std::uint32_t others = mix.other != nullptr ? 1 : 0;
    const auto counts = shares(parts(left), bundles - mix.count - others, types_.size());
    for (std::size_t type = 0; type < counts.size(); ++type) {
      if (counts[type] == 0) continue;
      const PoolOption best = types_[type].best(counts[type], left[type]);
      if (best.firsts > 0) out.push_back({site, best.first, best.firsts});
      if (counts[type] > best.firsts)
        out.push_back({site, best.second, counts[type] - best.firsts});
    }
  }

 private:
  struct Mix {
    const ReplicaKind* kind = nullptr;
    std::uint32_t count = 0;
    const ReplicaKind* other = nullptr;  ///< one bundle
  };

  std::vector<Values> parts(const SiteRoom& room) const {
    std::vector<Values> parts;
    for (std::size_t type = 0; type < types_.size(); ++type)
      parts.push_back(types_[type].values(bundles_, room[type]));
    return parts;
  }
  Values pure(const SiteRoom& room) const {
    Values sum = nothing(bundles_);
    for (std::size_t type = 0; type < types_.size(); ++type)
      if (room[type].devices() > 0) sum = joined(sum, types_[type].values(bundles_, room[type]));
    return sum;
  }
  static std::optional<SiteRoom> without(SiteRoom left, const ReplicaKind& kind,
                                         std::uint32_t count) {
    for (const TypeUse& use : kind.uses)
      if (!left[use.type].take(use, count)) return std::nullopt;
    return left;
  }
  /// False: even if the devices left were used without rounding, the goal would be out of reach.
  bool may_help(const SiteRoom& left, std::uint32_t count, std::int64_t value,
                const Goal& goal) const {
    double rest = 0;
    for (std::size_t type = 0; type < types_.size(); ++type)
      rest += types_[type].density() * left[type].devices();
    for (std::uint32_t n = goal.alone ? bundles_ : count; n <= bundles_; ++n) {
      const double here = static_cast<double>(count * value) +
                          std::min(rest, static_cast<double>((n - count) * goal.most_of_one));
      const auto elsewhere = static_cast<double>((bundles_ - n) * goal.most_of_one);
      if (here + elsewhere > static_cast<double>(goal.wanted) - 0.5) return true;
    }
    return false;
  }

  const std::vector<TypeEntries>& types_;
  SiteRoom room_;
  std::uint32_t bundles_;
  Values values_;
  std::vector<Mix> mixes_;  ///< by bundles
};

/// Several sites under one limit.
class AllOptions {
 public:
  AllOptions(const KindTable& kinds, const ReplicaDemand& demand, Seconds limit,
             std::size_t sites_max)
      : bundles_{demand.bundles}, sites_max_{sites_max}, wanted_{demand.of_all_bundles()} {
    types_.reserve(kinds.pure.size());
    for (std::size_t type = 0; type < kinds.pure.size(); ++type)
      types_.emplace_back(kinds.pure[type], kinds.widths[type], limit, wanted_);
    for (const ReplicaKind& kind : kinds.mixed)
      if (const std::int64_t value = kind.capacity(limit, wanted_); value > 0)
        mixed_.push_back({kind.devices(), value, &kind});
  }

  /// False: even without rounding, and with as many of the best kind as there are bundles, not all
  /// can be done.
  bool may_reach(const std::vector<SiteRoom>& sites) const {
    const std::int64_t most = most_of_one();
    if (bundles_ * most < wanted_) return false;
    std::vector<double> devices(types_.size());
    for (const SiteRoom& site : sites)
      for (std::size_t type = 0; type < site.size(); ++type) devices[type] += site[type].devices();
    constexpr int prices = 8;
    for (int i = 0; i < prices; ++i)
      if (most_done(devices, static_cast<double>(most) * i / prices) <
          static_cast<double>(wanted_) - 0.5)
        return false;
    return true;
  }

  bool reach(const std::vector<SiteRoom>& sites) {
    if (!may_reach(sites)) return false;
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const auto alike =
          static_cast<std::size_t>(std::ranges::find(sites, sites[i]) - sites.begin());
      if (alike < i)
        sites_.push_back(SiteOptions{sites_[alike]});
      else
        sites_.emplace_back(types_, sites[i], bundles_);
    }
    return is_reached() || try_mixed();
  }

  std::vector<ChosenReplicas> chosen() const {
    std::vector<Values> parts;
    for (const SiteOptions& site : sites_) parts.push_back(site.values());
    const auto counts = shares(parts, bundles_, sites_max_);
    std::vector<ChosenReplicas> chosen;
    for (std::uint32_t site = 0; site < sites_.size(); ++site)
      sites_[site].collect(counts[site], site, chosen);
    return chosen;
  }

 private:
  std::int64_t most_of_one() const {
    std::int64_t most = 0;
    for (const TypeEntries& type : types_) most = std::max(most, type.most());
    for (const Entry& mixed : mixed_) most = std::max(most, mixed.value);
    return most;
  }

  /// That bundles do with so many devices of each type, if `free` micro-batches are the price of a
  /// bundle: what they do beyond is priced by device, as the best pure kinds have it or as much
  /// above as the best mixed one is. No kind does more than its prices, so that all together do no
  /// more than the prices of all bundles and devices.
  double most_done(const std::vector<double>& devices, double free) const {
    std::vector<double> prices;
    for (const TypeEntries& type : types_) prices.push_back(type.density_above(free));
    double gain = 1;
    for (const Entry& mixed : mixed_) {
      const double more = static_cast<double>(mixed.value) - free;
      double pure = 0;
      for (const TypeUse& use : mixed.kind->uses) pure += prices[use.type] * use.devices;
      if (more > gain * pure) gain = pure > 0 ? more / pure : endless;
    }
    double most = 0;
    for (std::size_t type = 0; type < devices.size(); ++type) most += prices[type] * devices[type];
    return bundles_ * free + (gain < endless ? gain * most : endless);
  }

  bool is_reached() const {
    JoinedParts all = no_parts(bundles_, sites_.size(), sites_max_);
    for (const SiteOptions& site : sites_) all = with(all, site.values());
    return all.back().back() >= wanted_;
  }

  bool try_mixed() {
    const Goal goal{wanted_, most_of_one(), sites_.size() == 1};
    for (const Entry& mixed : mixed_) {
      bool helped = false;
      for (SiteOptions& site : sites_)
        helped = site.try_mixed(*mixed.kind, mixed.value, goal) || helped;
      if (helped && is_reached()) return true;
    }
    return bundles_ <= two_mixed_bundles && try_two_mixed(goal);
  }

  bool try_two_mixed(const Goal& goal) {
    if (bundles_ < 2) return false;
    const std::int64_t others = (bundles_ - 2) * goal.most_of_one;
    for (std::size_t a = 0; a < mixed_.size(); ++a)
      for (std::size_t b = a + 1; b < mixed_.size(); ++b) {
        if (mixed_[a].value + mixed_[b].value + others < wanted_) continue;
        bool helped = false;
        for (SiteOptions& site : sites_) helped = site.try_two(mixed_[a], mixed_[b]) || helped;
        if (helped && is_reached()) return true;
      }
    return false;
  }

  std::uint32_t bundles_;
  std::size_t sites_max_;
  std::int64_t wanted_;  ///< of all bundles together
  std::vector<TypeEntries> types_;
  std::vector<Entry> mixed_;
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
                             const std::vector<SiteDevices>& sites, std::size_t sites_max)
    : kinds_{kinds}, demand_{demand}, sites_max_{sites_max} {
  for (const SiteDevices& site : sites)
    sites_.push_back(rooms_of(site, kinds.widths, demand.bundle));
}

bool ReplicaChoice::may_be_within(Seconds limit) const {
  return AllOptions{kinds_, demand_, limit, sites_max_}.may_reach(sites_);
}

std::optional<std::vector<ChosenReplicas>> ReplicaChoice::within(Seconds limit) const {
  AllOptions options{kinds_, demand_, limit, sites_max_};
  if (!options.reach(sites_)) return std::nullopt;
  return options.chosen();
}

}  // namespace axs::plan
