#include "axs/plan/frugal_choice.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "axs/plan/frugal_program.h"

namespace axs::plan {

namespace {

/// How often spans of time are halved before a range of replicas is looked at more closely.
constexpr int depth_max = 7;
constexpr double precise = 1e-12;

/// Devices of a type at a site, if they were used without rounding.
struct Source {
  double unit_score = endless;
  double most = 0;  ///< micro-batches
};

/// The least score of so many micro-batches.
double drawn_from(std::vector<Source> sources, double wanted) {
  std::ranges::sort(sources, {}, &Source::unit_score);
  double score = 0;
  for (const Source& source : sources) {
    const double mine = std::min(wanted, source.most);
    score += mine * source.unit_score;
    wanted -= mine;
    if (wanted <= 0) return score;
  }
  // Half a micro-batch more or less is rounding.
  return wanted < 0.5 ? score : endless;
}

}  // namespace

FrugalChoice::FrugalChoice(std::vector<Offer> offers, const ReplicaDemand& demand,
                           std::vector<SiteRoom> sites, StepLimits limits,
                           std::function<Seconds(Seconds)> step_time)
    : offers_{std::move(offers)},
      demand_{demand},
      sites_{std::move(sites)},
      limits_{std::move(limits)},
      step_time_{std::move(step_time)},
      wanted_{(demand.micro_batches + demand.bundle - 1) / demand.bundle} {
  limits_.site_power.resize(sites_.size(), Watts{endless});
}

/// From the quickest replica's only micro-batch to the slowest one's all.
FrugalChoice::Span FrugalChoice::span() const {
  Span span{Seconds{endless}, Seconds{}};
  for (const Offer& offer : offers_) {
    span.low = std::min(span.low, offer.kind->fill);
    span.high = std::max(span.high, offer.kind->end(wanted_));
  }
  if (step_time_(span.high) <= limits_.time) return span;
  Seconds kept = span.low, over = span.high;
  while (over - kept > precise * over) {
    const Seconds middle = 0.5 * (kept + over);
    (step_time_(middle) <= limits_.time ? kept : over) = middle;
  }
  span.high = step_time_(kept) <= limits_.time ? kept : Seconds{};
  return span;
}

namespace {

/// What offers are within `limit` at best, if the step takes `least`.
std::vector<BundleItem> items_of(const std::vector<Offer>& offers, const ReplicaDemand& demand,
                                 std::int64_t wanted, Seconds limit, Seconds least) {
  std::vector<BundleItem> items;
  const double bundle = demand.bundle;
  // Of the last micro-batch that all replicas could do, some need not.
  const double work = static_cast<double>(demand.micro_batches) / static_cast<double>(wanted);
  for (const Offer& offer : offers)
    if (const std::int64_t most = offer.kind->capacity(limit, wanted); most > 0)
      items.push_back({.offer = &offer,
                       .most = most,
                       .score = bundle * offer.score.of(least, 0),
                       .micro_batch = work * offer.score.micro_batch,
                       .money = bundle * offer.money.of(least, 0),
                       .money_of_micro_batch = work * offer.money.micro_batch,
                       .power = bundle * offer.power});
  return items;
}

}  // namespace

double FrugalChoice::bound(Span span, std::uint32_t least) const {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Source> sources;
  double bundle = endless;
  Source mixed{endless, endless};
  for (const BundleItem& item :
       items_of(offers_, demand_, wanted_, span.high, step_time_(span.low))) {
    bundle = std::min(bundle, item.score + item.micro_batch);
    const Offer& offer = *item.offer;
    const std::uint32_t type = offer.kind->uses.front().type;
    Source& source = offer.kind->uses.size() > 1 ? mixed : sources[std::pair{offer.site, type}];
    source.unit_score = std::min(source.unit_score, item.unit_score());
    const double density = static_cast<double>(item.most) / offer.kind->devices();
    source.most = std::max(source.most, density * sites_[offer.site][type].devices());
  }
  std::vector<Source> all;
  if (mixed.unit_score < endless) all.push_back(mixed);
  for (const auto& [place, source] : sources) all.push_back(source);
  if (all.empty()) return endless;
  return std::max(drawn_from(std::move(all), static_cast<double>(wanted_)), least * bundle);
}

bool FrugalChoice::may_be_below(double score, std::uint32_t least) const {
  return !offers_.empty() && may_be_below(score, least, span(), depth_max);
}

bool FrugalChoice::may_be_below(double score, std::uint32_t least, Span span, int depth) const {
  if (span.low > span.high || bound(span, least) >= score * (1 - close_enough)) return false;
  if (depth == 0) return true;
  const Seconds middle{std::sqrt(span.low.value() * span.high.value())};
  return may_be_below(score, least, {middle, span.high}, depth - 1) ||
         may_be_below(score, least, {span.low, middle}, depth - 1);
}

std::optional<FrugalPlan> FrugalChoice::below(double score) const {
  std::optional<FrugalPlan> best;
  if (!offers_.empty()) look(span(), score, best);
  return best;
}

void FrugalChoice::look(Span span, double& ceiling, std::optional<FrugalPlan>& best) const {
  const auto target = [&] { return ceiling * (1 - close_enough); };
  if (span.low > span.high || bound(span, demand_.bundles) >= target()) return;
  FrugalProgram program{items_of(offers_, demand_, wanted_, span.high, step_time_(span.low)),
                        sites_, limits_};
  auto choice = program.best(demand_.bundles, wanted_, target());
  if (!choice) return;
  if (auto plan = shared(choice->chosen, span.high); plan && plan->score < ceiling) {
    ceiling = plan->score;
    best = std::move(plan);
  }
  if (choice->score >= target() || span.high - span.low <= precise * span.high) return;
  const Seconds middle{std::sqrt(span.low.value() * span.high.value())};
  look({middle, span.high}, ceiling, best);
  look({span.low, middle}, ceiling, best);
}

const Offer& FrugalChoice::offer_of(const ChosenReplicas& chosen) const {
  return *std::ranges::find_if(offers_, [&](const Offer& offer) {
    return offer.site == chosen.site && offer.kind == chosen.kind;
  });
}

/// Replicas whose micro-batches are dear do less. Nothing if it costs too much.
std::optional<FrugalPlan> FrugalChoice::shared(std::vector<ChosenReplicas> chosen,
                                               Seconds within) const {
  std::ranges::sort(chosen, [&](const ChosenReplicas& a, const ChosenReplicas& b) {
    const auto key = [&](const ChosenReplicas& c) {
      const Offer& offer = offer_of(c);
      return std::pair{-offer.score.micro_batch, &offer};
    };
    return key(a) < key(b);
  });
  const auto is_enough = [&](Seconds limit) {
    std::int64_t done = 0;
    for (const ChosenReplicas& c : chosen) {
      const std::int64_t most = c.kind->capacity(limit, demand_.micro_batches);
      if (most == 0) return false;
      done += std::int64_t{c.bundles} * demand_.bundle * most;
    }
    return done >= demand_.micro_batches;
  };
  Seconds low{}, high = within;
  while (high - low > precise * high) {
    const Seconds middle = 0.5 * (low + high);
    (is_enough(middle) ? high : low) = middle;
  }
  FrugalPlan plan{share_work(chosen, demand_, high)};
  const Seconds step = step_time_(plan.work.slowest);
  double money = 0;
  for (const ReplicaGroup& group : plan.work.groups)
    for (const ChosenReplicas& c : chosen)
      if (c.site == group.site && c.kind->stages == group.stages) {
        plan.score += group.replicas * offer_of(c).score.of(step, group.micro_batches);
        money += group.replicas * offer_of(c).money.of(step, group.micro_batches);
        break;
      }
  if (money > limits_.money) return std::nullopt;
  return plan;
}

}  // namespace axs::plan
