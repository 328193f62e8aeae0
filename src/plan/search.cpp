#include "axs/plan/search.h"

#include <algorithm>
#include <map>

#include "axs/plan/apart_search.h"
#include "axs/plan/plan_cost.h"
#include "axs/plan/plan_devices.h"
#include "axs/plan/rounding.h"
#include "axs/plan/shortest_work.h"
#include "axs/plan/spanning_pipelines.h"

namespace axs::plan {

namespace {

/// Of one type, and of one width unless groups of any widths fit.
bool is_pure(const ReplicaKind& kind, const std::vector<NodeWidths>& widths) {
  return kind.uses.size() == 1 && widths[kind.uses.front().type].are_plain();
}

/// How exact a step is that nobody carries out.
constexpr double nearly = 1e-4;

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

bool has_all_of(const SiteDevices& site, const SiteDevices& other) {
  return std::ranges::equal(site, other, std::ranges::greater_equal{});
}

/// Without those of which another one has all.
std::vector<SiteDevices> largest_of(const std::vector<SiteDevices>& sites) {
  std::vector<SiteDevices> largest;
  for (const SiteDevices& site : sites) {
    if (std::ranges::any_of(largest, [&](const auto& other) { return has_all_of(other, site); }))
      continue;
    std::erase_if(largest, [&](const auto& other) { return has_all_of(site, other); });
    largest.push_back(site);
  }
  return largest;
}

}  // namespace

Result<Search> Search::of(Job job, Fleet fleet, Calibration calibration) {
  AXS_TRY(check(job));
  AXS_TRY(check(fleet));
  if (auto some = check_devices(job, fleet); !some)
    return Error{some.error().code, "fleet: " + some.error().what};
  Search search{std::move(job), std::move(fleet), std::move(calibration)};
  AXS_TRY(check_known(search.job_, search.fleet_, search.allowed_));
  return search;
}

Search::Search(Job job, Fleet fleet, Calibration calibration)
    : job_{std::move(job)}, fleet_{std::move(fleet)}, calibration_{std::move(calibration)} {
  list_sites();
  list_splits();
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
  largest_ = largest_of(devices_);
  groups_ = site_groups(fleet_, job_, allowed_);
}

std::int64_t Search::micro_batches(const Method& method) const {
  return job_.global_batch / method.micro_batch;
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
  std::vector<SiteDevices> sites = largest_;
  for (SiteDevices& site : sites)
    for (std::uint32_t& devices : site) devices /= unit.bundle;
  const ReplicaRange replicas{bundles.least * unit.bundle, bundles.most * unit.bundle};
  const BoundedMethod& how = methods_[unit.method];
  const KindBuilder& builder = unit.pipelines == Pipelines::mixed ? how.with_splits : how.builder;
  return builder.with(replicas, std::move(sites));
}

std::vector<std::uint32_t> Search::types_in_use() const {
  std::vector<std::uint32_t> types;
  for (std::uint32_t type = 0; type < fleet_.types.size(); ++type)
    if (all_devices_[type] > 0) types.push_back(type);
  return types;
}

KindBuilder::Families Search::families(const KindBuilder& builder, Pipelines pipelines,
                                       const KindNeed& need) const {
  return builder.families(types_in_use(), pipelines == Pipelines::mixed, need);
}

KindTable Search::bounds_of(const KindBuilder& builder,
                            const KindBuilder::Families& families) const {
  KindTable table{std::vector<std::vector<ReplicaKind>>(fleet_.types.size()), {}, builder.widths()};
  for (const KindBuilder::Family& family : families.pure)
    table.pure[family.runs.front().type].push_back(builder.least(family));
  for (const KindBuilder::Family& family : families.mixed) {
    ReplicaKind kind = builder.least(family);
    (is_pure(kind, table.widths) ? table.pure[kind.uses.front().type] : table.mixed)
        .push_back(std::move(kind));
  }
  for (auto& kinds : table.pure) std::ranges::sort(kinds, {}, &ReplicaKind::devices);
  return table;
}

KindTable Search::cut(const KindBuilder& builder, const KindBuilder::Families& families,
                      Seconds limit, const Stop& stop) const {
  KindTable table{std::vector<std::vector<ReplicaKind>>(fleet_.types.size()), {}, builder.widths()};
  for (ReplicaKind& kind : builder.cut(families.pure, limit, stop))
    table.pure[kind.uses.front().type].push_back(std::move(kind));
  if (families.mixed.empty()) return table;
  for (ReplicaKind& kind : builder.cut(families.mixed, limit, stop))
    (is_pure(kind, table.widths) ? table.pure[kind.uses.front().type] : table.mixed)
        .push_back(std::move(kind));
  for (auto& kinds : table.pure) kinds = undominated(std::move(kinds));
  return table;
}

KindTable Search::kinds(const KindBuilder& builder, Pipelines pipelines, const Stop& stop) const {
  return cut(builder, families(builder, pipelines, {}), no_limit, stop);
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
  const std::uint32_t as_many = replicas_of(best.plan.groups) / unit.bundle;
  auto most = static_cast<std::uint32_t>(micro_batches(method) / unit.bundle);
  if (unit.pipelines != Pipelines::pure) most = std::min(most, unit.bundles.most);
  Seconds at_most = 2 * best.plan.step.total;
  if (unit.apart)
    return ApartSearch{*this, unit, std::min(2 * as_many, most), stop}.best(at_most, nearly);
  std::optional<TrainingPlan> found;
  for (const std::uint32_t bundles : {as_many, as_many / 2, as_many * 2}) {
    if (bundles == 0 || bundles > most || stop()) continue;
    auto plan = best_of(unit, {bundles, bundles}, at_most, stop, nearly);
    if (!plan || (found && found->step.total <= plan->step.total)) continue;
    at_most = plan->step.total;
    found = std::move(plan);
  }
  return found;
}

std::vector<SiteDevices> Search::devices_of(const SiteGroup& group) const {
  std::vector<SiteDevices> devices;
  for (const std::uint32_t site : group.sites) devices.push_back(devices_[site]);
  return devices;
}

/// Branch and bound over the numbers of bundles. Pipelines are cut only where their bounds say that
/// they may be within the time.
std::optional<TrainingPlan> Search::best_of(const Unit& unit, ReplicaRange bundles, Seconds at_most,
                                            const Stop& stop, double precise) const {
  const BoundedMethod& how = methods_[unit.method];
  if (unit.pipelines == Pipelines::spanning)
    return best_spanning(how.builder, bundles, at_most, stop);
  if (unit.apart) return ApartSearch{*this, unit, bundles.most, stop}.best(at_most, precise);
  if (stop()) return std::nullopt;
  const KindBuilder builder = builder_for(unit, bundles);
  const ReplicaDemand demand{bundles.most, unit.bundle, micro_batches(how.method)};
  const auto limit_of = [&](const SiteGroup& group) {
    return group.step_within(at_most * (1 + rounding)) - builder.fixed();
  };
  KindNeed need{{}, demand.bundles, demand.of_all_bundles()};
  for (const SiteGroup& group : groups_)
    if (!group.step_apart()) need.limit = std::max(need.limit, limit_of(group));
  const auto of_use = families(builder, unit.pipelines, need);
  const KindTable bounds = bounds_of(builder, of_use);
  const bool possible = std::ranges::any_of(groups_, [&](const SiteGroup& group) {
    return !group.step_apart() && ReplicaChoice{bounds, demand, devices_of(group)}.may_be_within(
                                      limit_of(group), bundles.least);
  });
  if (!possible) return std::nullopt;
  if (bundles.is_one())
    return best_of_number(unit, demand, builder, cut(builder, of_use, need.limit, stop), at_most,
                          stop, precise);
  const std::uint32_t middle = (bundles.least + bundles.most) / 2;
  auto few = best_of(unit, {bundles.least, middle}, at_most, stop, precise);
  if (few) at_most = std::min(at_most, few->step.total);
  auto many = best_of(unit, {middle + 1, bundles.most}, at_most, stop, precise);
  return many && (!few || many->step.total < few->step.total) ? many : few;
}

/// Only where kinds that are `of_use` do the work within the time are the others looked at: the
/// halving begins with them.
std::optional<TrainingPlan> Search::best_of_number(const Unit& unit, const ReplicaDemand& demand,
                                                   const KindBuilder& builder,
                                                   const KindTable& of_use, Seconds at_most,
                                                   const Stop& stop, double precise) const {
  std::optional<TrainingPlan> best;
  std::optional<KindTable> all;
  for (const SiteGroup& group : groups_) {
    if (stop()) return best;
    if (group.step_apart()) continue;
    const Seconds limit = group.step_within(at_most * (1 + rounding)) - builder.fixed();
    const auto sites = devices_of(group);
    if (!ReplicaChoice{of_use, demand, sites}.within(limit)) continue;
    if (!all) all = kinds(builder, unit.pipelines, stop);
    if (stop()) return best;
    const ReplicaChoice choice{*all, demand, sites};
    const auto shared = shortest(choice, demand, limit, stop, precise);
    if (!shared) continue;
    TrainingPlan plan = plan_of(*shared, group, everywhere(builder));
    if (best && best->step.total <= plan.step.total) continue;
    at_most = std::min(at_most, plan.step.total);
    best = std::move(plan);
  }
  return best;
}

BuilderOfSite Search::everywhere(const KindBuilder& builder) const {
  return BuilderOfSite(devices_.size(), &builder);
}

std::optional<TrainingPlan> Search::best_spanning(const KindBuilder& any, ReplicaRange replicas,
                                                  Seconds at_most, const Stop& stop) const {
  std::optional<TrainingPlan> best;
  for (std::uint32_t n = replicas.least; n <= replicas.most && !stop(); ++n) {
    const KindBuilder builder = any.with({n, n}, {});
    const SpanningPipelines pipelines{job_, fleet_, devices_, builder, n};
    const auto found = pipelines.shortest(at_most - builder.fixed(), stop);
    if (!found) continue;
    TrainingPlan plan = plan_across(pipelines.shared(*found), builder);
    if (best && best->step.total <= plan.step.total) continue;
    at_most = plan.step.total;
    best = std::move(plan);
  }
  return best;
}

/// Of pipelines across sites, which exchange no gradients: sites are under their own numbers.
TrainingPlan Search::plan_across(const SharedWork& work, const KindBuilder& builder) const {
  SiteGroup sites;
  for (std::uint32_t site = 0; site < devices_.size(); ++site) sites.sites.push_back(site);
  return plan_of(work, sites, everywhere(builder));
}

bool Search::has_devices_for(const Method& method,
                             const std::vector<ReplicaGroup>& pipelines) const {
  std::vector<NodeWidths> widths;
  for (const DeviceType& type : fleet_.types)
    widths.push_back(node_widths(type.accelerator.per_node));
  std::vector<SiteRoom> left;
  for (const SiteDevices& site : devices_) left.push_back(rooms_of(site, widths, 1));
  for (const ReplicaGroup& group : pipelines)
    for (const PlannedStage& stage : group.stages)
      for (const StagePart& part : parts_of(stage, method.context)) {
        if (group.site >= left.size() || part.type >= all_devices_.size()) return false;
        TypeUse use{part.type};
        use.add(widths[part.type], stage.tensor, std::uint64_t{group.replicas} * part.groups);
        if (!left[group.site][part.type].take(use, 1)) return false;
      }
  return true;
}

std::optional<TrainingPlan> Search::shared_anew(const Method& method,
                                                const std::vector<ReplicaGroup>& pipelines,
                                                const Stop& stop) const {
  for (const ReplicaGroup& group : pipelines)
    if (!group.crossings.empty()) return std::nullopt;
  const std::uint32_t replicas = replicas_of(pipelines);
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
  const std::uint32_t all = replicas_of(pipelines);
  const KindBuilder any{job_, fleet_.types, method, {}, {}, calibration_, splits_};
  std::map<std::uint32_t, KindBuilder> built;  // By how many replicas share.
  BuilderOfSite builders(devices_.size());
  for (const auto& [site, count] : replicas) {
    const std::uint32_t sharing = apart ? count : all;
    builders[site] = &built.try_emplace(sharing, any.with({sharing, sharing}, {})).first->second;
  }
  std::vector<ReplicaKind> kinds;
  for (const ReplicaGroup& group : pipelines) {
    auto kind = builders[group.site]->of(group.stages, group.virtual_stages);
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
      const PlannedStage& stage = replicas.stages[i];
      builder.fill_memory(replicas, i);
      for (const StagePart& part : parts_of(stage, plan.method.context))
        plan.idle[part.type] -= replicas.replicas * stage.tensor * part.groups;
      spread = std::max(spread, builder.cost(stage).spread());
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

}  // namespace axs::plan
