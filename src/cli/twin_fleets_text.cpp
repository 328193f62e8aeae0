#include "axs/cli/twin_fleets_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "axs/cli/plan_words.h"
#include "axs/cli/rows.h"

namespace axs::cli {
namespace {

constexpr double megawatt = 1e6;
constexpr double megawatt_hour = 3.6e9;

/// What a run came to that seeds are compared by. Empty: nobody knows.
struct Figure {
  const char* key;
  const char* title;
  int decimals;
  std::optional<double> (*of)(const FleetScene& scene, const twin::FleetOutcome& run);
};
using Figures = std::span<const Figure>;

double tokens_per_second(const twin::FleetOutcome& run) {
  return static_cast<double>(run.tokens) / run.took.seconds();
}

}  // namespace

double scaling_efficiency(const FleetScene& scene, const twin::FleetOutcome& run) {
  return tokens_per_second(run) / scene.tokens_per_second_apart;
}

namespace {

constexpr Figure run_figures[] = {
    {"tokens_per_s", "TOKENS/S", 0,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{tokens_per_second(run)};
     }},
    {"goodput", "GOODPUT", 4,
     [](const FleetScene&, const twin::FleetOutcome& run) { return std::optional{run.goodput}; }},
    {"goodput_mfu", "x MFU", 4,
     [](const FleetScene& scene, const twin::FleetOutcome& run) {
       return std::optional{run.goodput * scene.planned.utilisation};
     }},
    {"scaling_efficiency", "SCALING", 4,
     [](const FleetScene& scene, const twin::FleetOutcome& run) {
       return std::optional{scaling_efficiency(scene, run)};
     }},
    {"syncs", "SYNCS", 0,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{static_cast<double>(run.syncs)};
     }},
    {"failures", "FAILURES", 0,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{static_cast<double>(run.failures)};
     }},
    {"reroutes", "REROUTES", 0,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{static_cast<double>(run.reroutes)};
     }},
    {"terabytes", "TB", 3,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{static_cast<double>(run.bytes) * 1e-12};
     }},
};

/// At the meters of the sites.
constexpr Figure energy_figures[] = {
    {"mwh", "MWH", 3,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{run.power.energy().value() / megawatt_hour};
     }},
    {"mw_mean", "MEAN MW", 4,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{run.power.energy().value() / run.took.seconds() / megawatt};
     }},
    {"mw_most", "MOST MW", 4,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return std::optional{run.power.most.value() / megawatt};
     }},
    {"j_per_token", "J/TOKEN", 4,
     [](const FleetScene&, const twin::FleetOutcome& run) {
       return run.tokens == 0
                  ? std::nullopt
                  : std::optional{run.power.energy().value() / static_cast<double>(run.tokens)};
     }},
    {"dollars", "$", 0,
     [](const FleetScene& scene, const twin::FleetOutcome& run) {
       const auto money = twin::money_of(scene.planned, run.power, Seconds{run.took.seconds()});
       return money ? std::optional{money->value()} : std::nullopt;
     }},
    {"co2_kg", "KG CO2", 0,
     [](const FleetScene& scene, const twin::FleetOutcome& run) {
       return twin::carbon_of(scene.planned, run.power);
     }},
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

Cell cell(std::optional<double> value, int decimals) {
  return value ? Cell{Decimal{*value, decimals}} : Cell{};
}

Rows site_rows(const FleetScene& scene) {
  Rows rows{{{"site", "SITE"},
             {"accelerators", "ACCELERATORS"},
             {"step_s", "STEP [s]"},
             {"tokens_per_step", "TOKENS/STEP"}},
            {}};
  for (std::size_t i = 0; i < scene.planned.fleets.size(); ++i) {
    const twin::Fleet& fleet = scene.planned.fleets[i];
    rows.rows.push_back({scene.planned.scenario.sites[i].name, std::int64_t{fleet.accelerators},
                         Decimal{fleet.speed.step.seconds() * twin::mean_slowness(fleet), 3},
                         static_cast<std::int64_t>(fleet.speed.tokens_per_step)});
  }
  return rows;
}

/// Medians over the seeds.
Rows power_rows(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs) {
  Rows rows{{{"site", "SITE"}, {"mwh", "MWH"}, {"mw_mean", "MEAN MW"}, {"mw_most", "MOST MW"}}, {}};
  for (std::size_t i = 0; i < scene.planned.scenario.sites.size(); ++i) {
    std::vector<double> energy, mean, most;
    for (const twin::FleetOutcome& run : runs) {
      const twin::PowerUse::Site& site = run.power.sites[i];
      energy.push_back(site.energy.value() / megawatt_hour);
      mean.push_back(site.energy.value() / run.took.seconds() / megawatt);
      most.push_back(site.most.value() / megawatt);
    }
    rows.rows.push_back({scene.planned.scenario.sites[i].name, Decimal{median(energy), 3},
                         Decimal{median(mean), 4}, Decimal{median(most), 4}});
  }
  return rows;
}

std::vector<Cell> cells(const FleetScene& scene, const twin::FleetOutcome& run, Figures figures) {
  std::vector<Cell> row;
  for (const Figure& figure : figures) row.push_back(cell(figure.of(scene, run), figure.decimals));
  return row;
}

/// By seed.
Rows figure_rows(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs,
                 Figures figures) {
  Rows rows{{{"seed", "SEED"}}, {}};
  for (const Figure& figure : figures) rows.columns.push_back({figure.key, figure.title});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::vector<Cell>& row = rows.rows.emplace_back(cells(scene, runs[i], figures));
    row.insert(row.begin(), static_cast<std::int64_t>(scene.planned.scenario.seed + i));
  }
  return rows;
}

Rows run_rows(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs, bool json) {
  Rows rows = figure_rows(scene, runs, run_figures);
  rows.columns.push_back({"digest", "DIGEST"});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string digest = to_hex(runs[i].digest);
    rows.rows[i].push_back(json ? digest : digest.substr(0, 16));
  }
  return rows;
}

/// Of a figure that all seeds have.
void add_seed_row(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs,
                  const Figure& figure, Rows& rows) {
  std::vector<double> values;
  for (const twin::FleetOutcome& run : runs)
    if (const auto value = figure.of(scene, run)) values.push_back(*value);
  if (values.size() < runs.size()) return;
  const auto [least, most] = std::ranges::minmax(values);
  rows.rows.push_back({std::string{figure.key}, Decimal{median(values), figure.decimals},
                       Decimal{least, figure.decimals}, Decimal{most, figure.decimals}});
}

Rows seed_rows(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs) {
  Rows rows{{{"figure", ""}, {"median", "MEDIAN"}, {"least", "LEAST"}, {"most", "MOST"}}, {}};
  for (const Figures figures : {Figures{run_figures}, Figures{energy_figures}})
    for (const Figure& figure : figures) add_seed_row(scene, runs, figure, rows);
  return rows;
}

}  // namespace

std::string runs_json(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs) {
  const RowsFormat format{.json = true};
  nlohmann::ordered_json document{{"version", 1},
                                  {"scenario", scene.planned.scenario.name},
                                  {"span_s", scene.span.seconds()},
                                  {"source", scene.source},
                                  {"unmet", scene.unmet},
                                  {"left_out", scene.left_out},
                                  {"mfu", scene.planned.utilisation},
                                  {"tokens_per_s_apart", scene.tokens_per_second_apart}};
  const auto add = [&](const Rows& rows, const std::string& name) {
    document[name] = nlohmann::ordered_json::parse(format.text(rows, name))[name];
  };
  add(site_rows(scene), "sites");
  add(run_rows(scene, runs, true), "runs");
  add(figure_rows(scene, runs, energy_figures), "energy");
  add(power_rows(scene, runs), "power");
  add(seed_rows(scene, runs), "over_seeds");
  return document.dump(2) + "\n";
}

std::string runs_text(const FleetScene& scene, const std::vector<twin::FleetOutcome>& runs) {
  const RowsFormat format;
  std::string text = fmt::format(
      "{}: {} of simulated time; each site apart: {:.0f} tokens/s at an MFU of {:.3f}\n",
      scene.planned.scenario.name, span_text(Seconds{scene.span.seconds()}),
      scene.tokens_per_second_apart, scene.planned.utilisation);
  text += "Plays " + scene.source + "\n";
  for (const std::string& unmet : scene.unmet) text += "Not met: " + unmet + "\n";
  if (std::ranges::any_of(runs, [](const auto& run) { return run.tokens == 0; }))
    text +=
        "Nothing was merged: no exchange of half of the sites came to an end, so no token counts\n";
  if (!scene.left_out.empty())
    text += fmt::format(
        "Without {}: no accelerators, the job may not run there, or its plan does without\n",
        fmt::join(scene.left_out, ", "));
  text += "\n" + format.text(site_rows(scene), "sites") + "\n" +
          format.text(run_rows(scene, runs, false), "runs") + "\n" +
          format.text(figure_rows(scene, runs, energy_figures), "energy") + "\n" +
          format.text(power_rows(scene, runs), "power");
  if (runs.size() > 1) text += "\n" + format.text(seed_rows(scene, runs), "over_seeds");
  return text;
}

}  // namespace axs::cli
