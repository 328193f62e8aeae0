#include "axs/plan/frugal_search.h"

#include <algorithm>
#include <limits>

#include "axs/plan/plan_cost.h"

namespace axs::plan {

namespace {

/// More bundles of a site that steps apart than this come in steps of a quarter.
constexpr std::uint32_t every_count_until = 8;
/// Sites that step apart have no more bundles than this together.
constexpr std::uint32_t apart_bundles_max = 64;

/// How many bundles a site that steps apart may have, few before many. It depends on nothing but
/// `most`, so that more devices only ever add choices.
std::vector<std::uint32_t> apart_counts(std::uint32_t most) {
  std::vector<std::uint32_t> counts;
  std::uint32_t step = 1;
  for (std::uint32_t count = 1; count <= most; count += step) {
    counts.push_back(count);
    if (count % (every_count_until * step) == 0) step *= 2;
  }
  return counts;
}

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
                                               const std::optional<TrainingPlan>& known,
                                               const Watch& watch) const {
  Wish wish{thrift, limits, highest_score(thrift, limits), std::nullopt};
  if (known && is_within(*known, limits)) {
    wish.score = step_score(*known, thrift);
    wish.plan = known;
  }
  for (std::size_t unit = 0; unit < search_.units(); ++unit) {
    if (search_.units_[unit].pipelines == Search::Pipelines::spanning) continue;
    const double share = static_cast<double>(unit) / static_cast<double>(search_.units());
    const Stop stop = [&] { return !watch(share); };
    Search::Unit looked_at = search_.units_[unit];
    if (looked_at.apart) {
      looked_at.bundles.most = std::min(looked_at.bundles.most, apart_bundles_max);
      ApartOffers apart{ApartKinds{search_, looked_at, stop}};
      look_apart(apart, looked_at, looked_at.bundles, stop, wish);
    } else {
      look(looked_at, looked_at.bundles, stop, wish);
    }
  }
  return std::move(wish.plan);
}

/// Branch and bound over the numbers of bundles, few before many: they wait least for each other.
void FrugalSearch::look(const Search::Unit& unit, ReplicaRange bundles, const Stop& stop,
                        Wish& wish) const {
  if (stop()) return;
  const KindBuilder builder = search_.builder_for(unit, bundles);
  const BuiltKinds kinds{builder, search_.kinds(builder, unit.pipelines, stop)};
  if (stop()) return;
  bool possible = false;
  for (const SiteGroup& group : search_.groups_) {
    if (group.step_apart()) continue;
    const FrugalChoice among = choice(offers(kinds, group, wish.thrift, bundles.is_one()), kinds,
                                      unit, bundles, group, wish);
    if (!bundles.is_one()) {
      possible = possible || among.may_be_below(wish.score, bundles.least);
      continue;
    }
    const auto found = among.below(wish.score);
    if (!found) continue;
    wish.score = found->score;
    wish.plan = search_.plan_of(found->work, group, search_.everywhere(kinds.builder));
  }
  if (!possible) return;
  const std::uint32_t middle = (bundles.least + bundles.most) / 2;
  look(unit, {bundles.least, middle}, stop, wish);
  look(unit, {middle + 1, bundles.most}, stop, wish);
}

/// The same where a site's kinds go by its own number of bundles.
void FrugalSearch::look_apart(ApartOffers& known, const Search::Unit& unit, ReplicaRange bundles,
                              const Stop& stop, Wish& wish) const {
  if (stop()) return;
  bool possible = false;
  for (const SiteGroup& group : search_.groups_) {
    // The program cannot count sites.
    if (!group.step_apart() || group.sites_max < group.sites.size()) continue;
    const BuiltKinds& any = known.kinds.of({1, unit.bundles.most});
    auto& bounds = known.bounds[&group];
    if (bounds.empty()) bounds = offers(any, group, wish.thrift, false);
    if (!choice(bounds, any, unit, bundles, group, wish).may_be_below(wish.score, bundles.least))
      continue;
    possible = true;
    if (!bundles.is_one()) continue;
    const auto found = choice(apart_offers(known, unit, bundles, group, wish.thrift), any, unit,
                              bundles, group, wish)
                           .below(wish.score);
    if (!found) continue;
    wish.score = found->score;
    wish.plan =
        search_.plan_of(found->work, group, known.kinds.builders(found->work.groups, group));
  }
  if (!possible || bundles.is_one()) return;
  const std::uint32_t middle = (bundles.least + bundles.most) / 2;
  look_apart(known, unit, {bundles.least, middle}, stop, wish);
  look_apart(known, unit, {middle + 1, bundles.most}, stop, wish);
}

/// Of the numbers of bundles that a site may have if all have so many together.
std::vector<Offer> FrugalSearch::apart_offers(ApartOffers& known, const Search::Unit& unit,
                                              ReplicaRange bundles, const SiteGroup& group,
                                              Thrift thrift) const {
  std::vector<Offer>& all = known.whole[&group];
  if (all.empty())
    for (const std::uint32_t count : apart_counts(unit.bundles.most))
      for (Offer& offer : offers(known.kinds.of({count, count}), group, thrift, true)) {
        offer.bundles = count;
        all.push_back(std::move(offer));
      }
  std::vector<Offer> some;
  for (const Offer& offer : all)
    if (offer.bundles <= bundles.most) some.push_back(offer);
  return some;
}

FrugalChoice FrugalSearch::choice(std::vector<Offer> offers, const BuiltKinds& kinds,
                                  const Search::Unit& unit, ReplicaRange bundles,
                                  const SiteGroup& group, const Wish& wish) const {
  const Method& how = search_.methods_[unit.method].method;
  std::vector<SiteRoom> sites;
  for (const std::uint32_t site : group.sites)
    sites.push_back(rooms_of(search_.devices_[site], kinds.table.widths, unit.bundle));
  const Seconds fixed = kinds.builder.fixed();
  return {std::move(offers),
          {bundles.most, unit.bundle, search_.micro_batches(how)},
          std::move(sites),
          step_limits(group, wish.limits),
          [&group, fixed](Seconds replicas_done) { return group.after(replicas_done + fixed); }};
}

std::vector<Offer> FrugalSearch::offers(const BuiltKinds& kinds, const SiteGroup& group,
                                        Thrift thrift, bool whole) const {
  std::vector<Offer> offers;
  for (std::uint32_t i = 0; i < group.sites.size(); ++i) {
    const std::uint32_t site = group.sites[i];
    const auto add = [&](const ReplicaKind& kind) {
      const bool possible = std::ranges::all_of(kind.uses, [&](const TypeUse& use) {
        return use.devices <= search_.devices_[site][use.type];
      });
      if (!possible) return;
      Offer one = offer(kind, kinds.builder, site, thrift, whole);
      if (one.power > search_.fleet_.sites[site].supply.limit.value_or(Watts{endless})) return;
      one.site = i;
      offers.push_back(std::move(one));
    };
    for (const auto& pure : kinds.table.pure) std::ranges::for_each(pure, add);
    std::ranges::for_each(kinds.table.mixed, add);
  }
  return offers;
}

Offer FrugalSearch::offer(const ReplicaKind& kind, const KindBuilder& builder, std::uint32_t site,
                          Thrift thrift, bool whole) const {
  const SiteSupply& supply = search_.fleet_.sites[site].supply;
  PipelineDraw draw = draw_of(kind.stages, builder, search_.fleet_);
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
