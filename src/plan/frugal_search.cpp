#include "axs/plan/frugal_search.h"

#include <algorithm>
#include <limits>

#include "axs/plan/plan_cost.h"

namespace axs::plan {

namespace {

/// Of a search, what finds out in which order to look.
constexpr double share_of_bounds = 0.2;

/// With `for_time` for each second and `for_energy` for each joule of the site's meter.
ReplicaTerms terms_of(const PipelineDraw& draw, double pue, double for_time, double for_energy) {
  const double joule = pue * for_energy;
  return {.second = for_time + joule * draw.waiting.value(),
          .micro_batch = joule * draw.micro_batch.value(),
          .step = joule * draw.step.value()};
}

}  // namespace

bool FrugalSearch::is_within(const TrainingPlan& plan, const ThriftLimits& limits) const {
  const bool bounded = limits.money.value() < endless;
  if (plan.duration > limits.duration || plan.cost.power > limits.power) return false;
  if (bounded && (!plan.cost.money || *plan.cost.money > limits.money)) return false;
  const std::vector<Watts> power = site_power(plan, search_.fleet_);
  for (std::size_t site = 0; site < power.size(); ++site) {
    const auto& limit = search_.fleet_.sites[site].supply.limit;
    if (limit && power[site] > *limit) return false;
  }
  return true;
}

double FrugalSearch::step_score(const TrainingPlan& plan, Thrift thrift) const {
  const double steps_of_job = steps(search_.job_);
  switch (thrift) {
    case Thrift::money:
      return plan.cost.money->value() / steps_of_job;
    case Thrift::energy:
      return plan.cost.energy.value() / steps_of_job;
    case Thrift::carbon:
      return *plan.cost.carbon / steps_of_job;
    case Thrift::power:
      break;
  }
  return plan.cost.power.value();
}

/// Of a step that keeps a limit of what it shall take little of; what is searched for scores less.
double FrugalSearch::highest_score(Thrift thrift, const ThriftLimits& limits) const {
  constexpr double more = 1 + 2 * FrugalChoice::close_enough;
  if (thrift == Thrift::power && limits.power.value() < endless) return more * limits.power.value();
  if (thrift == Thrift::money && limits.money.value() < endless)
    return more * limits.money.value() / steps(search_.job_);
  return endless;
}

std::optional<TrainingPlan> FrugalSearch::best(Thrift thrift, const ThriftLimits& limits,
                                               const std::vector<TrainingPlan>& known,
                                               const Watch& watch, Which which) const {
  Wish wish{thrift, limits, which, highest_score(thrift, limits), {}};
  for (const TrainingPlan& plan : known) {
    if (!is_within(plan, limits) || step_score(plan, thrift) >= wish.score) continue;
    wish.score = step_score(plan, thrift);
    wish.plan = plan;
  }
  auto units = promising(wish, watch);
  double done = share_of_bounds;
  for (const auto& [open, share] : {std::pair{64u, 0.3}, std::pair{1024u, 0.5}}) {
    wish.open = open;
    units = unproven(units, {done, done + share}, watch, wish);
    done += share;
  }
  return std::move(wish.plan);
}

/// Of the units those that may have a better plan than what is found.
FrugalSearch::Promising FrugalSearch::unproven(const Promising& units, std::array<double, 2> shares,
                                               const Watch& watch, Wish& wish) const {
  Promising left;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& [bound, unit] = units[i];
    if (wish.is_granted() || bound >= wish.target()) break;
    const double share = static_cast<double>(i) / static_cast<double>(units.size());
    const Stop stop = [&] { return !watch(shares[0] + share * (shares[1] - shares[0])); };
    wish.is_best = true;
    if (search_.units_[unit].apart)
      look_apart(search_.units_[unit], stop, wish);
    else
      look(search_.units_[unit], search_.units_[unit].bundles, stop, wish);
    if (!wish.is_best) left.push_back(units[i]);
  }
  return left;
}

FrugalSearch::Promising FrugalSearch::promising(const Wish& wish, const Watch& watch) const {
  Promising units;
  for (std::size_t unit = 0; unit < search_.units(); ++unit) {
    if (search_.units_[unit].pipelines == Search::Pipelines::spanning) continue;
    const double share = static_cast<double>(unit) / static_cast<double>(search_.units());
    const Stop stop = [&] { return !watch(share_of_bounds * share); };
    const double least = bound(search_.units_[unit], wish, stop);
    if (least < wish.target()) units.emplace_back(least, unit);
  }
  std::ranges::sort(units);
  return units;
}

/// No plan of the unit scores less.
double FrugalSearch::bound(const Search::Unit& unit, const Wish& wish, const Stop& stop) const {
  const ReplicaRange bundles{unit.apart ? 1 : unit.bundles.least, unit.bundles.most};
  const KindBuilder builder = search_.builder_for(unit, bundles);
  const BuiltKinds kinds{builder, search_.kinds(builder, unit.pipelines, stop)};
  double least = endless;
  if (stop()) return least;
  for (const SiteGroup& group : search_.groups_)
    if (group.step_apart() == unit.apart)
      least = std::min(least,
                       choice_of_any(kinds, unit, bundles, group, wish, stop).bound(wish.target()));
  return least;
}

/// Branch and bound over the numbers of bundles, few before many: they wait least for each other.
void FrugalSearch::look(const Search::Unit& unit, ReplicaRange bundles, const Stop& stop,
                        Wish& wish) const {
  if (stop() || wish.is_granted()) return;
  const KindBuilder builder = search_.builder_for(unit, bundles);
  const BuiltKinds kinds{builder, search_.kinds(builder, unit.pipelines, stop)};
  if (stop()) return;
  bool possible = false;
  for (const SiteGroup& group : search_.groups_) {
    if (group.step_apart()) continue;
    const FrugalChoice among = choice_of_any(kinds, unit, bundles, group, wish, stop);
    if (!bundles.is_one()) {
      possible = possible || among.may_be_below(wish.score);
      continue;
    }
    const FrugalFound found = among.below(wish.score);
    wish.is_best &= found.is_best;
    if (!found.plan) continue;
    wish.score = found.plan->score;
    wish.plan = search_.plan_of(found.plan->work, group, search_.everywhere(kinds.builder));
  }
  if (!possible) return;
  const std::uint32_t middle = (bundles.least + bundles.most) / 2;
  look(unit, {bundles.least, middle}, stop, wish);
  look(unit, {middle + 1, bundles.most}, stop, wish);
}

/// Where a site's kinds go by its own number of bundles.
void FrugalSearch::look_apart(const Search::Unit& unit, const Stop& stop, Wish& wish) const {
  ApartKinds kinds{search_, unit, stop};
  for (const SiteGroup& group : search_.groups_) {
    if (!group.step_apart() || wish.is_granted()) continue;
    std::vector<Offers> of_site(group.sites.size());
    const OffersOf offers_of = [&](const CountedSite& at) -> const auto& {
      const auto [least, most] = at.bundles;
      auto& known = of_site[at.site];
      const auto found = known.find({least, most});
      if (found != known.end()) return found->second;
      auto some = offers(kinds.of(at.bundles), group, at.site, wish.thrift, at.bundles.is_one());
      for (Offer& offer : some) offer.bundles = at.bundles;
      return known.emplace(std::pair{least, most}, std::move(some)).first->second;
    };
    std::vector<CountedSite> sites;
    for (std::uint32_t site = 0; site < group.sites.size(); ++site)
      sites.push_back({site, {1, unit.bundles.most}});
    const FrugalFound found =
        choice(offers_of, std::move(sites), kinds.builder({1, unit.bundles.most}), unit,
               unit.bundles, group, wish, stop)
            .below(wish.score);
    wish.is_best &= found.is_best;
    if (!found.plan) continue;
    const SharedWork& work = found.plan->work;
    wish.score = found.plan->score;
    wish.plan = search_.plan_of(work, group, kinds.builders(work.groups, group));
  }
}

FrugalChoice FrugalSearch::choice_of_any(const BuiltKinds& kinds, const Search::Unit& unit,
                                         ReplicaRange bundles, const SiteGroup& group,
                                         const Wish& wish, const Stop& stop) const {
  std::vector<CountedSite> sites;
  std::vector<std::vector<Offer>> of_site;
  for (std::uint32_t site = 0; site < group.sites.size(); ++site) {
    of_site.push_back(offers(kinds, group, site, wish.thrift, bundles.is_one()));
    sites.push_back({site});
  }
  auto offers_of = [all = std::move(of_site)](const CountedSite& at) -> const auto& {
    return all[at.site];
  };
  return choice(std::move(offers_of), std::move(sites), kinds.builder, unit, bundles, group, wish,
                stop);
}

FrugalChoice FrugalSearch::choice(OffersOf offers, std::vector<CountedSite> sites,
                                  const KindBuilder& builder, const Search::Unit& unit,
                                  ReplicaRange bundles, const SiteGroup& group, const Wish& wish,
                                  const Stop& stop) const {
  const Method& how = search_.methods_[unit.method].method;
  std::vector<SiteRoom> rooms;
  for (const std::uint32_t site : group.sites)
    rooms.push_back(rooms_of(search_.devices_[site], builder.widths(), unit.bundle));
  const Seconds fixed = builder.fixed();
  return {std::move(offers),
          std::move(sites),
          {bundles, unit.bundle, search_.micro_batches(how), group.sites_max,
           step_limits(group, wish.limits), wish.which, wish.open},
          std::move(rooms),
          [&group, fixed](Seconds replicas_done) { return group.after(replicas_done + fixed); },
          stop};
}

std::vector<Offer> FrugalSearch::offers(const BuiltKinds& kinds, const SiteGroup& group,
                                        std::uint32_t here, Thrift thrift, bool whole) const {
  std::vector<Offer> offers;
  const std::uint32_t site = group.sites[here];
  const Watts limit = search_.fleet_.sites[site].supply.limit.value_or(Watts{endless});
  const auto add = [&](const ReplicaKind& kind) {
    const bool possible = std::ranges::all_of(kind.uses, [&](const TypeUse& use) {
      return use.devices <= search_.devices_[site][use.type];
    });
    if (!possible) return;
    Offer one = offer(kind, kinds.builder, site, thrift, whole);
    if (one.power > limit) return;
    one.site = here;
    offers.push_back(std::move(one));
  };
  for (const auto& pure : kinds.table.pure) std::ranges::for_each(pure, add);
  std::ranges::for_each(kinds.table.mixed, add);
  return offers;
}

Offer FrugalSearch::offer(const ReplicaKind& kind, const KindBuilder& builder, std::uint32_t site,
                          Thrift thrift, bool whole) const {
  const SiteSupply& supply = search_.fleet_.sites[site].supply;
  PipelineDraw draw = draw_of(kind.stages, kind.virtual_stages, builder, search_.fleet_);
  if (!whole) draw.step = {};
  Offer offer{.kind = &kind, .power = supply.pue * draw.most};
  if (const auto rent = rent_of(kind.stages, builder, search_.fleet_, site))
    offer.money = terms_of(draw, supply.pue, rent->value(), supply.price.value());
  switch (thrift) {
    case Thrift::money:
      offer.score = offer.money;
      break;
    case Thrift::energy:
      offer.score = terms_of(draw, supply.pue, 0, 1);
      break;
    case Thrift::carbon:
      offer.score = terms_of(draw, supply.pue, 0, *supply.carbon);
      break;
    case Thrift::power:
      offer.score.step = offer.power.value();
      break;
  }
  return offer;
}

StepLimits FrugalSearch::step_limits(const SiteGroup& group, const ThriftLimits& limits) const {
  const double steps_of_job = steps(search_.job_);
  StepLimits step{.time = limits.duration / steps_of_job,
                  .money = limits.money.value() / steps_of_job,
                  .power = limits.power};
  if (limits.money.value() >= endless) step.money = endless;
  for (const std::uint32_t site : group.sites)
    step.site_power.push_back(search_.fleet_.sites[site].supply.limit.value_or(Watts{endless}));
  return step;
}

}  // namespace axs::plan
