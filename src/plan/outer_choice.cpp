#include "axs/plan/outer_choice.h"

#include <algorithm>
#include <array>
#include <string>

namespace axs::plan {

namespace {

struct LossRow {
  double parameters;
  std::size_t replicas;
  std::uint32_t period;
  double loss;
  double data_parallel;
};

/// Ordered by replicas, then period, then size from large to small: the first that is at least as
/// hard is the nearest. The last two are gaps that were published as such.
constexpr std::array<LossRow, 27> losses{{
    {1e9, 2, 30, 2.48, 2.49},    {500e6, 2, 30, 2.67, 2.67},  {300e6, 2, 30, 2.81, 2.80},
    {200e6, 2, 30, 2.98, 2.97},  {100e6, 2, 30, 3.21, 3.19},  {35e6, 2, 30, 3.53, 3.51},
    {4e9, 2, 100, 2.26, 2.25},   {1e9, 2, 100, 2.50, 2.49},   {500e6, 2, 100, 2.69, 2.67},
    {300e6, 2, 100, 2.83, 2.80}, {200e6, 2, 100, 3.00, 2.97}, {100e6, 2, 100, 3.22, 3.19},
    {35e6, 2, 100, 3.56, 3.51},  {1e9, 4, 30, 2.50, 2.49},    {500e6, 4, 30, 2.70, 2.67},
    {300e6, 4, 30, 2.84, 2.80},  {200e6, 4, 30, 3.02, 2.97},  {100e6, 4, 30, 3.25, 3.19},
    {35e6, 4, 30, 3.60, 3.51},   {1e9, 4, 100, 2.53, 2.49},   {500e6, 4, 100, 2.73, 2.67},
    {300e6, 4, 100, 2.87, 2.80}, {200e6, 4, 100, 3.05, 2.97}, {100e6, 4, 100, 3.29, 3.19},
    {35e6, 4, 100, 3.64, 3.51},  {2.4e9, 8, 30, 1.011, 1},    {35e6, 8, 30, 1.039, 1},
}};

/// Three layers in a fragment, as Streaming DiLoCo has them.
std::uint32_t fragments(std::uint32_t layers, std::uint32_t period) {
  return std::clamp(layers / 3, 1u, period);
}

Result<double> utilisation(const OuterJob& job, const OuterSync& sync,
                           const std::vector<LinkSpell>& forecast) {
  Seconds computing{};
  Seconds lasts{};
  for (const LinkSpell& spell : forecast) {
    if (!(spell.lasts > Seconds{}))
      return Error{Errc::invalid,
                   "forecast: spell of " + std::to_string(spell.lasts.value()) + " s, want > 0"};
    const OuterCost cost = AXS_TRY(outer_cost(job, sync, spell.link));
    computing += spell.lasts * cost.utilisation;
    lasts += spell.lasts;
  }
  return computing / lasts;
}

/// In the order in which they are preferred. Every-step cannot overlap with the next step.
std::vector<OuterSync> candidates(std::uint32_t layers) {
  std::vector<OuterSync> all{{}};
  for (const std::uint32_t period : {30u, 100u})
    for (const std::uint32_t overlap : {1u, 5u})
      for (const double bits : {16.0, 4.0})
        all.push_back({.period = period,
                       .fragments = fragments(layers, period),
                       .overlap = overlap,
                       .bits = bits,
                       .during_backward = true});
  return all;
}

}  // namespace

std::optional<double> published_loss_gap(double parameters, std::size_t replicas,
                                         std::uint32_t period) {
  if (replicas <= 1 || period <= 1) return 0;
  for (const LossRow& row : losses)
    if (row.parameters <= parameters && row.replicas >= replicas && row.period >= period)
      return row.loss / row.data_parallel - 1;
  return {};
}

std::vector<OuterOption> outer_options(double parameters, std::uint32_t layers, std::size_t sites,
                                       double loss_gap_max) {
  std::vector<OuterOption> options;
  for (const OuterSync& sync : candidates(layers)) {
    const auto gap = published_loss_gap(parameters, sites, sync.period);
    if (gap && *gap <= loss_gap_max) options.push_back({sync, *gap});
  }
  return options;
}

Result<OuterChoice> choose_outer(const OuterJob& job, const std::vector<LinkSpell>& forecast,
                                 const OuterGoal& goal) {
  if (forecast.empty()) return Error{Errc::invalid, "forecast: 0 spells, want >= 1"};
  OuterChoice best;
  const auto options =
      outer_options(job.parameters, job.layers, job.step.size(), goal.loss_gap_max);
  for (const auto& [sync, loss_gap] : options) {
    const double reached = AXS_TRY(utilisation(job, sync, forecast));
    if (reached <= best.utilisation) continue;
    best = {sync, reached, loss_gap};
    if (reached >= goal.utilisation) return best;
  }
  return Error{Errc::exhausted, "outer exchange: at most " + std::to_string(best.utilisation) +
                                    " utilisation with period " + std::to_string(best.sync.period) +
                                    " and " + std::to_string(best.sync.bits) + " bits, want " +
                                    std::to_string(goal.utilisation)};
}

}  // namespace axs::plan
