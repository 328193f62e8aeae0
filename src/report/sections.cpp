#include "axs/report/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "axs/core/grouped.h"
#include "axs/report/html.h"
#include "axs/report/text.h"

namespace axs::report {
namespace {

std::string tile(const std::string& name, const std::string& value, const std::string& more) {
  return fmt::format("<div class=\"tile\"><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name,
                     value, more);
}

/// A row of cells; those after the first `texts` are numbers.
std::string row(const std::vector<std::string>& cells, std::size_t texts) {
  std::string out = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i == 0)
      out += "<th scope=\"row\">" + cells[i] + "</th>";
    else
      out += (i < texts ? "<td>" : "<td class=\"number\">") + cells[i] + "</td>";
  }
  return out + "</tr>\n";
}

std::string table(const std::vector<std::string>& heads, std::size_t texts,
                  const std::string& rows) {
  std::string out = "<div class=\"panel wide\"><table><thead><tr>";
  for (std::size_t i = 0; i < heads.size(); ++i)
    out += (i < texts ? "<th scope=\"col\">" : "<th scope=\"col\" class=\"number\">") + heads[i] +
           "</th>";
  return out + "</tr></thead><tbody>\n" + rows + "</tbody></table></div>\n";
}

std::string seconds_text(double at) {
  return fmt::format("{:.1f} s", at);
}

std::string count_text(std::uint64_t count, const std::string& thing) {
  return grouped(count) + " " + thing + (count == 1 ? "" : "s");
}

/// What a plain synchronous ring would have sent: each step, each site sends 2(N-1)/N times the
/// fp32 gradient (Patarasuk and Yuan 2009). A step of the ring is one of every site.
double ring_bytes(const RunData& run) {
  const auto sites = static_cast<double>(run.sites.size());
  const double steps = sites == 0 ? 0 : static_cast<double>(run.totals.steps) / sites;
  return steps * 2 * (sites - 1) * 4 * static_cast<double>(run.start.parameters);
}

std::string kind_name(const std::string& kind) {
  if (kind == "leo") return "through low earth orbit";
  if (kind == "relay") return "through a third site";
  if (kind == "wire") return "wire of a stated delay";
  return kind;
}

/// 5 to 8 marks at round numbers from 0 to `end`.
std::vector<double> axis_marks(double end) {
  if (end <= 0) return {0};
  double step = std::pow(10, std::floor(std::log10(end / 5)));
  for (const double wider : {2.0, 2.5, 2.0})
    if (end / step > 7) step *= wider;
  std::vector<double> marks;
  for (double at = 0; at <= end * 0.9; at += step) marks.push_back(at);
  return marks;
}

std::string place_in(double begin, double end, double whole) {
  const double left = whole > 0 ? 100 * begin / whole : 0;
  const double wide = whole > 0 ? 100 * (end - begin) / whole : 0;
  return fmt::format("left:{:.3f}%;width:{:.3f}%", left, wide);
}

std::string origin_note(const RunData& run) {
  const catalog::BuiltFrom& built = run.origin.built;
  if (built.commit.empty()) return {};
  std::string text =
      fmt::format("commit {} · compiler {} · libtorch {} · OpenSSL {}", escaped(built.commit),
                  escaped(built.compiler), escaped(built.torch), escaped(built.openssl));
  if (!run.origin.corpus.empty()) text += " · corpus SHA-256 " + run.origin.corpus;
  return "<p class=\"note\" id=\"origin\" style=\"overflow-wrap:anywhere\">" + text + "</p>";
}

}  // namespace

std::string heading(const RunData& run) {
  const bool twin = run.start.world == "twin";
  std::string text = "<header><h1>" +
                     escaped(run.start.scenario.empty() ? "A run" : run.start.scenario) +
                     "<span class=\"badge\">" + (twin ? "simulated" : "live") + "</span>";
  if (!run.totals.finished) text += "<span class=\"badge bad\">not finished</span>";
  text += "</h1>\n<p class=\"faint\">";
  text += fmt::format("A model of {} parameters, trained at {} sites on {} tokens. ",
                      grouped(run.start.parameters), run.sites.size(),
                      grouped(run.totals.tokens > 0 ? run.totals.tokens : run.start.tokens));
  text += twin ? "Everything below happened under a virtual clock; the policies are those of a "
                 "live run."
               : "Every number below was measured, unless it is called an estimate.";
  return text + "</p></header>\n";
}

std::string tiles(const RunData& run, const record::Ledger& ledger) {
  const Totals& totals = run.totals;
  std::string all = "<dl class=\"tiles\">\n";
  if (totals.validation_loss)
    all += tile("validation loss", fmt::format("{:.4f}", *totals.validation_loss), "nats per byte");
  all += tile("duration", time_text(totals.duration),
              run.predicted ? "predicted " + time_text(run.predicted->duration.seconds())
                            : "no prediction");
  const double ring = ring_bytes(run);
  all += tile("sent over links", totals.bytes > 0 ? bytes_text(totals.bytes) : "–",
              totals.bytes > 0 && ring > 0
                  ? fmt::format("{:.0f}× less than every step", ring / totals.bytes)
                  : "not counted");
  all += tile("tokens merged", grouped(ledger.tokens), "of " + grouped(ledger.budget));
  all += tile("syncs", grouped(totals.syncs),
              totals.round_median > 0
                  ? fmt::format("median {}, longest {}", time_text(totals.round_median),
                                time_text(totals.round_longest))
                  : "");
  all += tile("faults", std::to_string(run.faults.size()),
              count_text(ledger.kills, "kill") + ", " + count_text(totals.reroutes, "new route"));
  all += tile(
      "ledger",
      ledger.holds() ? "<span class=\"good\">holds</span>" : "<span class=\"bad\">broken</span>",
      ledger.holds() ? "every token counts once"
                     : count_text(ledger.violations.size(), "violation"));
  return all + "</dl>\n";
}

std::string kinds_legend(const RunData& run) {
  std::vector<std::string> kinds;
  const auto add = [&](const std::string& kind) {
    if (!kind.empty() && std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
  };
  for (const LinkData& link : run.links) add(link.link.kind);
  for (const RouteSpan& route : run.routing.routes) add(route.kind);
  std::string text;
  for (const std::string& kind : kinds)
    text += fmt::format("<li style=\"list-style:none\"><span class=\"key k-{}\"></span>{}</li>",
                        escaped(kind), escaped(kind_name(kind)));
  return text;
}

std::string routes_timeline(const RunData& run) {
  if (run.routing.routes.empty()) return "<p class=\"note\">The record names no route.</p>";
  const double whole = run.totals.duration;
  std::string bands;
  for (const FaultData& fault : run.faults)
    bands += fmt::format("<span class=\"band\" style=\"{}\" title=\"{}\"></span>",
                         place_in(fault.begin, fault.end, whole), escaped(fault.text));
  std::map<std::string, std::string> tracks;
  for (const RouteSpan& route : run.routing.routes)
    tracks[route.from + " → " + route.to] += fmt::format(
        "<span class=\"span k-{}\" style=\"{}\" title=\"{:.1f} to {:.1f} s: {} ({})\"></span>",
        escaped(route.kind), place_in(route.begin, route.end, whole), route.begin, route.end,
        escaped(route.path), escaped(route.reason));
  std::string text = "<div class=\"routes\" role=\"group\" aria-label=\"Routes over time\">";
  for (const auto& [pair, spans] : tracks)
    text += "<span>" + escaped(pair) + "</span><span class=\"track\">" + spans + bands + "</span>";
  text += "<span class=\"note\">time</span><span class=\"axis\">";
  for (const double mark : axis_marks(whole))
    text += fmt::format("<span style=\"left:{:.2f}%\">{:g}</span>", 100 * mark / whole, mark);
  return text + "<span style=\"left:100%\">" + seconds_text(whole) + "</span></span></div>\n";
}

std::string faults_table(const RunData& run) {
  if (run.faults.empty()) return {};
  std::string rows;
  for (const FaultData& fault : run.faults) {
    const std::string when = fault.kind == "kill"
                                 ? seconds_text(fault.begin)
                                 : seconds_text(fault.begin) + " to " + seconds_text(fault.end);
    rows += row({escaped(fault.text), when, escaped(fault.outcome)}, 3);
  }
  return "<h2>Faults, and what was done</h2>\n" +
         table({"fault", "when", "what was done"}, 3, rows);
}

std::string reroutes_table(const RunData& run) {
  if (run.routing.reroutes.empty()) return {};
  std::string rows;
  for (const Reroute& move : run.routing.reroutes) {
    const std::string& left = move.grounds.left.path;
    rows += row({seconds_text(move.at), escaped(move.from + " → " + move.to), escaped(move.traffic),
                 escaped(left.empty() ? "–" : left), escaped(move.grounds.taken.path),
                 escaped(sentence(move))},
                6);
  }
  return fmt::format("<h2>Reroutes</h2>\n<details id=\"reroutes\"><summary>{}, and why</summary>\n",
                     count_text(run.routing.reroutes.size(), "move")) +
         table({"time", "pair", "traffic", "from", "to", "why"}, 6, rows) + "</details>\n" +
         (run.routing.handovers.empty()
              ? ""
              : "<p class=\"note\">" + escaped(run.routing.handovers) + "</p>\n");
}

std::string transfers_table(const RunData& run) {
  if (run.transfers.empty()) return {};
  std::string rows;
  for (const TransferData& transfer : run.transfers) {
    const bool whole = transfer.began && transfer.done && *transfer.done > *transfer.began;
    const double took = whole ? *transfer.done - *transfer.began : 0;
    const std::string end = whole                      ? time_text(took)
                            : transfer.done            ? "at once"
                            : transfer.failure.empty() ? "not done"
                                                       : escaped(transfer.failure);
    rows += row({escaped(transfer.name), escaped(transfer.from + " → " + transfer.to),
                 bytes_text(transfer.bytes), transfer.began ? seconds_text(*transfer.began) : "–",
                 end, whole ? fmt::format("{:.1f} Mb/s", transfer.bytes * 8e-6 / took) : "–"},
                2);
  }
  return "<h2>Transfers</h2>\n" +
         table({"file", "from → to", "size", "began", "took", "rate"}, 2, rows);
}

std::string leases_table(const RunData& run) {
  if (run.bulk.leases.empty()) return {};
  std::string rows;
  for (const Lease& lease : run.bulk.leases)
    rows += row({fmt::format("{:.1f} to {:.1f} s", lease.begin, lease.end),
                 escaped(lease.from + " → " + lease.to), escaped(paths_text(lease)),
                 escaped(lease.why), escaped(lease.ended), fmt::format("{:.1f} Mb/s", lease.rate),
                 fmt::format("{:.1f} Mb/s", lease.received)},
                5);
  return fmt::format("<details id=\"leases\"><summary>{}, and why</summary>\n",
                     count_text(run.bulk.leases.size(), "lease")) +
         table({"time", "pair", "rates and paths", "what it was made of", "why it ended", "leased",
                "received"},
               5, rows) +
         "</details>\n";
}

std::string links_table(const RunData& run) {
  std::string rows;
  for (const LinkData& link : run.links) {
    const double share = run.totals.bytes > 0 ? 100 * link.bytes / run.totals.bytes : 0;
    const double lost = link.packets > 0 ? 100 * link.lost / link.packets : 0;
    const auto [least, most] = std::ranges::minmax_element(link.delay.value);
    const std::string delay = link.delay.value.empty() ? "–"
                              : *most - *least < 0.05
                                  ? fmt::format("{:.1f} ms", *least)
                                  : fmt::format("{:.1f} to {:.1f} ms", *least, *most);
    rows +=
        row({fmt::format("<span class=\"key k-{}\"></span>{}", escaped(link.link.kind),
                         escaped(link.link.link)),
             fmt::format("{:g} Mb/s", link.link.rate_ab.value() * 8e-6), delay,
             bytes_text(link.bytes), fmt::format("{:.1f} %", share), fmt::format("{:.2f} %", lost)},
            1);
  }
  if (rows.empty()) return {};
  return table({"link", "rate each way", "one way", "UDP payload", "share", "packets lost"}, 1,
               rows);
}

std::string bytes_table(const RunData& run) {
  std::string rows;
  double encoded = 0, values = 0;
  for (const SiteData& site : run.sites) {
    encoded += site.bytes_encoded;
    values += site.values_encoded;
    const double bits = site.values_encoded > 0 ? 8 * site.bytes_encoded / site.values_encoded : 0;
    rows += row({escaped(site.name), grouped(site.steps), bytes_text(4 * site.values_encoded),
                 bytes_text(site.bytes_encoded), fmt::format("{:.2f}", bits),
                 site.bytes_sent > 0 ? bytes_text(site.bytes_sent) : "–"},
                1);
  }
  if (encoded <= 0) return {};
  std::string text = "<h2>Bytes and compression</h2>\n" +
                     table({"site", "steps", "pseudo-gradients in fp32", "encoded",
                            "bits per value", "sent, all copies and overheads"},
                           1, rows);
  text += fmt::format("<p>Encoding made the pseudo-gradients <strong>{:.1f}×</strong> smaller.",
                      4 * values / encoded);
  const double ring = ring_bytes(run);
  if (run.totals.bytes > 0 && ring > 0)
    text += fmt::format(
        " A plain synchronous ring would have sent {} for the same steps, <strong>{:.0f}×</strong> "
        "as much as went over the links.</p>\n<p class=\"note\">Ring: steps of one site × 2(N−1) × "
        "4 bytes × parameters, over all N sites; worked out, not measured.",
        bytes_text(ring), ring / run.totals.bytes);
  return text + "</p>\n";
}

double assumed_watts(const std::string& accelerators) {
  // One busy core of a server, with its share of memory, fans and losses of the power supply.
  constexpr double watts_per_core = 12;
  const std::string_view type = " × cpu";
  if (!accelerators.ends_with(type)) return 0;
  const int count = std::atoi(accelerators.c_str());
  return count > 0 ? count * watts_per_core : 0;
}

std::string energy_table(const RunData& run) {
  std::string rows;
  double total = 0;
  for (const SiteData& site : run.sites) {
    const double watts = assumed_watts(site.place.accelerators);
    const double joules = watts * site.busy;
    total += joules;
    rows += row({escaped(site.name), escaped(site.place.accelerators),
                 watts > 0 ? fmt::format("{:g} W", watts) : "no figure", time_text(site.busy),
                 watts > 0 ? fmt::format("{:.2f} Wh", joules / 3600) : "–"},
                2);
  }
  if (total <= 0) return {};
  return "<h2>Energy: an estimate</h2>\n" +
         table({"site", "accelerators", "assumed power", "computing", "energy"}, 2, rows) +
         fmt::format(
             "<p><strong>Estimated, not measured:</strong> {:.2f} Wh in all.</p><p class=\"note\">"
             "Energy = computing time × assumed power. Computing time: steps × time of a step, as "
             "the workers report it. Assumed power: 12 W for a busy core of a server with its "
             "share of memory, cooling and losses. Links, idle time and everything else are left "
             "out.</p>\n",
             total / 3600);
}

std::string prediction_table(const RunData& run) {
  if (!run.predicted) return {};
  const catalog::Predicted& predicted = *run.predicted;
  const Totals& measured = run.totals;
  const double duration = predicted.duration.seconds();
  const auto bytes = static_cast<double>(predicted.bytes);
  std::string rows = row({"duration", time_text(duration), time_text(measured.duration),
                          difference_text(duration, measured.duration)},
                         1);
  rows += row(
      {"bytes over links", bytes_text(bytes), measured.bytes > 0 ? bytes_text(measured.bytes) : "–",
       measured.bytes > 0 ? difference_text(bytes, measured.bytes) : "–"},
      1);
  rows += row(
      {"syncs", grouped(predicted.syncs), grouped(measured.syncs),
       difference_text(static_cast<double>(predicted.syncs), static_cast<double>(measured.syncs))},
      1);
  return "<h2>Predicted and measured</h2>\n" +
         table({"", "predicted", "measured", "difference"}, 1, rows) +
         "<p class=\"note\">By the twin, before the run began; " + escaped(predicted.basis) +
         ".</p>\n";
}

std::string ledger_section(const record::Ledger& ledger) {
  std::map<std::string, std::uint64_t> shards;
  for (const record::LedgerRow& entry : ledger.rows)
    if (entry.fragment == 0) shards[entry.range.site] += entry.range.end - entry.range.begin;
  std::string text = "<h2>Ledger of tokens</h2>\n<div class=\"panel\">";
  if (ledger.holds())
    text += fmt::format(
        "<p><strong class=\"good\">Every token counts once.</strong> {} ranges over {} syncs were "
        "followed: in every fragment, those of each site follow each other without hole or "
        "overlap, and all sites came to the same parameters.</p>",
        grouped(ledger.rows.size()), grouped(ledger.syncs));
  else
    text += "<p><strong class=\"bad\">The ledger does not hold.</strong></p><ul>";
  for (const std::string& sentence : ledger.violations)
    text += "<li>" + escaped(sentence) + "</li>";
  if (!ledger.holds()) text += "</ul>";
  text += fmt::format(
      "<p class=\"note\">{} tokens merged of a budget of {}; {} kills, {} syncs "
      "merged again after them.",
      grouped(ledger.tokens), grouped(ledger.budget), ledger.kills, ledger.repeats);
  for (const auto& [site, tokens] : shards)
    text += fmt::format(" {}: {}.", escaped(site), grouped(tokens));
  return text + "</p></div>\n";
}

std::string repeat_section(const RunData& run) {
  if (run.start.command.empty()) return {};
  return fmt::format(
      "<h2>Repeat it</h2>\n<div class=\"panel\"><pre id=\"command\">{}</pre>"
      "<p style=\"margin-top:.6rem\"><button type=\"button\" id=\"copy\">Copy</button> "
      "<span class=\"note\">AXS {}, seed {}</span></p>{}</div>\n",
      escaped(run.start.command), escaped(run.start.program), run.start.seed, origin_note(run));
}

}  // namespace axs::report
