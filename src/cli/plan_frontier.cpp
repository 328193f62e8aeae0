#include "axs/cli/plan_frontier.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "axs/cli/plan_words.h"
#include "axs/cli/rows.h"
#include "axs/core/grouped.h"
#include "axs/plan/plan_devices.h"

namespace axs::cli {
namespace {

using nlohmann::ordered_json;
using plan::TrainingPlan;

constexpr double joules_of_mwh = 3.6e9;
constexpr double kg_of_tonne = 1000;
constexpr double watts_of_kw = 1000;

std::string dollars(double amount) {
  if (amount > 0 && amount < 10) return fmt::format("{:.2g}", amount);
  return grouped(static_cast<std::uint64_t>(amount + 0.5));
}

std::string sites_of(const config::PlannedJob& job, const TrainingPlan& plan) {
  std::string text;
  for (const std::uint32_t site : plan::sites_of(plan.groups))
    text += (text.empty() ? "" : " ") + job.fleet.sites[site].name;
  return text;
}

template <class T>
Cell decimal(const std::optional<T>& value, double unit, int decimals) {
  if (!value) return std::monostate{};
  return Decimal{*value / unit, decimals};
}
std::optional<double> dollars_of(const TrainingPlan& plan) {
  return plan.cost.money ? std::optional{plan.cost.money->value()} : std::nullopt;
}

Rows rows_of(const config::PlannedJob& job, const std::vector<TrainingPlan>& plans) {
  Rows rows{{{"days", "DAYS"},
             {"step_s", "STEP [s]"},
             {"money_dollars", "MONEY [$]"},
             {"energy_mwh", "ENERGY [MWh]"},
             {"carbon_t", "CO2 [t]"},
             {"power_kw", "POWER [kW]"},
             {"devices", "DEVICES"},
             {"sites", "SITES"}},
            {}};
  const auto decimals = [&](const auto& value, int usual) {
    double least = 0;
    for (const TrainingPlan& plan : plans)
      if (const double one = value(plan); one > 0) least = least > 0 ? std::min(least, one) : one;
    return decimals_for(least, usual);
  };
  const auto days = [](const TrainingPlan& plan) { return plan.duration.value() / seconds_of_day; };
  const auto mwh = [](const TrainingPlan& plan) {
    return plan.cost.energy.value() / joules_of_mwh;
  };
  const auto tonnes = [](const TrainingPlan& plan) {
    return plan.cost.carbon.value_or(0) / kg_of_tonne;
  };
  const auto money = [](const TrainingPlan& plan) { return dollars_of(plan).value_or(0); };
  const int of_money = decimals(money, 0);
  const int of_days = decimals(days, 2), of_mwh = decimals(mwh, 1), of_tonnes = decimals(tonnes, 1);
  for (const TrainingPlan& plan : plans)
    rows.rows.push_back({Decimal{days(plan), of_days}, Decimal{plan.step.total.value(), 2},
                         decimal(dollars_of(plan), 1, of_money), Decimal{mwh(plan), of_mwh},
                         decimal(plan.cost.carbon, kg_of_tonne, of_tonnes),
                         Decimal{plan.cost.power.value() / watts_of_kw, 1},
                         static_cast<std::int64_t>(devices_of(plan)), sites_of(job, plan)});
  return rows;
}

}  // namespace

std::string cost_text(const plan::PlanCost& cost) {
  std::string text = energy_text(cost.energy, cost.energy_spread);
  if (cost.money) {
    const double money = cost.money->value();
    text = fmt::format("{} $ ({} to {}), ", dollars(money), dollars(money / cost.money_spread),
                       dollars(money * cost.money_spread)) +
           text;
  }
  if (cost.carbon) text += fmt::format(", {:.4g} t of CO2", *cost.carbon / kg_of_tonne);
  text += ", at most " + power_text(cost.power) + "; idle devices cost nothing\n";
  return text;
}

ordered_json cost_json(const plan::PlanCost& cost) {
  ordered_json json{{"money_dollars", nullptr},
                    {"money_spread", cost.money_spread},
                    {"energy_j", cost.energy.value()},
                    {"energy_spread", cost.energy_spread},
                    {"carbon_kg", nullptr},
                    {"power_w", cost.power.value()}};
  if (cost.money) json["money_dollars"] = cost.money->value();
  if (cost.carbon) json["carbon_kg"] = *cost.carbon;
  return json;
}

std::string frontier_text(const config::PlannedJob& job, const std::vector<TrainingPlan>& plans) {
  return RowsFormat{}.text(rows_of(job, plans), "plans") +
         "\nPOWER: at most, with all devices in use at their limit. Idle devices cost nothing.\n";
}

std::string frontier_json(const config::PlannedJob& job, const std::vector<TrainingPlan>& plans) {
  RowsFormat format;
  format.json = true;
  return format.text(rows_of(job, plans), "plans");
}

}  // namespace axs::cli
