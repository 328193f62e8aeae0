#include "axs/plan/frugal_choice.h"

#include <algorithm>
#include <cmath>

#include "axs/plan/frugal_program.h"

namespace axs::plan {

namespace {

/// How often spans of time are halved before a range of replicas is looked at more closely.
constexpr int depth_max = 7;
constexpr double precise = 1e-12;
/// Spans that are wider have sets of replicas that need not go together.
constexpr double wide = 1.05;

}  // namespace

FrugalChoice::FrugalChoice(std::vector<Offer> offers, const ReplicaDemand& demand,
                           std::vector<SiteRoom> sites, StepLimits limits,
                           std::function<Seconds(Seconds)> step_time)
    : offers_{std::move(offers)},
      demand_{demand},
      sites_{std::move(sites)},
      limits_{std::move(limits)},
      step_time_{std::move(step_time)},
      wanted_{static_cast<double>(demand.micro_batches) / demand.bundle},
      most_{static_cast<std::int64_t>(std::ceil(wanted_))} {
  limits_.site_power.resize(sites_.size(), Watts{endless});
}

/// From the quickest replica's only micro-batch to the slowest one's all.
FrugalChoice::Span FrugalChoice::span() const {
  Span span{Seconds{endless}, Seconds{}};
  for (const Offer& offer : offers_) {
    span.low = std::min(span.low, offer.kind->fill);
    span.high = std::max(span.high, offer.kind->end(most_));
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

/// What offers are in a span. A replica does no more micro-batches than whole ones at its end; if
/// these are more than at its beginning, no more than parts of them count in between. The exchange
/// of sites is hidden best by the longest step.
std::vector<BundleItem> FrugalChoice::items_of(Span span) const {
  std::vector<BundleItem> items;
  const double bundle = demand_.bundle;
  const Seconds exposed = step_time_(span.high) - span.high;
  for (const Offer& offer : offers_) {
    const std::int64_t most = offer.kind->capacity(span.high, most_);
    if (most == 0) continue;
    const auto whole = static_cast<double>(most);
    const auto parts = [&](Seconds time) {
      return 1 + (time - offer.kind->fill) / offer.kind->bottleneck;
    };
    const bool is_level = offer.kind->end(most) <= span.low;
    items.push_back(
        {.offer = &offer,
         .score = {bundle * offer.score.of(span.low + exposed, 0),
                   bundle * offer.score.of(span.high + exposed, 0)},
         .capacity = is_level ? Ends{whole, whole} : Ends{parts(span.low), parts(span.high)},
         .most = most,
         .micro_batch = bundle * offer.score.micro_batch,
         .money = bundle * offer.money.of(span.low + exposed, 0),
         .money_of_micro_batch = bundle * offer.money.micro_batch,
         .power = bundle * offer.power});
  }
  return items;
}

/// Whether it is below says the bound.
double FrugalChoice::bound(Span span, std::uint32_t least, double below) const {
  return FrugalPrices{items_of(span), sites_, {least, demand_.bundles}, wanted_, below}.bound();
}

bool FrugalChoice::may_be_below(double score, std::uint32_t least) const {
  return !offers_.empty() && may_be_below(score, least, span(), depth_max);
}

bool FrugalChoice::may_be_below(double score, std::uint32_t least, Span span, int depth) const {
  const double target = score * (1 - close_enough);
  if (span.low > span.high || bound(span, least, target) >= target) return false;
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
  if (span.low > span.high) return;
  auto items = items_of(span);
  const ReplicaRange bundles{demand_.bundles, demand_.bundles};
  const FrugalPrices prices{items, sites_, bundles, wanted_, target()};
  if (prices.bound() >= target()) return;
  const Seconds middle{std::sqrt(span.low.value() * span.high.value())};
  const auto halve = [&] {
    look({middle, span.high}, ceiling, best);
    look({span.low, middle}, ceiling, best);
  };
  if (span.high > wide * span.low) return halve();
  std::erase_if(items, [&](const auto& item) { return prices.bound_with(item) >= target(); });
  for (BundleItem& item : items) item = item.at_best();
  const FrugalPrices at_best{items, sites_, bundles, wanted_, target()};
  if (at_best.bound() >= target()) return;
  FrugalProgram program{std::move(items), at_best, sites_,  limits_,
                        demand_.bundles,  wanted_, target()};
  auto choice = program.best();
  if (!choice) return;
  if (auto plan = shared(choice->chosen, span.high); plan && plan->score < ceiling) {
    ceiling = plan->score;
    best = std::move(plan);
  }
  if (choice->score >= target() || span.high - span.low <= precise * span.high) return;
  halve();
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
