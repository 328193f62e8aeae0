#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "axs/plan/bundle_values.h"
#include "axs/plan/replica_choice.h"

namespace axs::plan {

/// Up to so many bundles of a pool, one may be of another kind: of more it adds little.
inline constexpr std::uint32_t bundles_with_an_odd_one = 64;
/// Up to so many bundles, two of them may be of different mixed kinds.
inline constexpr std::uint32_t two_mixed_bundles = 4;

/// A kind that can do at least a micro-batch in time.
struct Entry {
  std::uint32_t devices;
  std::int64_t value;
  const ReplicaKind* kind;

  bool operator==(const Entry&) const = default;
};

struct PoolOption {
  std::int64_t value = impossible;
  const ReplicaKind* first = nullptr;
  std::uint32_t firsts = 0;
  const ReplicaKind* second = nullptr;  ///< of all others
};

/// The pure kinds of a type, for one limit and one thread: it remembers what it was asked.
class TypeEntries {
 public:
  TypeEntries(const std::vector<ReplicaKind>& kinds, const NodeWidths& widths, Seconds limit,
              std::int64_t wanted);

  /// Micro-batches that a device does at best.
  double density() const { return density_; }
  /// The same of what a replica does beyond `free` micro-batches.
  double density_above(double free) const;
  std::int64_t most() const { return most_; }
  /// No more do so many bundles of a pool, if each does `more` besides; `may_mix`: where they need
  /// not be alike.
  double most_done(const PoolRoom& room, ReplicaRange bundles, double more, bool may_mix) const;
  /// Of which there is room, up to `bundles`.
  std::uint32_t most_bundles(const PoolRoom& room, std::uint32_t bundles) const;
  /// The best use of what is left of a pool for `bundles` replicas.
  PoolOption best(std::uint32_t bundles, const PoolRoom& room) const;
  /// Whether kinds of the same table do the same under two limits.
  bool do_the_same(const TypeEntries& other) const { return alike_ == other.alike_; }
  /// Of numbers in the range.
  Values values(ReplicaRange bundles, const PoolRoom& room) const;

 private:
  /// Of which counts of devices tell what fits.
  struct Alike {
    std::uint32_t width;
    std::vector<Entry> entries;  ///< more devices do more

    bool operator==(const Alike&) const = default;
    const Entry* largest(std::uint32_t devices) const;
  };

  Alike& alike(std::uint32_t width);
  std::uint32_t devices_of(const PoolRoom& room, const Alike& alike) const;
  bool take(PoolRoom& left, const Entry& entry) const;
  const Entry* largest(const PoolRoom& room, std::uint32_t bundles) const;

  std::int64_t value(std::uint32_t bundles, const PoolRoom& room) const;

  const NodeWidths& widths_;
  bool are_plain_;
  std::vector<Alike> alike_;
  std::int64_t most_ = impossible;
  double density_ = 0;
  /// By devices and few bundles, in plain nodes: mixed kinds leave the same devices again and
  /// again.
  mutable std::map<std::uint64_t, std::int64_t> known_{};
};

/// What kinds do within a limit.
class KindsWithin {
 public:
  KindsWithin(const KindTable& kinds, Seconds limit, std::int64_t wanted);

  const std::vector<TypeEntries>& types() const { return types_; }
  const std::vector<Entry>& mixed() const { return mixed_; }
  /// That a bundle of any kind can do.
  std::int64_t most_of_one() const { return most_of_one_; }
  /// No more is done with these devices by so many bundles, even if replicas share the work without
  /// rounding; those of a pool are alike where they are many. 0 if there is no room for so many.
  double most_of(const SiteRoom& room, ReplicaRange bundles) const;
  /// That bundles do with so many devices of each type, if `free` micro-batches are the price of a
  /// bundle: what they do beyond is priced by device, as the best pure kinds have it or as much
  /// above as the best mixed one is. No kind does more than its prices, so that all together do no
  /// more than the prices of all bundles and devices: of the most bundles that there may be, or of
  /// the least if a bundle costs what devices have to do besides.
  double most_done(const std::vector<double>& devices, std::uint32_t bundles, double free) const;

 private:
  std::vector<double> prices_above(double free) const;
  double mixed_gain(const std::vector<double>& prices, double free,
                    const std::vector<double>& devices) const;
  double most_of_any(const SiteRoom& room, ReplicaRange bundles) const;
  bool has_room(const SiteRoom& room, ReplicaRange bundles) const;

  std::vector<TypeEntries> types_;
  std::vector<Entry> mixed_;
  std::int64_t most_of_one_ = 0;
};

/// What mixed kinds are tried for.
struct Goal {
  std::int64_t wanted;       ///< of all bundles together
  std::int64_t most_of_one;  ///< that a bundle of any kind can do
  bool alone;                ///< there is one site only
};

/// What a limit lets a site do with numbers of bundles that are in a range.
class SiteOptions {
 public:
  SiteOptions(const std::vector<TypeEntries>& types, const SiteRoom& room, ReplicaRange bundles);

  /// True if it makes the site better.
  bool try_mixed(const ReplicaKind& kind, std::int64_t value, const Goal& goal);
  /// One bundle each of two mixed kinds. True if that makes the site better.
  bool try_two(const Entry& a, const Entry& b, const Goal& goal);
  const Values& values() const { return values_; }
  /// What all devices do at best in pure kinds, without rounding.
  double all_pure() const { return all_pure_; }
  /// How much more a mixed kind does than its devices would at best in pure ones.
  double gain(const Entry& mixed) const {
    return static_cast<double>(mixed.value) - pure_worth(*mixed.kind);
  }
  void collect(std::uint32_t bundles, std::uint32_t site, std::vector<ChosenReplicas>& out) const;

 private:
  struct Mix {
    const ReplicaKind* kind = nullptr;
    std::uint32_t count = 0;
    const ReplicaKind* other = nullptr;  ///< one bundle
  };

  std::vector<Values> parts(const SiteRoom& room) const;
  Values pure(const SiteRoom& room, ReplicaRange bundles) const;
  bool add(const Mix& mix, std::uint32_t bundles, std::int64_t done, const SiteRoom& left,
           const Goal& goal);
  std::optional<ReplicaRange> better_with(std::uint32_t bundles, std::int64_t done,
                                          const Goal& goal) const;
  double pure_worth(const ReplicaKind& kind) const;
  bool may_help(std::uint32_t bundles, std::int64_t done, double rest, const Goal& goal) const;

  const std::vector<TypeEntries>& types_;
  SiteRoom room_;
  ReplicaRange bundles_;
  double all_pure_ = 0;
  Values pure_;  ///< of pure kinds alone
  Values values_;
  std::vector<Mix> mixes_;  ///< by bundles
};

}  // namespace axs::plan
