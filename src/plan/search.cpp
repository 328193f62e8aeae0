#include "axs/plan/search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "axs/plan/apart_search.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/rounded.h"
#include "axs/plan/shortest_work.h"
#include "axs/plan/spanning_pipelines.h"

namespace axs::plan {

namespace {

constexpr std::uint32_t micro_batch_max = 64;
/// Up to this every number of replicas is looked at; of more only those with few binary digits.
constexpr std::uint32_t bundles_max = 64;
/// Replicas up to which pipelines of several types are worth building: with more, what is left
/// over of each type is small.
constexpr std::uint32_t mixed_replicas_max = 8;
/// Nothing that may still be the best is left out because of rounding.
constexpr double rounding = 1e-9;

/// A stage cost of each width that is possible on the type.
std::vector<StageCost> widths(const Job& job, const Method& method, const DeviceType& type,
                              const Calibration& calibration) {
  std::vector<StageCost> costs;
  for (const std::uint32_t tensor : node_widths(type.accelerator.per_node).all())
    if (auto cost = StageCost::of(job, method, type, tensor, {}, calibration))
      costs.push_back(*std::move(cost));
  return costs;
}

/// Of one type, and of one width unless groups of any widths fit.
bool is_pure(const ReplicaKind& kind, const std::vector<NodeWidths>& widths) {
  return kind.uses.size() == 1 && widths[kind.uses.front().type].are_plain();
}

/// Replicas that are given, as ReplicaChoice has those that it chooses.
struct GivenReplicas {
  std::vector<ChosenReplicas> all;
  std::int64_t micro_batches;

  std::optional<std::vector<ChosenReplicas>> within(Seconds limit) const {
    std::int64_t done = 0;
    for (const ChosenReplicas& given : all) {
      const std::int64_t each = given.kind->capacity(limit, micro_batches);
      if (each == 0) return std::nullopt;
      done += given.bundles * each;
    }
    return done < micro_batches ? std::nullopt : std::optional{all};
  }
};

/// Sequences that are shorter are not worth the ring around which keys and values go.
constexpr std::uint32_t long_sequence = 16384;

std::uint32_t context_max(const Job& job) {
  return job.sequence >= long_sequence ? 8 : 1;
}

/// Not all software does all. FlashAttention keeps no scores that selective recomputation could
/// leave out; a distributed optimiser needs 6 + 12 / n bytes of a parameter and exchanges no more;
/// and only mixtures have experts.
bool is_worth_nothing(const Method& method, const Job& job) {
  const Software& software = job.software;
  if (software.replicas_only && (method.recompute != Recompute::none || method.context > 1 ||
                                 method.whole_experts || is_of_one_stage(method)))
    return true;
  if (method.whole_experts && !job.shape.is_mixture()) return true;
  const bool flash =
      software.attention == Attention::flash1 || software.attention == Attention::flash2;
  if (method.recompute == Recompute::selective && flash &&
      software.selective == Selective::attention)
    return true;
  return method.sharding == Sharding::none && software.state_bytes >= 18;
}

}  // namespace

Result<Search> Search::of(Job job, Fleet fleet, Calibration calibration) {
  AXS_TRY(check(job));
  AXS_TRY(check(fleet));
  Search search{std::move(job), std::move(fleet), std::move(calibration)};
  if (std::ranges::all_of(search.all_devices_, [](std::uint32_t n) { return n == 0; }))
    return Error{Errc::exhausted, "fleet: 0 devices that the job may use, want at least one"};
  AXS_TRY(check_known(search.job_, search.fleet_, search.allowed_));
  return search;
}

Search::Search(Job job, Fleet fleet, Calibration calibration)
    : job_{std::move(job)}, fleet_{std::move(fleet)}, calibration_{std::move(calibration)} {
  list_sites();
  list_methods();
  list_units();
}

void Search::list_sites() {
  all_devices_.resize(fleet_.types.size());
  for (std::uint32_t i = 0; i < fleet_.sites.size(); ++i) {
    const FleetSite& site = fleet_.sites[i];
    devices_.emplace_back(fleet_.types.size());
    if (!job_.may_run_in(site.jurisdiction)) continue;
    allowed_.push_back(i);
    for (const Pool& pool : site.pools) {
      devices_[i][pool.type] += pool.devices;
      all_devices_[pool.type] += pool.devices;
    }
  }
  groups_ = site_groups(fleet_, job_, allowed_);
}

void Search::list_methods() {
  for (std::uint32_t micro = 1; micro <= micro_batch_max && job_.global_batch % micro == 0;
       micro *= 2)
    for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
      for (const Sharding sharding :
           {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::parameters})
        for (const bool whole_experts : {false, true})
          for (std::uint32_t context = 1; context <= context_max(job_); context *= 2) {
            const Method method{micro, recompute, sharding, whole_experts, context};
            if (!is_worth_nothing(method, job_)) methods_.push_back(bounded(method));
          }
}

/// The most promising methods first, so that a search that is stopped has looked at them; mixed
/// pipelines and those across sites, which take longest to look at, last.
void Search::list_units() {
  std::uint64_t devices = 0;
  for (const std::uint32_t n : all_devices_) devices += n;
  std::ranges::sort(methods_, [](const BoundedMethod& a, const BoundedMethod& b) {
    const auto key = [](const BoundedMethod& m) {
      const Method& how = m.method;
      return std::tuple{m.bound,      how.micro_batch,   how.recompute,
                        how.sharding, how.whole_experts, how.context};
    };
    return key(a) < key(b);
  });
  const bool spans = has_ways();
  const bool apart = std::ranges::any_of(groups_, &SiteGroup::step_apart);
  for (std::uint32_t method = 0; method < methods_.size(); ++method) {
    const auto most = std::min<std::uint64_t>(
        devices, static_cast<std::uint64_t>(micro_batches(methods_[method].method)));
    const auto bundles = [&](std::uint32_t bundle, std::uint32_t wanted) {
      return static_cast<std::uint32_t>(std::min<std::uint64_t>(most / bundle, wanted));
    };
    const auto add = [&](std::uint32_t bundle, ReplicaRange range, Pipelines pipelines) {
      units_.push_back({method, bundle, range, pipelines, false});
      if (apart && range.most > 1) units_.push_back({method, bundle, range, pipelines, true});
    };
    add(1, {1, bundles(1, bundles_max)}, Pipelines::pure);
    for (std::uint32_t bundle = 2; bundles(bundle, bundles_max) > bundles_max / 2; bundle *= 2)
      add(bundle, {bundles_max / 2 + 1, bundles(bundle, bundles_max)}, Pipelines::pure);
    if (job_.software.replicas_only || is_of_one_stage(methods_[method].method)) continue;
    add(1, {1, bundles(1, mixed_replicas_max)}, Pipelines::mixed);
    if (spans)
      units_.push_back(
          {method, 1, {1, bundles(1, spanning_replicas_max)}, Pipelines::spanning, false});
  }
  std::ranges::sort(units_, [](const Unit& a, const Unit& b) {
    const auto key = [](const Unit& unit) {
      return std::tuple{unit.pipelines, unit.method, unit.apart, unit.bundle};
    };
    return key(a) < key(b);
  });
}

/// Between sites that have devices.
bool Search::has_ways() const {
  const auto has_some = [&](std::uint32_t site) {
    return std::ranges::any_of(devices_[site], [](std::uint32_t n) { return n > 0; });
  };
  return std::ranges::any_of(
      fleet_.links, [&](const SiteLink& link) { return has_some(link.from) && has_some(link.to); });
}

std::int64_t Search::micro_batches(const Method& method) const {
  return job_.global_batch / method.micro_batch;
}

/// Every layer of every micro-batch is computed somewhere, and no device computes faster than in
/// the best width.
Search::BoundedMethod Search::bounded(const Method& method) const {
  double layers_per_second = 0;
  Seconds fixed{}, layer = no_limit;
  for (std::size_t type = 0; type < fleet_.types.size(); ++type) {
    double best = 0;
    for (const StageCost& cost : widths(job_, method, fleet_.types[type], calibration_)) {
      const StagePlace place = place_of(0, is_of_one_stage(method) ? 1 : 2);
      best = std::max(best, 1 / (cost.devices() * cost.time(place).layer.value()));
      if (all_devices_[type] > 0) layer = std::min(layer, cost.time(place).layer);
      fixed = cost.fixed();
    }
    layers_per_second += best * all_devices_[type];
  }
  const double layers = static_cast<double>(micro_batches(method)) * job_.shape.layers;
  const Seconds bound = Seconds{layers / layers_per_second * (1 - rounding)} + fixed;
  const Seconds across =
      spanning_bound(micro_batches(method), job_.shape.layers, layer, spanning_replicas_max);
  return {method, bound, std::max(bound, across + fixed)};
}

Seconds Search::bound(std::size_t unit) const {
  const BoundedMethod& method = methods_[units_[unit].method];
  return units_[unit].pipelines == Pipelines::spanning ? method.spanning_bound : method.bound;
}

std::vector<Method> Search::methods() const {
  std::vector<Method> methods;
  for (const BoundedMethod& bounded : methods_) methods.push_back(bounded.method);
  return methods;
}

/// A replica uses the devices of one site, as do those that are alike.
KindBuilder Search::builder_for(const Unit& unit, ReplicaRange bundles) const {
  SiteDevices most(fleet_.types.size());
  for (const SiteDevices& site : devices_)
    for (std::size_t type = 0; type < most.size(); ++type)
      most[type] = std::max(most[type], site[type] / unit.bundle);
  const ReplicaRange replicas{bundles.least * unit.bundle, bundles.most * unit.bundle};
  const Method& how = methods_[unit.method].method;
  return {job_, fleet_.types, how, replicas, std::move(most), calibration_};
}

KindTable Search::kinds(KindBuilder& builder, Pipelines pipelines) const {
  KindTable table{{}, {}, builder.widths()};
  std::vector<std::uint32_t> used;
  for (std::uint32_t type = 0; type < fleet_.types.size(); ++type) {
    const bool some = all_devices_[type] > 0;
    table.pure.push_back(some ? builder.pure(type) : std::vector<ReplicaKind>{});
    if (some) used.push_back(type);
  }
  if (pipelines != Pipelines::mixed) return table;
  for (ReplicaKind& kind : builder.mixed(used))
    (is_pure(kind, table.widths) ? table.pure[kind.uses.front().type] : table.mixed)
        .push_back(std::move(kind));
  for (auto& kinds : table.pure) kinds = undominated(std::move(kinds));
  return table;
}

std::optional<Candidate> Search::run(std::size_t number, Seconds at_most, const Stop& stop) const {
  if (bound(number) > at_most) return std::nullopt;
  const Unit& unit = units_[number];
  auto plan = best_of(unit, unit.bundles, at_most, stop);
  if (!plan) return std::nullopt;
  return Candidate{number, *std::move(plan)};
}

std::optional<TrainingPlan> Search::beside(const Candidate& best, const Method& method,
                                           const Stop& stop) const {
  Unit unit = units_[best.unit];
  const auto same = std::ranges::find(methods_, method,
                                      [](const BoundedMethod& bounded) { return bounded.method; });
  unit.method = static_cast<std::uint32_t>(same - methods_.begin());
  std::uint32_t replicas = 0;
  for (const ReplicaGroup& group : best.plan.groups) replicas += group.replicas;
  const std::uint32_t as_many = replicas / unit.bundle;
  Seconds at_most = 2 * best.plan.step.total;
  std::optional<TrainingPlan> found;
  for (const std::uint32_t bundles : {as_many, as_many / 2, as_many * 2}) {
    const bool is_possible = bundles > 0 && bundles * unit.bundle <= micro_batches(method);
    if (!is_possible || stop()) continue;
    auto plan = best_of(unit, {bundles, bundles}, at_most, stop);
    if (!plan || (found && found->step.total <= plan->step.total)) continue;
    at_most = plan->step.total;
    found = std::move(plan);
  }
  return found;
}

/// Branch and bound over the numbers of bundles.
std::optional<TrainingPlan> Search::best_of(const Unit& unit, ReplicaRange bundles, Seconds at_most,
                                            const Stop& stop) const {
  const Method& how = methods_[unit.method].method;
  if (unit.pipelines == Pipelines::spanning) return best_spanning(how, bundles, at_most, stop);
  if (unit.apart) return ApartSearch{*this, unit, bundles}.best(at_most, stop);
  KindBuilder builder = builder_for(unit, bundles);
  const KindTable table = kinds(builder, unit.pipelines);
  const ReplicaDemand demand{bundles.most, unit.bundle, micro_batches(how)};
  std::optional<TrainingPlan> best;
  const auto keep_better = [&](std::optional<TrainingPlan> other) {
    if (!other || (best && best->step.total <= other->step.total)) return;
    at_most = std::min(at_most, other->step.total);
    best = std::move(other);
  };
  bool possible = false;
  for (const SiteGroup& group : groups_) {
    if (stop()) return best;
    if (group.step_apart()) continue;
    const Seconds limit = group.step_within(at_most * (1 + rounding)) - builder.fixed();
    const ReplicaChoice choice{table, demand, devices_of(group)};
    possible = possible || choice.may_be_within(limit);
    if (!bundles.is_one()) continue;
    if (const auto shared = shortest(choice, demand, limit, stop))
      keep_better(plan_of(*shared, group, everywhere(builder)));
  }
  if (bundles.is_one() || !possible) return best;
  const std::uint32_t middle = (bundles.least + bundles.most) / 2;
  keep_better(best_of(unit, {bundles.least, middle}, at_most, stop));
  keep_better(best_of(unit, {middle + 1, bundles.most}, at_most, stop));
  return best;
}

std::vector<SiteDevices> Search::devices_of(const SiteGroup& group) const {
  std::vector<SiteDevices> sites;
  for (const std::uint32_t site : group.sites) sites.push_back(devices_[site]);
  return sites;
}

BuilderOfSite Search::everywhere(const KindBuilder& builder) const {
  return BuilderOfSite(devices_.size(), &builder);
}

std::optional<TrainingPlan> Search::best_spanning(const Method& method, ReplicaRange replicas,
                                                  Seconds at_most, const Stop& stop) const {
  std::optional<TrainingPlan> best;
  if (is_of_one_stage(method)) return best;
  // Sites under their own numbers, which exchange no gradients.
  SiteGroup sites;
  for (std::uint32_t site = 0; site < devices_.size(); ++site) sites.sites.push_back(site);
  for (std::uint32_t n = replicas.least; n <= replicas.most && !stop(); ++n) {
    const KindBuilder builder{job_, fleet_.types, method, {n, n}, {}, calibration_};
    const SpanningPipelines pipelines{job_, fleet_, devices_, builder, n};
    const auto shared = pipelines.shortest(at_most - builder.fixed(), stop);
    if (!shared) continue;
    TrainingPlan plan = plan_of(*shared, sites, everywhere(builder));
    if (best && best->step.total <= plan.step.total) continue;
    at_most = plan.step.total;
    best = std::move(plan);
  }
  return best;
}

bool Search::has_devices_for(const Method& method,
                             const std::vector<ReplicaGroup>& pipelines) const {
  std::vector<NodeWidths> widths;
  for (const DeviceType& type : fleet_.types)
    widths.push_back(node_widths(type.accelerator.per_node));
  std::vector<SiteRoom> left;
  for (const SiteDevices& site : devices_) left.push_back(rooms_of(site, widths, 1));
  for (const ReplicaGroup& group : pipelines)
    for (const PlannedStage& stage : group.stages) {
      if (group.site >= left.size() || stage.type >= all_devices_.size()) return false;
      TypeUse use{stage.type};
      use.add(widths[stage.type], stage.tensor, std::uint64_t{group.replicas} * method.context);
      if (!left[group.site][stage.type].take(use, 1)) return false;
    }
  return true;
}

std::optional<TrainingPlan> Search::shared_anew(const Method& method,
                                                const std::vector<ReplicaGroup>& pipelines,
                                                const Stop& stop) const {
  std::uint32_t replicas = 0;
  for (const ReplicaGroup& group : pipelines) {
    if (!group.crossings.empty()) return std::nullopt;
    replicas += group.replicas;
  }
  const bool is_possible = replicas > 0 && job_.global_batch % method.micro_batch == 0 &&
                           replicas <= micro_batches(method) && has_devices_for(method, pipelines);
  if (!is_possible) return std::nullopt;
  auto best = shared_anew(method, pipelines, false, stop);
  if (sites_of(pipelines).size() == 1) return best;
  auto apart = shared_anew(method, pipelines, true, stop);
  return apart && (!best || apart->step.total < best->step.total) ? apart : best;
}

/// With exchanges in every step or, if `apart`, all others.
std::optional<TrainingPlan> Search::shared_anew(const Method& method,
                                                const std::vector<ReplicaGroup>& pipelines,
                                                bool apart, const Stop& stop) const {
  std::map<std::uint32_t, std::uint32_t> replicas;  // By site.
  for (const ReplicaGroup& group : pipelines) replicas[group.site] += group.replicas;
  std::uint32_t all = 0;
  for (const auto& [site, count] : replicas) all += count;
  std::map<std::uint32_t, KindBuilder> built;  // By how many replicas share.
  BuilderOfSite builders(devices_.size());
  for (const auto& [site, count] : replicas) {
    const std::uint32_t sharing = apart ? count : all;
    builders[site] = &built
                          .try_emplace(sharing, job_, fleet_.types, method,
                                       ReplicaRange{sharing, sharing}, SiteDevices{}, calibration_)
                          .first->second;
  }
  std::vector<ReplicaKind> kinds;
  for (const ReplicaGroup& group : pipelines) {
    auto kind = builders[group.site]->of(group.stages);
    if (!kind) return std::nullopt;
    kinds.push_back(*std::move(kind));
  }
  const ReplicaDemand demand{all, 1, micro_batches(method)};
  GivenReplicas given{{}, demand.micro_batches};
  for (std::size_t i = 0; i < kinds.size(); ++i)
    given.all.push_back({pipelines[i].site, &kinds[i], pipelines[i].replicas});
  const auto shared = shortest(given, demand, no_limit, stop);
  if (!shared) return std::nullopt;
  std::optional<TrainingPlan> best;
  for (const SiteGroup& group : groups_) {
    if (group.step_apart() != apart || replicas.size() > group.sites_max) continue;
    if (auto plan = plan_of_given(*shared, group, builders);
        plan && (!best || plan->step.total < best->step.total))
      best = std::move(plan);
  }
  return best;
}

/// Of replicas under the fleet's numbers of sites. Nothing: some are at none of the group.
std::optional<TrainingPlan> Search::plan_of_given(SharedWork work, const SiteGroup& group,
                                                  const BuilderOfSite& builders) const {
  for (ReplicaGroup& one : work.groups) {
    const auto at = std::ranges::find(group.sites, one.site);
    if (at == group.sites.end()) return std::nullopt;
    one.site = static_cast<std::uint32_t>(at - group.sites.begin());
  }
  return plan_of(work, group, builders);
}

TrainingPlan Search::plan_of(const SharedWork& work, const SiteGroup& group,
                             const BuilderOfSite& builders) const {
  TrainingPlan plan;
  const KindBuilder& any = **std::ranges::find_if(builders, [](auto* one) { return one; });
  plan.method = any.method();
  plan.groups = work.groups;
  plan.idle = all_devices_;
  double spread = 1;
  for (ReplicaGroup& replicas : plan.groups) {
    replicas.site = group.sites[replicas.site];
    const KindBuilder& builder = *builders[replicas.site];
    for (std::size_t i = 0; i < replicas.stages.size(); ++i) {
      PlannedStage& stage = replicas.stages[i];
      stage.memory = builder.memory(replicas, i);
      plan.idle[stage.type] -= replicas.replicas * stage.tensor * plan.method.context;
      spread = std::max(spread, builder.spread(stage.type));
    }
  }
  const Seconds inside = work.slowest + any.fixed();
  const bool is_alone = sites_of(plan.groups).size() == 1;
  const SiteExchange* way = is_alone ? nullptr : group.best(inside);
  const Seconds waiting = way == nullptr ? Seconds{} : way->exposed(inside);
  if (way != nullptr && way->how.sync.period > 1) {
    plan.outer = way->how.sync;
    plan.loss_gap = way->how.loss_gap;
  }
  plan.step = {.replicas = work.slowest,
               .sites = waiting,
               .fixed = any.fixed(),
               .total = inside + waiting,
               .spread = spread};
  plan.tokens_per_second =
      static_cast<double>(job_.global_batch) * job_.sequence / plan.step.total.value();
  plan.duration = steps(job_) * plan.step.total;
  plan.cost = cost_of(plan, steps(job_), builders, fleet_);
  return plan;
}

bool better(const Candidate& a, const Candidate& b) {
  const Seconds of_a = a.plan.step.total;
  const Seconds of_b = b.plan.step.total;
  return of_a != of_b ? of_a < of_b : a.unit < b.unit;
}

/// Every layer on a stage of its own, as far as there are devices, with all that saves memory.
Error Search::fits_nowhere() const {
  const bool is_cut = !job_.software.replicas_only;
  const Method thrifty{1, is_cut ? Recompute::full : Recompute::none, Sharding::optimizer};
  Bytes least{1e30};
  std::string of;
  for (std::size_t type = 0; type < fleet_.types.size(); ++type) {
    std::uint32_t most = 0;
    for (const SiteDevices& site : devices_) most = std::max(most, site[type]);
    for (const StageCost& cost : widths(job_, thrifty, fleet_.types[type], calibration_)) {
      const std::uint32_t stages = std::min(is_cut ? job_.shape.layers : 1, most / cost.tensor());
      if (stages == 0 || (!is_cut && cost.tensor() > 1)) continue;
      const Bytes missing = cost.missing(stages, static_cast<double>(job_.global_batch));
      if (missing >= least) continue;
      least = missing;
      of = fleet_.types[type].accelerator.name;
    }
  }
  constexpr double gibibyte = 1073741824;
  const std::string fits_nowhere = "model: fits on no devices of the fleet";
  // Of long pipelines not every number of stages is looked at.
  if (least <= Bytes{}) return {Errc::exhausted, fits_nowhere + " in the pipelines looked at"};
  const std::string cut =
      has_ways() ? "; the best cut at one site lacks " : "; the best cut lacks ";
  return {Errc::exhausted,
          fits_nowhere + cut + rounded(least.value() / gibibyte) + " GiB on each " + of};
}

}  // namespace axs::plan
