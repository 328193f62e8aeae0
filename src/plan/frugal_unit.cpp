#include "axs/plan/frugal_unit.h"

#include <algorithm>

#include "axs/plan/rounding.h"
#include "axs/plan/step_energy.h"

namespace axs::plan {

namespace {

/// With `for_time` for each second and `for_energy` for each joule of the site's meter.
ReplicaTerms terms_of(const PipelineDraw& draw, double pue, double for_time, double for_energy) {
  const double joule = pue * for_energy;
  return {.second = for_time + joule * draw.waiting.value(),
          .micro_batch = joule * draw.micro_batch.value(),
          .step = joule * draw.step.value()};
}

template <class Function>
void for_each_kind(const KindTable& table, const Function& function) {
  for (const auto& pure : table.pure) std::ranges::for_each(pure, function);
  std::ranges::for_each(table.mixed, function);
}

}  // namespace

bool is_within(const TrainingPlan& plan, const ThriftLimits& limits, const Fleet& fleet) {
  const bool bounded = limits.money.value() < endless;
  if (plan.duration > limits.duration || plan.cost.power > limits.power) return false;
  if (bounded && (!plan.cost.money || *plan.cost.money > limits.money)) return false;
  const std::vector<Watts> power = site_power(plan, fleet);
  for (std::size_t site = 0; site < power.size(); ++site) {
    const auto& limit = fleet.sites[site].supply.limit;
    if (limit && power[site] > *limit) return false;
  }
  return true;
}

double step_score(const TrainingPlan& plan, Thrift thrift, const Job& job) {
  const double steps_of_job = steps(job);
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

FrugalUnit::FrugalUnit(const Search& search, std::size_t unit, Thrift thrift, Seconds duration,
                       Stop stop)
    : search_{search},
      unit_{search.units_[unit]},
      thrift_{thrift},
      stop_{std::move(stop)},
      kinds_{search, unit_, limit_of(search, unit_, duration), stop_} {
  const std::vector<NodeWidths>& widths = search.methods_[unit_.method].builder.widths();
  for (const SiteDevices& site : search.devices_)
    rooms_.push_back(rooms_of(site, widths, unit_.bundle));
}

/// No replica takes longer.
Seconds FrugalUnit::limit_of(const Search& search, const Search::Unit& unit, Seconds duration) {
  const Seconds step = duration / steps(search.job_) * (1 + rounding);
  const Seconds fixed = search.methods_[unit.method].builder.fixed();
  Seconds limit{};
  for (const SiteGroup& group : search.groups_)
    if (group.step_apart() == unit.apart) limit = std::max(limit, group.step_within(step) - fixed);
  return std::min(limit, no_limit);
}

double FrugalUnit::bound(const FrugalWish& wish) {
  const bool spans = unit_.pipelines == Search::Pipelines::spanning;
  const double least = spans ? bound_across() : bound_at_sites(wish);
  return stop_() ? endless : least;
}

double FrugalUnit::bound_at_sites(const FrugalWish& wish) {
  const ReplicaRange bundles{unit_.apart ? 1 : unit_.bundles.least, unit_.bundles.most};
  double least = endless;
  for (const SiteGroup& group : search_.groups_)
    if (group.step_apart() == unit_.apart && !stop_())
      least = std::min(least, choice_of_any(bundles, group, wish).bound(wish.target()));
  return least;
}

void FrugalUnit::look(FrugalWish& wish) {
  if (unit_.pipelines == Search::Pipelines::spanning)
    look_across(wish);
  else if (unit_.apart)
    look_apart(wish);
  else
    look_at(unit_.bundles, wish);
}

/// Branch and bound over the numbers of bundles, few before many: they wait least for each other.
void FrugalUnit::look_at(ReplicaRange bundles, FrugalWish& wish) {
  if (stop_() || wish.is_granted()) return;
  bool possible = false;
  for (const SiteGroup& group : search_.groups_) {
    if (group.step_apart() || wish.is_granted()) continue;
    const FrugalChoice among = choice_of_any(bundles, group, wish);
    if (stop_()) return;
    if (!bundles.is_one())
      possible = possible || among.bound(wish.target()) < wish.target();
    else
      keep(among.below(wish.score), bundles, group, wish);
  }
  if (!possible) return;
  const std::uint32_t middle = (bundles.least + bundles.most) / 2;
  look_at({bundles.least, middle}, wish);
  look_at({middle + 1, bundles.most}, wish);
}

/// Where a site's kinds go by its own number of bundles.
void FrugalUnit::look_apart(FrugalWish& wish) {
  const OffersOf offers_of = [this](const CountedSite& at) -> const auto& {
    return offers(at, at.bundles);
  };
  for (const SiteGroup& group : search_.groups_) {
    if (!group.step_apart() || wish.is_granted()) continue;
    std::vector<CountedSite> sites;
    for (const std::uint32_t site : group.sites) sites.push_back({site, {1, unit_.bundles.most}});
    keep(choice(offers_of, std::move(sites), unit_.bundles, group, wish).below(wish.score),
         unit_.bundles, group, wish);
  }
}

/// While they wait.
SpanningPipelines::Scores FrugalUnit::least_scores() const {
  const Fleet& fleet = search_.fleet_;
  SpanningPipelines::Scores scores(fleet.sites.size());
  for (std::uint32_t site = 0; site < scores.size(); ++site) {
    scores[site].resize(fleet.types.size());
    for (std::uint32_t type = 0; type < fleet.types.size(); ++type) {
      if (search_.devices_[site][type] == 0) continue;
      const DeviceDraw device = draw_of(fleet.types[type].accelerator);
      scores[site][type] = score_of({.waiting = device.waiting, .most = device.most},
                                    price_of(fleet, site, type), fleet.sites[site].supply);
    }
  }
  return scores;
}

double FrugalUnit::bound_across() const {
  const KindBuilder& any = search_.methods_[unit_.method].builder;
  const auto scores = least_scores();
  double least = endless;
  for (std::uint32_t n = unit_.bundles.least; n <= unit_.bundles.most && !stop_(); ++n) {
    const KindBuilder builder = any.with({n, n}, {});
    least = std::min(
        least, SpanningPipelines{search_.job_, search_.fleet_, search_.devices_, builder, n, scores}
                   .least_score());
  }
  return least;
}

void FrugalUnit::look_across(FrugalWish& wish) {
  const KindBuilder& any = search_.methods_[unit_.method].builder;
  const Seconds step = wish.limits.duration / steps(search_.job_) * (1 + rounding);
  const auto scores = least_scores();
  for (std::uint32_t n = unit_.bundles.least; n <= unit_.bundles.most; ++n) {
    if (stop_() || wish.is_granted()) return;
    const KindBuilder builder = any.with({n, n}, {});
    const SpanningPipelines pipelines{search_.job_, search_.fleet_, search_.devices_, builder, n,
                                      scores};
    pipelines.for_each(
        {step - builder.fixed(), wish.target()},
        [&](const SpanningPipelines::Found& found, SpanningPipelines::Reach& reach) {
          keep(search_.plan_across(pipelines.shared(found), builder), wish);
          reach.score = wish.is_granted() ? -1 : wish.target();  // Nothing scores that.
        },
        stop_);
  }
}

/// If it is better than what is known.
void FrugalUnit::keep(TrainingPlan plan, FrugalWish& wish) const {
  const double score = step_score(plan, thrift_, search_.job_);
  if (score >= wish.target() || !is_within(plan, wish.limits, search_.fleet_)) return;
  wish.score = score;
  wish.plan = std::move(plan);
}

void FrugalUnit::keep(const FrugalFound& found, ReplicaRange bundles, const SiteGroup& group,
                      FrugalWish& wish) {
  wish.is_best &= found.is_best;
  if (!found.plan) return;
  SharedWork work = found.plan->work;
  for (ReplicaGroup& replicas : work.groups)
    replicas.site = static_cast<std::uint32_t>(std::ranges::find(group.sites, replicas.site) -
                                               group.sites.begin());
  const BuilderOfSite builders = unit_.apart ? kinds_.builders(work.groups, group)
                                             : search_.everywhere(kinds_.builder(bundles));
  wish.score = found.plan->score;
  wish.plan = search_.plan_of(work, group, builders);
}

FrugalChoice FrugalUnit::choice_of_any(ReplicaRange bundles, const SiteGroup& group,
                                       const FrugalWish& wish) {
  std::vector<CountedSite> sites;
  for (const std::uint32_t site : group.sites) sites.push_back({site});
  const OffersOf offers_of = [this, bundles](const CountedSite& at) -> const auto& {
    return offers(at, bundles);
  };
  return choice(offers_of, std::move(sites), bundles, group, wish);
}

FrugalChoice FrugalUnit::choice(OffersOf offers, std::vector<CountedSite> sites,
                                ReplicaRange bundles, const SiteGroup& group,
                                const FrugalWish& wish) {
  const Search::BoundedMethod& method = search_.methods_[unit_.method];
  const Seconds fixed = method.builder.fixed();
  return {std::move(offers),
          std::move(sites),
          {bundles, unit_.bundle, search_.micro_batches(method.method), group.sites_max,
           step_limits(wish.limits), wish.which, wish.open},
          rooms_,
          [&group, fixed](Seconds replicas_done) { return group.after(replicas_done + fixed); },
          stop_};
}

const std::vector<Offer>& FrugalUnit::offers(const CountedSite& at, ReplicaRange bundles) {
  const std::tuple key{at.site, at.bundles.least, at.bundles.most, bundles.least, bundles.most};
  const auto known = offers_.find(key);
  if (known != offers_.end()) return known->second;
  return offers_.emplace(key, offers_of(at, bundles)).first->second;
}

std::vector<Offer> FrugalUnit::offers_of(const CountedSite& at, ReplicaRange bundles) {
  std::multimap<std::pair<std::size_t, std::uint32_t>, Offer> offers;  // As they come where alike.
  const BuiltKinds& kinds = kinds_.of(bundles);
  const Watts limit = search_.fleet_.sites[at.site].supply.limit.value_or(Watts{endless});
  auto draw = draws(bundles).begin();
  for_each_kind(kinds.table, [&](const ReplicaKind& kind) {
    const PipelineDraw& drawn = *draw++;
    const bool possible = std::ranges::all_of(kind.uses, [&](const TypeUse& use) {
      return use.devices <= search_.devices_[at.site][use.type];
    });
    if (!possible) return;
    Offer one = offer(kind, kinds.builder, drawn, at);
    if (one.power <= limit) offers.emplace(one.order(), one);
  });
  std::vector<Offer> in_order;
  for (const auto& [order, one] : offers) in_order.push_back(one);
  return in_order;
}

const std::vector<PipelineDraw>& FrugalUnit::draws(ReplicaRange bundles) {
  std::vector<PipelineDraw>& draws = draws_[{bundles.least, bundles.most}];
  if (!draws.empty()) return draws;
  const BuiltKinds& kinds = kinds_.of(bundles);
  for_each_kind(kinds.table, [&](const ReplicaKind& kind) {
    draws.push_back(draw_of(kind.stages, kind.virtual_stages, kinds.builder, search_.fleet_));
    if (!bundles.is_one()) draws.back().step = {};
  });
  return draws;
}

Offer FrugalUnit::offer(const ReplicaKind& kind, const KindBuilder& builder,
                        const PipelineDraw& draw, const CountedSite& at) const {
  const SiteSupply& supply = search_.fleet_.sites[at.site].supply;
  const auto rent = rent_of(kind.stages, builder.method().context, search_.fleet_, at.site);
  Offer offer = Offer::of(kind, at.site, at.bundles);
  offer.power = supply.pue * draw.most;
  offer.money = money_of(draw, rent, supply);
  offer.score = score_of(draw, rent, supply);
  return offer;
}

/// At a site. What has no price costs nothing.
ReplicaTerms FrugalUnit::money_of(const PipelineDraw& draw, std::optional<DollarsPerSecond> rent,
                                  const SiteSupply& supply) {
  return rent ? terms_of(draw, supply.pue, rent->value(), supply.price.value()) : ReplicaTerms{};
}

ReplicaTerms FrugalUnit::score_of(const PipelineDraw& draw, std::optional<DollarsPerSecond> rent,
                                  const SiteSupply& supply) const {
  switch (thrift_) {
    case Thrift::money:
      return money_of(draw, rent, supply);
    case Thrift::energy:
      return terms_of(draw, supply.pue, 0, 1);
    case Thrift::carbon:
      return terms_of(draw, supply.pue, 0, *supply.carbon);
    case Thrift::power:
      break;
  }
  return {.step = supply.pue * draw.most.value()};
}

StepLimits FrugalUnit::step_limits(const ThriftLimits& limits) const {
  const double steps_of_job = steps(search_.job_);
  StepLimits step{.time = limits.duration / steps_of_job,
                  .money = limits.money.value() / steps_of_job,
                  .power = limits.power};
  if (limits.money.value() >= endless) step.money = endless;
  for (const FleetSite& site : search_.fleet_.sites)
    step.site_power.push_back(site.supply.limit.value_or(Watts{endless}));
  return step;
}

}  // namespace axs::plan
