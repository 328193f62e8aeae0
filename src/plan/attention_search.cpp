#include "axs/plan/attention_search.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "axs/core/rng.h"
#include "axs/plan/attention_cost.h"

namespace axs::plan {

namespace {

using Devices = std::vector<std::uint32_t>;

/// Numbers of a shard that a move needs, worked out once.
struct ShardFacts {
  std::uint32_t query_home;
  std::uint32_t key_home;
  std::size_t block;  ///< of the head and query, in the counts of a device
  std::size_t range;
  Bytes queries;
  Bytes keys_and_values;
  Bytes partial;
  Seconds merge;
};

/// Loads of the devices under moves of single shards, each in constant time. `trial` counts what
/// the moves since then have changed.
class Board {
 public:
  Board(const AttentionProblem& problem, const std::vector<AttentionShard>& shards);

  void place(const Devices& device);
  const Devices& device() const { return device_; }
  const ShardFacts& facts(std::size_t shard) const { return facts_[shard]; }
  std::size_t shards() const { return facts_.size(); }
  std::uint32_t devices() const { return static_cast<std::uint32_t>(loads_.size()); }
  double cost(std::uint32_t device) const;
  std::uint32_t slowest() const;

  void trial() { changed_.clear(); }
  void move(std::size_t shard, std::uint32_t to);
  /// Whether the costs since `trial`, from the highest down, are lower in the order of words.
  bool better() const;
  /// The highest cost among what changed, and their sum.
  std::pair<double, double> touched() const;
  /// Takes back loads since `trial`; the moves themselves must have been undone before.
  void restore();

 private:
  struct Change {
    std::uint32_t device;
    DeviceLoad before;
  };
  void note(std::uint32_t device);
  void put(std::size_t shard, std::uint32_t at, int sign);
  void link(std::uint32_t a, std::uint32_t b, Bytes size);
  double cost(std::uint32_t device, const DeviceLoad& load) const;

  const AttentionProblem& problem_;
  AttentionCost rates_;
  std::vector<ShardFacts> facts_;
  std::vector<Seconds> time_;          ///< shard × device
  std::vector<std::uint32_t> blocks_;  ///< shards of a block on a device
  std::vector<std::uint32_t> ranges_;
  std::size_t blocks_each_;
  std::size_t ranges_each_;
  std::vector<DeviceLoad> loads_;
  Devices device_;
  std::vector<Change> changed_;
};

Board::Board(const AttentionProblem& problem, const std::vector<AttentionShard>& shards)
    : problem_{problem},
      rates_{problem},
      blocks_each_{std::size_t{problem.layer.kv_heads} * rates_.query_blocks()},
      ranges_each_{std::size_t{problem.layer.kv_heads} * rates_.key_ranges()},
      loads_(problem.devices.size()) {
  for (const AttentionShard& shard : shards) {
    facts_.push_back({.query_home = rates_.query_home(shard.query),
                      .key_home = rates_.key_home(shard.key),
                      .block = std::size_t{shard.head} * rates_.query_blocks() + shard.query,
                      .range = std::size_t{shard.head} * rates_.key_ranges() + shard.key,
                      .queries = rates_.queries(shard),
                      .keys_and_values = rates_.keys_and_values(shard),
                      .partial = rates_.partial(shard),
                      .merge = rates_.merge_time(shard)});
    for (const AttentionDevice& at : problem.devices) time_.push_back(rates_.time(shard, at));
  }
}

void Board::place(const Devices& device) {
  device_ = device;
  blocks_.assign(blocks_each_ * devices(), 0);
  ranges_.assign(ranges_each_ * devices(), 0);
  for (std::uint32_t i = 0; i < devices(); ++i)
    loads_[i] = {.resident = rates_.own(problem_.devices[i])};
  for (std::size_t i = 0; i < device_.size(); ++i) put(i, device_[i], 1);
  trial();
}

/// Too much in memory is worse than any time: it costs more than a year for each part in excess.
double Board::cost(std::uint32_t device, const DeviceLoad& load) const {
  const double excess = load.resident / problem_.devices[device].capacity - 1;
  return load.time().value() + (excess > 0 ? 1e8 * (1 + excess) : 0);
}

double Board::cost(std::uint32_t device) const {
  return cost(device, loads_[device]);
}

std::uint32_t Board::slowest() const {
  std::uint32_t worst = 0;
  for (std::uint32_t i = 1; i < devices(); ++i)
    if (cost(i) > cost(worst)) worst = i;
  return worst;
}

void Board::note(std::uint32_t device) {
  for (const Change& change : changed_)
    if (change.device == device) return;
  changed_.push_back({device, loads_[device]});
}

void Board::link(std::uint32_t a, std::uint32_t b, Bytes size) {
  loads_[a].linking += size / problem_.devices[a].link;
  loads_[b].linking += size / problem_.devices[b].link;
}

void Board::put(std::size_t shard, std::uint32_t at, int sign) {
  const ShardFacts& facts = facts_[shard];
  const double times = sign;
  loads_[at].computing += time_[shard * devices() + at] * times;
  std::uint32_t& block = blocks_[at * blocks_each_ + facts.block];
  std::uint32_t& range = ranges_[at * ranges_each_ + facts.range];
  const std::uint32_t alone = sign > 0 ? 0 : 1;
  if (block == alone) {
    loads_[at].resident += facts.partial * times;
    if (at != facts.query_home) {
      loads_[at].resident += facts.queries * times;
      link(at, facts.query_home, (facts.queries + facts.partial) * times);
      loads_[facts.query_home].computing += facts.merge * times;
    }
  }
  if (range == alone && at != facts.key_home) {
    loads_[at].resident += facts.keys_and_values * times;
    link(at, facts.key_home, facts.keys_and_values * times);
  }
  block += static_cast<std::uint32_t>(sign);
  range += static_cast<std::uint32_t>(sign);
}

void Board::move(std::size_t shard, std::uint32_t to) {
  for (const std::uint32_t device :
       {device_[shard], to, facts_[shard].query_home, facts_[shard].key_home})
    note(device);
  put(shard, device_[shard], -1);
  put(shard, to, 1);
  device_[shard] = to;
}

/// At most two moves in a trial, of four devices each.
constexpr std::size_t changes_max = 8;

bool Board::better() const {
  std::array<double, changes_max> before{};
  std::array<double, changes_max> after{};
  for (std::size_t i = 0; i < changed_.size(); ++i) {
    before[i] = cost(changed_[i].device, changed_[i].before);
    after[i] = cost(changed_[i].device);
  }
  std::sort(before.begin(), before.end(), std::greater<>{});
  std::sort(after.begin(), after.end(), std::greater<>{});
  for (std::size_t i = 0; i < changes_max; ++i) {
    const double slack = 1e-9 * before[i];
    if (after[i] < before[i] - slack) return true;
    if (after[i] > before[i] + slack) return false;
  }
  return false;
}

std::pair<double, double> Board::touched() const {
  std::pair<double, double> worst_and_sum{0, 0};
  for (const Change& change : changed_) {
    worst_and_sum.first = std::max(worst_and_sum.first, cost(change.device));
    worst_and_sum.second += cost(change.device);
  }
  return worst_and_sum;
}

void Board::restore() {
  for (const Change& change : changed_) loads_[change.device] = change.before;
  changed_.clear();
}

class Search {
 public:
  Search(const AttentionProblem& problem, const std::vector<AttentionShard>& shards, Seconds bound,
         PlacementEffort effort);
  Devices run();

 private:
  void spend() { trials_left_ -= trials_left_ > 0 ? 1 : 0; }
  bool keep_if_better(std::size_t shard, std::uint32_t to);
  bool exchange_if_better(std::size_t a, std::size_t b);
  bool move_something();
  bool exchange_something();
  void improve();
  void place_longest_first(const std::vector<std::size_t>& order);
  Devices stretches(const std::vector<std::size_t>& order) const;
  std::vector<Devices> starts();
  void kick();
  void keep_best();
  bool good_enough() const { return best_cost_ <= enough_.value(); }

  const AttentionProblem& problem_;
  const std::vector<AttentionShard>& shards_;
  Board board_;
  Seconds enough_;
  Devices best_;
  double best_cost_ = 1e300;
  std::size_t trials_left_;
  Rng rng_{27};
};

/// Enough for optima of small problems.
constexpr std::size_t trials_min = 8000;

Search::Search(const AttentionProblem& problem, const std::vector<AttentionShard>& shards,
               Seconds bound, PlacementEffort effort)
    : problem_{problem},
      shards_{shards},
      board_{problem, shards},
      enough_{(1 + effort.close_enough) * bound},
      trials_left_{
          std::min(effort.trials_max, trials_min + 40 * shards.size() * board_.devices())} {}

bool Search::keep_if_better(std::size_t shard, std::uint32_t to) {
  const std::uint32_t from = board_.device()[shard];
  if (from == to) return false;
  spend();
  board_.trial();
  board_.move(shard, to);
  if (board_.better()) return true;
  board_.move(shard, from);
  board_.restore();
  return false;
}

bool Search::exchange_if_better(std::size_t a, std::size_t b) {
  const std::uint32_t at_a = board_.device()[a];
  const std::uint32_t at_b = board_.device()[b];
  if (at_a == at_b) return false;
  spend();
  board_.trial();
  board_.move(a, at_b);
  board_.move(b, at_a);
  if (board_.better()) return true;
  board_.move(b, at_b);
  board_.move(a, at_a);
  board_.restore();
  return false;
}

/// Of all shards that the slowest device computes, feeds or merges.
bool Search::move_something() {
  const std::uint32_t slowest = board_.slowest();
  const std::size_t first = rng_.below(board_.shards());
  bool moved = false;
  for (std::size_t n = 0; n < board_.shards() && trials_left_ > 0; ++n) {
    const std::size_t i = (first + n) % board_.shards();
    const ShardFacts& facts = board_.facts(i);
    if (board_.device()[i] != slowest && facts.query_home != slowest && facts.key_home != slowest)
      continue;
    for (std::uint32_t to = 0; to < board_.devices(); ++to) moved |= keep_if_better(i, to);
  }
  return moved;
}

bool Search::exchange_something() {
  const std::uint32_t slowest = board_.slowest();
  const std::size_t first = rng_.below(board_.shards());
  for (std::size_t n = 0; n < board_.shards(); ++n) {
    const std::size_t a = (first + n) % board_.shards();
    if (board_.device()[a] != slowest) continue;
    for (std::size_t b = 0; b < board_.shards(); ++b) {
      if (trials_left_ == 0) return false;
      if (exchange_if_better(a, b)) return true;
    }
  }
  return false;
}

void Search::improve() {
  while (trials_left_ > 0 && (move_something() || exchange_something())) {
  }
  keep_best();
}

void Search::place_longest_first(const std::vector<std::size_t>& order) {
  for (const std::size_t shard : order) {
    const std::uint32_t from = board_.device()[shard];
    std::uint32_t best = from;
    std::pair<double, double> least{1e300, 0};
    for (std::uint32_t to = 0; to < board_.devices(); ++to) {
      board_.trial();
      board_.move(shard, to);
      if (board_.touched() < least) {
        least = board_.touched();
        best = to;
      }
      board_.move(shard, from);
      board_.restore();
    }
    board_.move(shard, best);
  }
}

/// Single shards, or all of a block or a range: where memory is short, a block that lies on one
/// device more than before does not fit, and shard by shard there is no way to another placement.
void Search::kick() {
  const std::size_t kicks = 1 + rng_.below(std::min<std::size_t>(board_.shards(), 8));
  for (std::size_t n = 0; n < kicks; ++n) {
    const std::size_t shard = rng_.below(board_.shards());
    const auto to = static_cast<std::uint32_t>(rng_.below(board_.devices()));
    const auto kind = rng_.below(3);
    for (std::size_t i = 0; i < board_.shards(); ++i) {
      const bool together = kind == 0   ? i == shard
                            : kind == 1 ? board_.facts(i).block == board_.facts(shard).block
                                        : board_.facts(i).range == board_.facts(shard).range;
      if (!together) continue;
      board_.trial();
      board_.move(i, to);
    }
  }
}

void Search::keep_best() {
  const double now = board_.cost(board_.slowest());
  if (now >= best_cost_) return;
  best_cost_ = now;
  best_ = board_.device();
}

/// Shards that follow each other share blocks, so that each device gets a stretch of them, as long
/// as its rate allows.
Devices Search::stretches(const std::vector<std::size_t>& order) const {
  double rate = 0;
  for (const AttentionDevice& device : problem_.devices) rate += device.attention.value();
  double work = 0;
  for (const AttentionShard& shard : shards_) work += shard.pairs;
  Devices device(shards_.size());
  std::uint32_t at = 0;
  double done = 0;
  double end = problem_.devices[0].attention.value() / rate * work;
  for (const std::size_t i : order) {
    while (done + shards_[i].pairs / 2 > end && at + 1 < board_.devices())
      end += problem_.devices[++at].attention.value() / rate * work;
    device[i] = at;
    done += shards_[i].pairs;
  }
  return device;
}

std::vector<Devices> Search::starts() {
  std::vector<std::size_t> order(shards_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto sorted = [&](auto key) {
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair{key(shards_[a]), a} < std::pair{key(shards_[b]), b};
    });
    return order;
  };
  Devices at_home;
  for (std::size_t i = 0; i < board_.shards(); ++i) at_home.push_back(board_.facts(i).query_home);
  std::vector<Devices> all{
      at_home, stretches(sorted([](const AttentionShard& shard) { return shard.head; })),
      stretches(sorted([](const AttentionShard& shard) { return shard.query; })),
      stretches(sorted([](const AttentionShard& shard) { return shard.key; }))};
  if (board_.shards() * board_.devices() < trials_left_ / 4) {
    board_.place(at_home);
    place_longest_first(sorted([](const AttentionShard& shard) { return -shard.pairs; }));
    all.push_back(board_.device());
  }
  return all;
}

Devices Search::run() {
  if (board_.devices() == 1) return Devices(board_.shards(), 0);
  const std::size_t each = trials_left_ / 10;
  std::size_t later = trials_left_;
  for (const Devices& start : starts()) {
    if (good_enough()) return best_;
    trials_left_ = each;
    board_.place(start);
    improve();
    later -= each - trials_left_;
  }
  trials_left_ = later;
  while (trials_left_ > 0 && !good_enough()) {
    spend();
    if (rng_.chance(0.5)) board_.place(best_);
    kick();
    keep_best();
    improve();
  }
  return best_;
}

}  // namespace

std::vector<std::uint32_t> search_placement(const AttentionProblem& problem,
                                            const std::vector<AttentionShard>& shards,
                                            Seconds bound, PlacementEffort effort) {
  return Search{problem, shards, bound, effort}.run();
}

}  // namespace axs::plan
