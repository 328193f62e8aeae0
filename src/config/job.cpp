#include "axs/config/job.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/config/scenario.h"
#include "axs/plan/names.h"
#include "axs/plan/outer_choice.h"
#include "axs/plan/published_software.h"

namespace axs::config {

namespace {

using namespace catalog;

plan::ModelShape shape_of(const Model& model) {
  return {.layers = model.layers,
          .hidden = model.width,
          .heads = model.heads,
          .kv_heads = model.kv_heads,
          .head_width = head_width(model),
          .feed_forward = model.hidden,
          .gated = model.gated,
          .vocabulary = model.vocabulary,
          .tied = model.tied,
          .experts = {.count = model.experts.count,
                      .chosen = model.experts.chosen,
                      .shared = model.experts.shared,
                      .feed_forward = model.experts.hidden,
                      .dense_layers = model.experts.dense_layers},
          .window = model.window};
}

/// Our own worker where there are processors only, else what most use. What its host takes holds
/// wherever there are processors, so that other devices beside them never make a plan worse.
plan::Software software_for(const plan::Fleet& fleet, const plan::Facts& facts) {
  const auto processors = std::ranges::count_if(
      fleet.types, [](const plan::DeviceType& type) { return type.accelerator.family == "cpu"; });
  plan::Software usual = facts.software.back().software;
  if (processors == 0) return usual;
  const plan::Software& ours = plan::software_of("axs-worker", facts).software;
  if (processors == std::ssize(fleet.types)) return ours;
  usual.host_per_step = ours.host_per_step;
  usual.dropout = ours.dropout;
  return usual;
}

plan::Job job_of(const Scenario& scenario, const PlanWishes& wishes,
                 const plan::Software& software) {
  return {.shape = shape_of(scenario.model),
          .global_batch = scenario.train.sequences,
          .sequence = scenario.model.context,
          .tokens = static_cast<double>(scenario.train.tokens),
          .precision = wishes.precision,
          .software = software,
          .deadline = wishes.deadline,
          .objective = wishes.objective,
          .limits = wishes.limits,
          .jurisdictions = wishes.jurisdictions,
          .loss_gap_max = scenario.train.sync == SyncMode::outer
                              ? std::optional{plan::OuterGoal{}.loss_gap_max}
                              : std::nullopt};
}

/// The job's own accelerators, then those of the catalogue: the first of a name holds.
using Known = std::vector<plan::AcceleratorFacts>;

/// The number of the type in the fleet, which gets it if it is new.
Result<std::uint32_t> type_of(const std::string& name, const Known& known, plan::Fleet& fleet) {
  const auto fact = std::ranges::find_if(known, [&](const auto& entry) {
    return std::ranges::find(entry.names, plan::plain_name(name)) != entry.names.end();
  });
  if (fact == known.end()) {
    std::string names;
    for (const auto& entry : known) names += (names.empty() ? "" : ", ") + entry.accelerator.name;
    return Error{
        Errc::invalid,
        fmt::format("accelerator \"{}\" is not in the catalogue, want one of {}", name, names)};
  }
  const auto met = std::ranges::find_if(fleet.types, [&](const plan::DeviceType& type) {
    return type.accelerator.name == fact->accelerator.name;
  });
  if (met != fleet.types.end()) return static_cast<std::uint32_t>(met - fleet.types.begin());
  fleet.types.push_back(
      {.accelerator = fact->accelerator,
       .network = {.node_rate = fact->node_rate, .rails = fact->accelerator.per_node},
       .price = fact->price});
  return static_cast<std::uint32_t>(fleet.types.size() - 1);
}

plan::SiteSupply supply_of(const SiteTerms& terms) {
  constexpr double joules_per_kwh = 3.6e6;
  plan::SiteSupply supply{.pue = terms.pue,
                          .price = DollarsPerJoule{terms.dollars_per_kwh / joules_per_kwh},
                          .limit = terms.power};
  if (terms.grams_per_kwh) supply.carbon = *terms.grams_per_kwh / 1000 / joules_per_kwh;
  return supply;
}

Result<plan::Fleet> fleet_of(const PlanScenario& read, const plan::Facts& facts) {
  Known known = read.accelerators;
  known.insert(known.end(), facts.accelerators.begin(), facts.accelerators.end());
  plan::Fleet fleet;
  for (std::size_t i = 0; i < read.scenario.sites.size(); ++i) {
    const Site& site = read.scenario.sites[i];
    const SiteTerms& terms = read.wishes.sites[i];
    plan::FleetSite& added = fleet.sites.emplace_back();
    added.name = site.name;
    added.jurisdiction = site.jurisdiction;
    added.supply = supply_of(terms);
    for (std::size_t j = 0; j < site.accelerators.size(); ++j) {
      const auto type = type_of(site.accelerators[j].type, known, fleet);
      if (!type) return Error{type.error().code, "site " + site.name + ": " + type.error().what};
      plan::Pool& pool = added.pools.emplace_back(plan::Pool{*type, site.accelerators[j].count});
      if (const auto price = terms.dollars_per_hour[j])
        pool.price = Dollars{*price} / Seconds{3600};
    }
  }
  return fleet;
}

}  // namespace

Result<PlannedJob> parse_job(std::string_view text, const std::string& file,
                             const plan::Facts& facts) {
  const PlanScenario read = AXS_TRY(parse_plan_scenario(text, file));
  auto fleet = fleet_of(read, facts);
  if (!fleet) return Error{fleet.error().code, file + ": " + fleet.error().what};
  const plan::Job job = job_of(read.scenario, read.wishes, software_for(*fleet, facts));
  return PlannedJob{read.scenario, job, std::move(*fleet), read.states_exchange};
}

Result<PlannedJob> read_job(const std::string& file, const plan::Facts& facts) {
  return parse_job(AXS_TRY(read_scenario_text(file)), file, facts);
}

}  // namespace axs::config
