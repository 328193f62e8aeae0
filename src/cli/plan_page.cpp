#include "axs/cli/plan_page.h"

#include <fmt/format.h>

#include <sstream>
#include <variant>

#include "axs/cli/plan_explain.h"
#include "axs/cli/plan_picture.h"
#include "axs/cli/plan_text.h"
#include "axs/core/grouped.h"
#include "axs/report/page.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

using report::escaped;

std::string tile(std::string_view name, const std::string& value, const std::string& more) {
  return fmt::format("<div class=\"tile\"><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name,
                     escaped(value), escaped(more));
}

bool is_text(const Cell& cell) {
  return std::holds_alternative<std::string>(cell);
}

/// Numbers to the right, as in the terminal.
std::string table(const Rows& rows) {
  std::string text = "<div class=\"panel wide\" style=\"margin-top:.9rem\"><table><thead><tr>";
  const auto cell = [](const char* tag, bool left, const std::string& content) {
    return fmt::format("<{0}{1}>{2}</{0}>", tag, left ? "" : " class=\"number\"", escaped(content));
  };
  for (std::size_t i = 0; i < rows.columns.size(); ++i)
    text += cell("th", !rows.rows.empty() && is_text(rows.rows[0][i]), rows.columns[i].title);
  text += "</tr></thead><tbody>\n";
  for (const auto& row : rows.rows) {
    text += "<tr>";
    for (const Cell& c : row) text += cell("td", is_text(c), for_people(c));
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

/// The bars of the terminal are drawn here.
Rows without_bars(Rows rows) {
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    if (rows.columns[i].key != "bar") continue;
    const auto at = static_cast<std::ptrdiff_t>(i);
    rows.columns.erase(rows.columns.begin() + at);
    for (auto& row : rows.rows) row.erase(row.begin() + at);
    break;
  }
  return rows;
}

std::string tiles(const PlanView& view) {
  const plan::TrainingPlan& plan = view.plan();
  const double step = plan.step.total.value();
  std::string text = "<dl class=\"tiles\">\n";
  text += tile("A step", fmt::format("{:.3g} s", step),
               fmt::format("{:.3g} to {:.3g} s", step / plan.step.spread, step * plan.step.spread));
  text += tile("Tokens each second", grouped(static_cast<std::uint64_t>(plan.tokens_per_second)),
               fmt::format("{} sequences a step", view.job.job.global_batch));
  text += tile("Of the peak", fmt::format("{:.1f} %", 100 * utilisation(view)), "in bf16");
  text += tile("All tokens", span_text(plan.duration),
               fmt::format("{:.3g} tokens", view.job.job.tokens));
  text += tile("Energy a step", joules_text(view.broken.energy), "at the meters of the sites");
  return text + "</dl>\n";
}

Rows other_rows(const PlanView& view) {
  Rows rows{{{"method", "METHOD"}, {"step_s", "STEP [s]"}, {"reason", "WHY IT LOST"}}, {}};
  for (const plan::RunnerUp& other : view.found.result.others)
    rows.rows.push_back(
        {method_text(other.method),
         other.plan ? Cell{Decimal{other.plan->step.total.value(), 3}} : Cell{std::monostate{}},
         other.reason});
  return rows;
}

std::string notes(const PlanView& view) {
  std::istringstream lines{notes_text(view)};
  std::string text;
  for (std::string line; std::getline(lines, line);)
    text += "<p class=\"note\">" + escaped(line) + "</p>\n";
  return text;
}

std::string unmet(const PlanView& view) {
  const std::string& what = view.found.result.unmet;
  return what.empty() ? "" : "<p class=\"bad\">Not met: " + escaped(what) + "</p>\n";
}

}  // namespace

std::string plan_page(const PlanView& view) {
  const std::string name = view.job.scenario.name;
  const plan::GroupBreakdown& group = view.broken.groups[view.broken.slowest];
  std::string body = "<h1>" + escaped(name) + " <span class=\"badge\">plan</span></h1>\n<p>" +
                     escaped(method_text(view.plan().method)) + "</p>\n" + unmet(view) +
                     tiles(view) + notes(view);
  body +=
      "<h2>Stages on sites</h2>\n<div class=\"panel wide\">" + sites_svg(view) +
      "<p class=\"note\">A row is a pipeline, as often as it says. A stage is as wide as it has "
      "layers, and filled as far as the memory of its devices is.</p></div>\n" +
      table(plan_rows(view));
  if (!view.broken.splits.empty())
    body += "<h2>Who attends what</h2>\n<div class=\"panel wide\">" + shards_svg(view) +
            "<p class=\"note\">A triangle is the attention of a layer for one head of keys of a "
            "tensor device, first ones only. A square is a micro-shard: queries go down, the keys "
            "that they see to the right; each group of a type has a shade.</p></div>\n";
  body += "<h2>A step</h2>\n<div class=\"panel wide\">" + timeline_svg(view) +
          fmt::format(
              "<p class=\"note\">Of a replica at {}, for which the others wait. Blue: "
              "forward; green: backward and optimiser; orange: exchange; grey: waiting, or "
              "micro-batches in the middle that are left out.</p></div>\n",
              escaped(site_names(view.job, view.plan().groups[view.broken.slowest])));
  body += fmt::format(
      "<h2>Where the time goes</h2>\n<div class=\"panel wide\">{}<p class=\"note\">On stage {} of "
      "{}, "
      "the slowest.</p></div>\n{}",
      parts_svg(view), group.slowest + 1, group.stages.size(),
      table(without_bars(part_rows(view))));
  body += "<h2>What stages do and hold</h2>\n" + table(stage_rows(view));
  if (!view.found.result.others.empty())
    body += "<h2>Why others lost</h2>\n" + table(other_rows(view));
  return report::page(name + " · AXS plan", "<main>\n" + body + "</main>\n");
}

}  // namespace axs::cli
