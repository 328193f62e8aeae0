#include "axs/plan/site_options.h"

#include <algorithm>
#include <array>
#include <utility>

namespace axs::plan {

namespace {

constexpr std::uint32_t freely_mixed_bundles = 8;
/// More than all micro-batches of any job.
constexpr double no_bound = 1e30;
/// Shares of what a bundle does at most at which bounds are looked for; less than nothing where
/// there are more bundles than do much.
constexpr std::array bundle_prices{-4096.0, -64.0, -8.0, -1.0, -0.25, 0.25, 0.5, 0.75};

std::optional<SiteRoom> without(SiteRoom left, const ReplicaKind& kind, std::uint32_t count) {
  for (const TypeUse& use : kind.uses)
    if (!left[use.type].take(use, count)) return std::nullopt;
  return left;
}

}  // namespace

TypeEntries::TypeEntries(const std::vector<ReplicaKind>& kinds, const NodeWidths& widths,
                         Seconds limit, std::int64_t wanted)
    : widths_{widths}, are_plain_{widths.are_plain()} {
  for (const ReplicaKind& kind : kinds) {
    const std::int64_t value = kind.capacity(limit, wanted);
    if (value == 0) continue;
    std::vector<Entry>& entries = alike(are_plain_ ? 1 : kind.stages.front().tensor).entries;
    if (!entries.empty() && value <= entries.back().value) continue;
    entries.push_back({kind.uses.front().devices, value, &kind});
    most_ = std::max(most_, value);
  }
  density_ = density_above(0);
}

double TypeEntries::density_above(double free) const {
  double best = 0;
  for (const Alike& alike : alike_)
    for (const Entry& entry : alike.entries)
      best = std::max(best, (static_cast<double>(entry.value) - free) / entry.devices);
  return best;
}

PoolOption TypeEntries::best(std::uint32_t bundles, const PoolRoom& room) const {
  if (bundles == 0) return {.value = 0};
  PoolOption best;
  if (const Entry* even = largest(room, bundles))
    best = {bundles * even->value, nullptr, 0, even->kind};
  if (bundles == 1 || bundles > bundles_with_an_odd_one) return best;
  const std::uint32_t odd = bundles <= freely_mixed_bundles ? bundles - 1 : 1;
  for (const Alike& alike : alike_)
    for (const Entry& first : alike.entries) {
      if (first.devices >= room.devices()) break;
      // Without rounding of the others. More of them only lose more against the best density.
      const auto may_help = [&](double firsts) {
        const double most = firsts * static_cast<double>(first.value) +
                            density_ * (room.devices() - firsts * first.devices);
        return most >= static_cast<double>(best.value) + 0.5;
      };
      if (!may_help(1)) continue;
      PoolRoom left = room;
      for (std::uint32_t firsts = 1; firsts <= odd && may_help(firsts); ++firsts) {
        if (!take(left, first)) break;
        const Entry* second = largest(left, bundles - firsts);
        if (second == nullptr) break;
        const std::int64_t value = firsts * first.value + (bundles - firsts) * second->value;
        if (value > best.value) best = {value, first.kind, firsts, second->kind};
      }
    }
  return best;
}

Values TypeEntries::values(ReplicaRange bundles, const PoolRoom& room) const {
  Values values(bundles.most + 1, impossible);
  for (std::uint32_t n = bundles.least; n <= bundles.most; ++n) values[n] = value(n, room);
  return values;
}

std::int64_t TypeEntries::value(std::uint32_t bundles, const PoolRoom& room) const {
  if (!are_plain_ || bundles == 0 || bundles > freely_mixed_bundles)
    return best(bundles, room).value;
  const std::uint64_t key = std::uint64_t{room.devices()} * freely_mixed_bundles + bundles - 1;
  const auto [known, is_new] = known_.try_emplace(key);
  if (is_new) known->second = best(bundles, room).value;
  return known->second;
}

const Entry* TypeEntries::Alike::largest(std::uint32_t devices) const {
  const auto above = std::ranges::upper_bound(entries, devices, {}, &Entry::devices);
  return above == entries.begin() ? nullptr : &*std::prev(above);
}

TypeEntries::Alike& TypeEntries::alike(std::uint32_t width) {
  const auto found = std::ranges::find(alike_, width, &Alike::width);
  return found != alike_.end() ? *found : alike_.emplace_back(Alike{width, {}});
}

bool TypeEntries::take(PoolRoom& left, const Entry& entry) const {
  return are_plain_ ? left.take(entry.devices) : left.take(entry.kind->uses.front(), 1);
}

/// In groups of their width.
std::uint32_t TypeEntries::devices_of(const PoolRoom& room, const Alike& alike) const {
  return are_plain_ ? room.devices() : room.devices_for(widths_, alike.width);
}

double TypeEntries::most_done(const PoolRoom& room, ReplicaRange bundles, double more,
                              bool may_mix) const {
  double most = 0;
  for (const Alike& alike : alike_) {
    const std::uint32_t devices = devices_of(room, alike);
    for (const Entry& entry : alike.entries) {
      const std::uint32_t count = std::min(bundles.most, devices / entry.devices);
      if (count < bundles.least) break;  // Those that come have more devices.
      most = std::max(most, count * (static_cast<double>(entry.value) + more));
    }
  }
  if (!may_mix) return most;
  const std::uint32_t mixed = std::min(bundles.most, bundles_with_an_odd_one);
  return std::max(most, std::min(mixed * (static_cast<double>(most_) + more),
                                 room.devices() * density_above(-more)));
}

/// Groups of several widths may fill nodes better than those of one.
std::uint32_t TypeEntries::most_bundles(const PoolRoom& room, std::uint32_t bundles) const {
  std::uint32_t most = 0;
  for (const Alike& alike : alike_)
    most = std::max(most, room.devices() / alike.entries.front().devices);
  return std::min(most, bundles);
}

/// That does most, of those of which there is room for so many.
const Entry* TypeEntries::largest(const PoolRoom& room, std::uint32_t bundles) const {
  const Entry* best = nullptr;
  for (const Alike& alike : alike_) {
    const Entry* other = alike.largest(devices_of(room, alike) / bundles);
    if (other != nullptr && (best == nullptr || other->value > best->value)) best = other;
  }
  return best;
}

KindsWithin::KindsWithin(const KindTable& kinds, Seconds limit, std::int64_t wanted) {
  types_.reserve(kinds.pure.size());
  for (std::size_t type = 0; type < kinds.pure.size(); ++type) {
    types_.emplace_back(kinds.pure[type], kinds.widths[type], limit, wanted);
    most_of_one_ = std::max(most_of_one_, types_.back().most());
  }
  for (const ReplicaKind& kind : kinds.mixed) {
    const std::int64_t value = kind.capacity(limit, wanted);
    if (value == 0) continue;
    mixed_.push_back({kind.devices(), value, &kind});
    most_of_one_ = std::max(most_of_one_, value);
  }
}

/// Of a device of each type.
std::vector<double> KindsWithin::prices_above(double free) const {
  std::vector<double> prices;
  for (const TypeEntries& type : types_) prices.push_back(type.density_above(free));
  return prices;
}

/// How much more a mixed kind does than its devices are worth, at most: with that factor the prices
/// are a solution of the dual problem. Where a mixed kind ends in time that no pure one of its
/// types does, prices say nothing of it. Kinds for which there are too few devices do not count.
double KindsWithin::mixed_gain(const std::vector<double>& prices, double free,
                               const std::vector<double>& devices) const {
  double gain = 1;
  for (const Entry& mixed : mixed_) {
    const bool has_place = std::ranges::all_of(
        mixed.kind->uses, [&](const TypeUse& use) { return use.devices <= devices[use.type]; });
    if (!has_place) continue;
    const double more = static_cast<double>(mixed.value) - free;
    double pure = 0;
    for (const TypeUse& use : mixed.kind->uses) pure += prices[use.type] * use.devices;
    if (more > gain * pure) gain = pure > 0 ? more / pure : no_bound;
  }
  return gain;
}

double KindsWithin::most_done(const std::vector<double>& devices, std::uint32_t bundles,
                              double free) const {
  const std::vector<double> prices = prices_above(free);
  const double gain = mixed_gain(prices, free, devices);
  if (gain >= no_bound) return no_bound;
  double most = 0;
  for (std::size_t type = 0; type < devices.size(); ++type) most += prices[type] * devices[type];
  return bundles * free + gain * most;
}

/// With prices of bundles that are shares of what one does at most.
double KindsWithin::most_of_any(const SiteRoom& room, ReplicaRange bundles) const {
  const auto of_one = static_cast<double>(most_of_one_);
  std::vector<double> devices;
  for (const PoolRoom& pool : room) devices.push_back(pool.devices());
  double most = std::min(most_done(devices, 0, 0), bundles.most * of_one);
  for (const double price : bundle_prices)
    most = std::min(most,
                    most_done(devices, price < 0 ? bundles.least : bundles.most, price * of_one));
  return std::max(most, 0.0);
}

/// Pure kinds, each of a bundle at least.
bool KindsWithin::has_room(const SiteRoom& room, ReplicaRange bundles) const {
  std::uint64_t most = 0;
  for (std::size_t type = 0; type < room.size(); ++type)
    most += types_[type].most_bundles(room[type], bundles.most);
  return most >= bundles.least;
}

double KindsWithin::most_of(const SiteRoom& room, ReplicaRange bundles) const {
  if (!mixed_.empty()) return most_of_any(room, bundles);
  if (!has_room(room, bundles)) return 0;
  const auto of_one = static_cast<double>(most_of_one_);
  const auto pools = std::ranges::count_if(room, [](auto& pool) { return pool.devices() > 0; });
  const bool may_mix = bundles.least <= bundles_with_an_odd_one || pools > 1;
  const ReplicaRange of_pool{pools > 1 ? 0 : bundles.least, bundles.most};
  const auto done = [&](double more) {
    double sum = 0;
    for (std::size_t type = 0; type < room.size(); ++type)
      if (room[type].devices() > 0)
        sum += types_[type].most_done(room[type], of_pool, more, may_mix);
    return sum;
  };
  double most = std::min(done(0), bundles.most * of_one);
  if (pools == 1) return most;
  for (const double price : bundle_prices) {
    const double free = price * of_one;
    most = std::min(most, done(-free) + free * (free < 0 ? bundles.least : bundles.most));
  }
  return std::max(most, 0.0);
}

SiteOptions::SiteOptions(const std::vector<TypeEntries>& types, const SiteRoom& room,
                         ReplicaRange bundles)
    : types_{types}, room_{room}, bundles_{bundles} {
  values_ = pure_ = pure(room_, bundles_);
  for (std::size_t type = 0; type < types_.size(); ++type)
    all_pure_ += types_[type].density() * room_[type].devices();
  mixes_.resize(values_.size());
}

bool SiteOptions::try_mixed(const ReplicaKind& kind, std::int64_t value, const Goal& goal) {
  bool helped = false;
  const double worth = pure_worth(kind);
  for (std::uint32_t count = 1; count <= bundles_.most; ++count) {
    const auto left = without(room_, kind, count);
    if (!left) return helped;
    if (!may_help(count, count * value, all_pure_ - count * worth, goal)) continue;
    helped = add({&kind, count, nullptr}, count, count * value, *left, goal) || helped;
  }
  return helped;
}

bool SiteOptions::try_two(const Entry& a, const Entry& b, const Goal& goal) {
  const double beside = all_pure_ - pure_worth(*a.kind) - pure_worth(*b.kind);
  const std::int64_t done = a.value + b.value;
  if (!better_with(2, done, goal) || !may_help(2, done, beside, goal)) return false;
  auto left = without(room_, *a.kind, 1);
  if (left) left = without(*left, *b.kind, 1);
  return left && add({a.kind, 1, b.kind}, 2, done, *left, goal);
}

/// With so many bundles that do `done`, and pure kinds in what is left of the room.
bool SiteOptions::add(const Mix& mix, std::uint32_t bundles, std::int64_t done,
                      const SiteRoom& left, const Goal& goal) {
  const auto numbers = better_with(bundles, done, goal);
  if (!numbers) return false;
  bool helped = false;
  const Values rest = pure(left, {numbers->least - bundles, numbers->most - bundles});
  for (std::uint32_t n = numbers->least; n <= numbers->most; ++n)
    if (done + rest[n - bundles] > values_[n]) {
      values_[n] = done + rest[n - bundles];
      mixes_[n] = mix;
      helped = true;
    }
  return helped;
}

/// The numbers that may become better if others have all devices besides. One site alone has no
/// use for fewer than there may be.
std::optional<ReplicaRange> SiteOptions::better_with(std::uint32_t bundles, std::int64_t done,
                                                     const Goal& goal) const {
  const std::uint32_t least = goal.alone ? bundles_.most : std::max(bundles, bundles_.least);
  std::optional<ReplicaRange> numbers;
  for (std::uint32_t n = std::max(bundles, least); n <= bundles_.most; ++n)
    if (pure_[n - bundles] >= 0 && done + pure_[n - bundles] > values_[n])
      numbers = {numbers ? numbers->least : n, n};
  return numbers;
}

void SiteOptions::collect(std::uint32_t bundles, std::uint32_t site,
                          std::vector<ChosenReplicas>& out) const {
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
    if (counts[type] > best.firsts) out.push_back({site, best.second, counts[type] - best.firsts});
  }
}

std::vector<Values> SiteOptions::parts(const SiteRoom& room) const {
  std::vector<Values> parts;
  for (std::size_t type = 0; type < types_.size(); ++type)
    parts.push_back(types_[type].values({0, bundles_.most}, room[type]));
  return parts;
}

Values SiteOptions::pure(const SiteRoom& room, ReplicaRange bundles) const {
  const auto is_used = [](const PoolRoom& pool) { return pool.devices() > 0; };
  auto pools = std::ranges::count_if(room, is_used);
  if (pools == 0) return no_values(bundles.most);
  const ReplicaRange some = pools == 1 ? bundles : ReplicaRange{0, bundles.most};
  std::optional<Values> sum;
  for (std::size_t type = 0; type < types_.size(); ++type) {
    if (!is_used(room[type])) continue;
    Values values = types_[type].values(some, room[type]);
    --pools;
    if (!sum) {
      sum = std::move(values);
    } else if (pools == 0 && bundles.is_one()) {
      (*sum)[bundles.most] = joined_at(*sum, values, bundles.most);
    } else {
      sum = joined(*sum, values);
    }
  }
  return *std::move(sum);
}

/// What the devices of a bundle would do in pure kinds, at best.
double SiteOptions::pure_worth(const ReplicaKind& kind) const {
  double worth = 0;
  for (const TypeUse& use : kind.uses) worth += types_[use.type].density() * use.devices;
  return worth;
}

/// False: even if `rest` is what the other bundles do, the goal is out of reach with `done` by so
/// many.
bool SiteOptions::may_help(std::uint32_t bundles, std::int64_t done, double rest,
                           const Goal& goal) const {
  for (std::uint32_t n = goal.alone ? bundles_.most : bundles; n <= bundles_.most; ++n) {
    const double here = static_cast<double>(done) +
                        std::min(rest, static_cast<double>((n - bundles) * goal.most_of_one));
    const auto elsewhere = static_cast<double>((bundles_.most - n) * goal.most_of_one);
    if (here + elsewhere > static_cast<double>(goal.wanted) - 0.5) return true;
  }
  return false;
}

}  // namespace axs::plan
