#include "axs/plan/frugal_choice.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "axs/plan/counted_kinds.h"
#include "axs/plan/frugal_program.h"

namespace axs::plan {

namespace {

constexpr double precise = 1e-12;
/// Kinds of a number of bundles than those of a range that has it, by far at most.
constexpr double slower = 1000;
/// Spans that are wider have sets of replicas that need not go together.
constexpr double wide = 1.05;

}  // namespace

Offer Offer::of(const ReplicaKind& kind, std::uint32_t site, ReplicaRange bundles) {
  return {.site = site,
          .bundles = bundles,
          .kind = &kind,
          .pool = kind.uses.size() > 1 ? mixed_pool : kind.uses.front().type,
          .devices = kind.devices()};
}

/// The beginning of the span, and its end.
std::array<FrugalChoice::Span, 2> FrugalChoice::Span::halves() const {
  const Seconds middle{std::sqrt(low.value() * high.value())};
  return {Span{low, middle, prices}, Span{middle, high, prices}};
}

FrugalChoice::FrugalChoice(OffersOf offers, std::vector<CountedSite> sites, FrugalDemand demand,
                           std::vector<SiteRoom> rooms, std::function<Seconds(Seconds)> step_time,
                           std::function<bool()> stop)
    : offers_{std::move(offers)},
      sites_{std::move(sites)},
      demand_{std::move(demand)},
      rooms_{std::move(rooms)},
      step_time_{std::move(step_time)},
      stop_{std::move(stop)},
      wanted_{static_cast<double>(demand_.micro_batches) / demand_.bundle},
      most_{static_cast<std::int64_t>(std::ceil(wanted_))} {
  demand_.limits.site_power.resize(rooms_.size(), Watts{endless});
}

/// From the quickest replica's only micro-batch to the slowest one's all. With the very kinds of a
/// number of bundles replicas may be slower than with those of a range: `longer` than these. Where
/// time costs nothing, the longest is as good as any.
FrugalChoice::Span FrugalChoice::span(double longer) const {
  Span span{Seconds{endless}, Seconds{}};
  bool is_free = demand_.limits.money >= endless;
  for (const CountedSite& at : sites_)
    for (const Offer& offer : offers_(at)) {
      span.low = std::min(span.low, offer.kind->fill);
      span.high = std::max(span.high, longer * offer.kind->end(most_));
      is_free = is_free && offer.score.second <= 0;
    }
  span.high = in_time(span);
  if (is_free && span.low < span.high) span.low = span.high;
  return span;
}

/// The longest of the span in which a step keeps its limit, or none.
Seconds FrugalChoice::in_time(Span span) const {
  const Seconds limit = demand_.limits.time;
  if (step_time_(span.high) <= limit) return span.high;
  while (span.high - span.low > precise * span.high) {
    const Seconds middle = 0.5 * (span.low + span.high);
    (step_time_(middle) <= limit ? span.low : span.high) = middle;
  }
  return step_time_(span.low) <= limit ? span.low : Seconds{};
}

FrugalChoice::Sites FrugalChoice::with_offers(const std::vector<CountedSite>& sites) const {
  Sites all;
  for (const CountedSite& at : sites) {
    OpenSite& open = all.emplace_back(OpenSite{at, {}});
    for (const Offer& offer : offers_(at)) open.offers.push_back(&offer);
  }
  return all;
}

/// Each range that is not exact in two, with all that these offer: other kinds.
FrugalChoice::Sites FrugalChoice::halved(const Sites& sites) const {
  Sites finer;
  for (const OpenSite& open : sites) {
    const auto [site, bundles] = open.at;
    if (!open.at.is_coarse()) {
      finer.push_back(open);
      continue;
    }
    const std::uint32_t middle = middle_of(bundles);
    std::ranges::move(
        with_offers({{site, {bundles.least, middle}}, {site, {middle + 1, bundles.most}}}),
        std::back_inserter(finer));
  }
  return finer;
}

/// Keeps what may be in a choice that scores less than `target`, in this span or a part of it.
void FrugalChoice::drop_useless(Items& items, Sites& sites, const FrugalPrices& prices,
                                double target) {
  std::erase_if(items, [&](const BundleItem& item) { return prices.bound_with(item) >= target; });
  auto item = items.begin();
  for (OpenSite& open : sites) {
    const std::vector<const Offer*> before = std::exchange(open.offers, {});
    for (; !before.empty() && item != items.end() && item->offer->is_as(*before.front()); ++item)
      open.offers.push_back(item->offer);
  }
  std::erase_if(sites, [](const OpenSite& open) { return open.offers.empty(); });
}

bool FrugalChoice::are_coarse(const Sites& sites) {
  return std::ranges::any_of(sites, &CountedSite::is_coarse, &OpenSite::at);
}

/// What is left of a span by its prices.
struct FrugalChoice::Narrowed {
  Items items;
  double bound;
};

/// Nothing if no choice scores less than `target`. Else keeps in `sites` what may be in one, and in
/// `span` the prices that said so.
std::optional<FrugalChoice::Narrowed> FrugalChoice::narrow(Sites& sites, Span& span,
                                                           double target) const {
  Items items = items_of(sites, span);
  const FrugalPrices prices = prices_of(items, span, target);
  if (prices.bound() >= target) return std::nullopt;
  span.prices = prices.prices();
  drop_useless(items, sites, prices, target);
  return Narrowed{std::move(items), prices.bound()};
}

/// What offers are in a span. A replica does no more micro-batches than whole ones at its end; if
/// these are far more than at its beginning, no more than parts of them count in between. The
/// exchange of sites is hidden best by the longest step.
FrugalChoice::Items FrugalChoice::items_of(const Sites& sites, Span span) const {
  Items items;
  const double bundle = demand_.bundle;
  const Seconds exposed = step_time_(span.high) - span.high;
  const auto add = [&](const Offer& offer) {
    const std::int64_t most = offer.kind->capacity(span.high, most_);
    if (most == 0) return;
    const auto whole = static_cast<double>(most);
    const auto parts = [&](Seconds time) {
      return 1 + (time - offer.kind->fill) / offer.kind->bottleneck;
    };
    // It does no more than either; of whole rounds there may be far fewer than of parts.
    const bool is_level = parts(span.low) + parts(span.high) >= 2 * whole;
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
  };
  for (const OpenSite& open : sites)
    for (const Offer* offer : open.offers) add(*offer);
  return items;
}

FrugalPrices FrugalChoice::prices_of(const Items& items, Span span, double enough) const {
  return {items, rooms_, demand_.limits, demand_.bundles, wanted_, enough, span.prices};
}

/// All times at once say little: a bundle is as cheap as the shortest step there and does as much
/// as the longest one lets it. So the part of them with the least bound is halved again and again.
double FrugalChoice::bound(double enough) const {
  constexpr int halvings = 16;
  struct Part {
    Sites sites;
    Span span;
  };
  std::multimap<double, Part> parts;  // By their bounds.
  const auto add = [&](Sites sites, Span part) {
    if (part.low > part.high) return;
    if (const auto left = narrow(sites, part, enough))
      parts.emplace(left->bound, Part{std::move(sites), part});
  };
  add(with_offers(sites_), span(slower));
  for (int i = 0; i < halvings && !parts.empty() && !stop_(); ++i) {
    if (const Span least = parts.begin()->second.span; least.low >= least.high) break;
    const auto [sites, part] = std::move(parts.extract(parts.begin()).mapped());
    for (const Span& half : part.halves()) add(sites, half);
  }
  return parts.empty() ? endless : parts.begin()->first;
}

FrugalFound FrugalChoice::below(double score) const {
  Found found{score, demand_.which};
  Sites sites = with_offers(sites_);
  const Span all = span(are_coarse(sites) ? slower : 1);
  look(std::move(sites), all, found);
  return {std::move(found.best), found.is_best && !stop_()};
}

/// Ranges are halved in a long span as long as that says much, so that it is not said again in each
/// part of the span.
void FrugalChoice::look(Sites sites, Span span, Found& found) const {
  constexpr double much = 0.01;
  if (span.low > span.high || stop_()) return;
  if (span.high <= wide * span.low) return look_closely(std::move(sites), span, found);
  double known = -endless;
  for (Sites finer = sites;; finer = halved(sites)) {
    Span priced = span;
    const auto left = narrow(finer, priced, found.target());
    if (!left) return;
    if (left->bound < known + much * std::abs(known)) break;
    known = left->bound;
    span = priced;
    sites = std::move(finer);
    if (!are_coarse(sites)) break;
  }
  look_at_halves(std::move(sites), span, found);
}

/// The end first: where time costs little, long steps cost least. If any plan will do, the
/// beginning first: what is found is then fast as well.
void FrugalChoice::look_at_halves(Sites sites, Span span, Found& found) const {
  auto [first, second] = span.halves();
  if (demand_.which == Which::least) std::swap(first, second);
  look(sites, first, found);
  look(std::move(sites), second, found);
}

/// Ranges are halved until none is left that may be in a better choice.
void FrugalChoice::look_closely(Sites sites, Span span, Found& found) const {
  for (;; sites = halved(sites)) {
    auto left = narrow(sites, span, found.target());
    if (!left || stop_()) return;
    if (are_coarse(sites)) continue;
    const double least = take_best(std::move(left->items), span, found);
    if (least >= found.target()) return;
    break;
  }
  if (span.high - span.low <= precise * span.high) return;
  look_at_halves(std::move(sites), span, found);
}

/// What no choice scores less than if seconds cost what they do at the beginning of the span, and
/// replicas do what they can at its end.
double FrugalChoice::take_best(Items items, Span span, Found& found) const {
  for (BundleItem& item : items) item = item.at_best();
  const FrugalPrices prices = prices_of(items, span, found.target());
  const BundleChoice choice = best_of(items, prices, found);
  if (!choice.chosen.empty()) take(choice, span, found);
  return choice.score;
}

/// What scores little more than the bound is looked for first: there are few such choices.
BundleChoice FrugalChoice::best_of(const Items& items, const FrugalPrices& prices,
                                   Found& found) const {
  constexpr double little = 0.01;
  const BundleDemand demand{demand_.bundles, demand_.sites_max, wanted_};
  const double target = found.target();
  for (const double ceiling : {std::min(target, (1 + little) * prices.bound()), target}) {
    if (prices.bound() >= ceiling || stop_()) continue;
    const FrugalProgram program{items, prices, rooms_, demand_.limits, demand, ceiling};
    BundleChoice choice = program.best(demand_.open, stop_);
    found.is_best &= choice.is_best;
    if (!choice.chosen.empty() || ceiling >= target) return choice;
  }
  return {};
}

/// With the shortest time in which the bundles can do all, or with the longest of the span, in
/// which those whose micro-batches are cheap do more.
void FrugalChoice::take(const BundleChoice& choice, Span span, Found& found) const {
  const Chosen chosen = by_cost(choice);
  for (const Seconds time : {shortest(chosen, span.high), span.high}) {
    auto plan = shared(chosen, time);
    if (!plan || plan->score >= found.ceiling) continue;
    found.ceiling = plan->score;
    found.best = std::move(plan);
  }
}

/// Those whose micro-batches are dear first: they do less.
FrugalChoice::Chosen FrugalChoice::by_cost(const BundleChoice& choice) {
  Chosen chosen = choice.chosen;
  std::ranges::sort(chosen, {}, [](const auto& one) {
    const Offer& offer = *one.first;
    return std::tuple{-offer.score.micro_batch, offer.site, offer.bundles.least, &offer};
  });
  return chosen;
}

Seconds FrugalChoice::shortest(const Chosen& chosen, Seconds within) const {
  const auto is_enough = [&](Seconds limit) {
    std::int64_t done = 0;
    for (const auto& [offer, bundles] : chosen) {
      const std::int64_t most = offer->kind->capacity(limit, demand_.micro_batches);
      if (most == 0) return false;
      done += std::int64_t{bundles} * demand_.bundle * most;
    }
    return done >= demand_.micro_batches;
  };
  Seconds low{}, high = within;
  while (high - low > precise * high) {
    const Seconds middle = 0.5 * (low + high);
    (is_enough(middle) ? high : low) = middle;
  }
  return high;
}

/// Nothing if it costs too much.
std::optional<FrugalPlan> FrugalChoice::shared(const Chosen& chosen, Seconds within) const {
  std::vector<ChosenReplicas> replicas;
  for (const auto& [offer, bundles] : chosen)
    replicas.push_back({offer->site, offer->kind, bundles});
  const ReplicaDemand demand{demand_.bundles.most, demand_.bundle, demand_.micro_batches};
  FrugalPlan plan{share_work(replicas, demand, within)};
  const Seconds step = step_time_(plan.work.slowest);
  double money = 0;
  for (const ReplicaGroup& group : plan.work.groups)
    for (const auto& [offer, bundles] : chosen)
      if (offer->site == group.site && offer->kind->stages == group.stages &&
          offer->kind->virtual_stages == group.virtual_stages) {
        plan.score += group.replicas * offer->score.of(step, group.micro_batches);
        money += group.replicas * offer->money.of(step, group.micro_batches);
        break;
      }
  if (money > demand_.limits.money) return std::nullopt;
  return plan;
}

}  // namespace axs::plan
