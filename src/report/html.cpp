#include "axs/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "axs/report/assets.h"
#include "axs/report/map.h"
#include "axs/report/page.h"
#include "axs/report/sections.h"
#include "axs/report/text.h"

namespace axs::report {
namespace {

struct ChartPanel {
  const char* id;
  const char* title;
  const char* note;
};

std::string chart(const ChartPanel& panel) {
  return fmt::format(
      "<section class=\"panel\" id=\"{0}\"><div class=\"chart-head\"><h3>{1}</h3>"
      "<div class=\"series\" role=\"group\" aria-label=\"Lines of {1}\"></div></div>"
      "<div class=\"chart\"><canvas role=\"img\" aria-label=\"{1}. {2}\"></canvas></div>"
      "<p class=\"note\">{2}</p><details><summary>The numbers</summary></details></section>\n",
      panel.id, panel.title, panel.note);
}

bool any(const std::vector<SiteSeries>& all, Series SiteSeries::* which) {
  return std::ranges::any_of(all,
                             [&](const SiteSeries& site) { return !(site.*which).at.empty(); });
}

bool any_link(const RunData& run, Series LinkData::* which) {
  return std::ranges::any_of(run.links,
                             [&](const LinkData& link) { return !(link.*which).at.empty(); });
}

std::string learning(const RunData& run) {
  std::string charts;
  if (any(run.series, &SiteSeries::loss) || !run.validation.at.empty())
    charts += chart({"loss", "Loss",
                     "Cross-entropy of the next byte: in training, mean over each report of a "
                     "site; dots: on the validation split, after a merge."});
  if (any(run.series, &SiteSeries::speed))
    charts += chart({"speed", "Computing", "Tokens that each site trained on, per second."});
  if (any(run.series, &SiteSeries::round))
    charts +=
        chart({"rounds", "Rounds",
               "From one merged sync to the next, at each site. No site, slow or dead, may make "
               "the others wait longer than twice the median."});
  if (charts.empty()) return {};
  return "<h2>Learning</h2>\n<div class=\"pair\">\n" + charts + "</div>\n";
}

std::string links(const RunData& run) {
  std::string charts;
  if (!run.routing.delays.empty())
    charts += chart({"delays", "Delay of the routes in use",
                     "Round trip of the way that gradients take, as its sender measures it."});
  if (any_link(run, &LinkData::delay))
    charts += chart({"propagation", "Propagation",
                     "One way, at the speed of light along each link: fibre stands still, a way "
                     "through the sky jumps at each handover of satellites."});
  if (any_link(run, &LinkData::rate))
    charts += chart({"traffic", "Traffic", "UDP payload that was offered to each link."});
  if (charts.empty() && run.links.empty()) return {};
  return "<h2>Links</h2>\n" + links_table(run) +
         "<div class=\"pair\" style=\"margin-top:.9rem\">\n" + charts + "</div>\n";
}

std::string transfers(const RunData& run) {
  std::string text = transfers_table(run);
  if (!run.bulk.leased.empty() || !run.bulk.received.empty())
    text += "<div style=\"margin-top:.9rem\">" +
            chart({"bulk", "Leased and received",
                   "What the controller let transfers take of the capacity that gradients leave, "
                   "and what reached the disks there. Without a lease a transfer goes over one "
                   "path, as fast as it finds that path to carry."}) +
            "</div>\n";
  return text + leases_table(run);
}

std::string map_panel(const RunData& run) {
  const std::string svg = map_svg(run, land_rings());
  if (svg.empty()) return {};
  std::string panel = "<h2>Where</h2>\n<div class=\"pair\"><div class=\"panel map\">" + svg;
  if (!run.routing.routes.empty())
    panel +=
        "<div class=\"controls\"><button type=\"button\" id=\"play\">Play</button>"
        "<input type=\"range\" id=\"time\" min=\"0\" max=\"1000\" value=\"0\" "
        "aria-label=\"Time in the run\"><output id=\"now-time\" for=\"time\"></output></div>";
  panel += "<ul class=\"legend\">" + kinds_legend(run) + "</ul>";
  panel +=
      "<p class=\"note\">Azimuthal equidistant projection, centred between the sites; "
      "links are great circles, bowed apart where there are several.";
  if (!land_rings().empty()) panel += " Land: Natural Earth, public domain.";
  panel += "</p></div>\n<div class=\"panel\"><h3>Routes of gradients over time</h3>\n";
  panel += routes_timeline(run);
  panel += "<div class=\"now note\" id=\"now-routes\"></div></div></div>\n";
  return panel;
}

std::string script(std::string_view text) {
  return "<script>" + std::string{text} + "</script>\n";
}

/// JSON that cannot end the element in which it lies.
std::string embedded(std::string json) {
  for (std::size_t at = 0; (at = json.find('<', at)) != std::string::npos;)
    json.replace(at, 1, "\\u003c");
  return "<script type=\"application/json\" id=\"data\">" + json + "</script>\n";
}

}  // namespace

std::string html(const RunData& run, const record::Ledger& ledger) {
  std::string body = "<a class=\"skip\" href=\"#main\">To the report</a>\n";
  body += heading(run) + "<main id=\"main\">\n" + tiles(run, ledger);
  body += map_panel(run) + faults_table(run) + reroutes_table(run) + transfers(run);
  body += learning(run) + links(run);
  body += bytes_table(run) + energy_table(run) + prediction_table(run) + ledger_section(ledger);
  body += repeat_section(run) + "</main>\n";
  body += embedded(to_json(run)) + script(chart_library()) + script(page_script());
  return page((run.start.scenario.empty() ? "run" : run.start.scenario) + " · AXS report", body);
}

}  // namespace axs::report
