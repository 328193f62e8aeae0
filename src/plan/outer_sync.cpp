#include "axs/plan/outer_sync.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "axs/plan/is_positive.h"

namespace axs::plan {

namespace {

Error wrong(const std::string& what, double seen, const std::string& want) {
  return {Errc::invalid, what + " " + std::to_string(seen) + ", want " + want};
}

/// They are looked at one by one, and nobody has more layers.
constexpr std::uint32_t fragments_limit = 1u << 14;

/// The backward pass takes twice as long as the forward pass (Kaplan et al. 2020).
constexpr double backward_share = 2.0 / 3;

/// How long a step waits for fragment `p`. Layers finish their backward pass from the last to the
/// first and leave one after the other, so that the wait is ruled by the earliest of the fragment,
/// after which all must pass, or by the latest, which alone may be late. A link that is still busy
/// when the next fragment comes makes that wait as well.
Seconds wait(const OuterJob& job, const OuterSync& sync, Seconds exchange, std::uint32_t p) {
  const Seconds step = job.slowest();
  const double layers = job.layers;
  const double in_fragment = layers / sync.fragments;
  const Seconds layer = sync.during_backward ? step * (backward_share / layers) : Seconds{};
  const Seconds all_after_first = exchange - layer * (layers - sync.fragments + p);
  const Seconds last = exchange / in_fragment - layer * static_cast<double>(p);
  const Seconds late = std::max(all_after_first, last) - step * sync.overlap;
  const Seconds busy = exchange - step * sync.period / sync.fragments;
  return std::max({Seconds{}, late, busy});
}

/// Of what a site sends in a ring, for each byte that is to be reduced.
double ring_share(double sites) {
  return 2 * (sites - 1) / sites;
}

}  // namespace

Seconds OuterJob::slowest() const {
  return *std::max_element(step.begin(), step.end());
}

Seconds ring_all_reduce(Bytes size, double sites, const RingLink& link) {
  return ring_share(sites) * size / link.rate + (sites - 1) * link.round_trip;
}

Result<> check(const OuterJob& job, const OuterSync& sync) {
  if (!is_positive(job.parameters)) return wrong("parameters", job.parameters, "> 0");
  if (job.layers < 1) return wrong("layers", job.layers, ">= 1");
  if (job.step.empty()) return wrong("sites", 0, ">= 1");
  for (const Seconds step : job.step)
    if (!is_positive(step.value())) return wrong("step time in s", step.value(), "> 0");
  if (sync.period < 1) return wrong("period", sync.period, ">= 1");
  const std::uint32_t fragments_max = std::min({sync.period, job.layers, fragments_limit});
  if (sync.fragments < 1 || sync.fragments > fragments_max)
    return wrong("fragments", sync.fragments,
                 "1 to " + std::to_string(fragments_max) + ", at most period and layers");
  if (!is_positive(sync.bits)) return wrong("bits per parameter", sync.bits, "> 0");
  return Ok{};
}

Result<> check(const RingLink& link) {
  if (!is_positive(link.rate.value())) return wrong("link: rate in B/s", link.rate.value(), "> 0");
  if (link.round_trip < Seconds{} || !std::isfinite(link.round_trip.value()))
    return wrong("link: round trip in s", link.round_trip.value(), ">= 0");
  return Ok{};
}

Result<OuterCost> outer_cost(const OuterJob& job, const OuterSync& sync, Seconds exchange) {
  AXS_TRY(check(job, sync));
  if (!(exchange >= Seconds{}) || !std::isfinite(exchange.value()))
    return wrong("exchange time in s", exchange.value(), ">= 0");
  const auto sites = static_cast<double>(job.step.size());
  OuterCost cost;
  cost.exchange = exchange;
  cost.sent = Bytes{job.parameters * sync.bits / 8} * ring_share(sites);
  if (sites > 1)
    for (std::uint32_t p = 0; p < sync.fragments; ++p) cost.exposed += wait(job, sync, exchange, p);
  cost.wall = job.slowest() * sync.period + cost.exposed;
  Seconds computed{};
  for (const Seconds step : job.step) computed += step * sync.period / sites;
  cost.utilisation = computed / cost.wall;
  return cost;
}

Result<OuterCost> outer_cost(const OuterJob& job, const OuterSync& sync, const RingLink& link) {
  AXS_TRY(check(link));
  AXS_TRY(check(job, sync));
  const Bytes fragment = Bytes{job.parameters * sync.bits / 8} / sync.fragments;
  return outer_cost(job, sync,
                    ring_all_reduce(fragment, static_cast<double>(job.step.size()), link));
}

}  // namespace axs::plan
