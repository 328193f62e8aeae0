#include "axs/cli/audit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>

#include "axs/audit/audit.h"
#include "axs/cli/audit_twin.h"
#include "axs/cli/output_of.h"
#include "axs/cli/progress.h"
#include "axs/cli/terminal.h"
#include "axs/config/claims.h"
#include "axs/config/plan_facts.h"
#include "axs/core/enums.h"
#include "axs/report/page.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

using audit::Audited;
using audit::Verdict;

/// Of the 64 the one that the twin of fleets answers: src/audit lies below the twin.
constexpr std::uint32_t claim_of_scaling = 20;

std::string word_of(Verdict verdict) {
  return verdict == Verdict::judgement ? "a judgement" : std::string{enum_name(verdict)};
}

std::string counts_of(const std::vector<Audited>& claims) {
  std::map<Verdict, int> counts;
  for (const Audited& one : claims) ++counts[one.finding.verdict];
  std::string text;
  for (const auto& [verdict, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word_of(verdict));
  const auto unbuilt =
      std::ranges::count_if(claims, [](const Audited& one) { return !one.claim.built; });
  return fmt::format("{} claims: {}; {} of capabilities that are not built yet", claims.size(),
                     text, unbuilt);
}

/// Nothing where there is none.
std::string interval_of(const audit::Finding& finding) {
  return finding.interval ? audit::interval_text(*finding.interval) : std::string{};
}

std::vector<Cell> interval_cells(const std::optional<audit::Interval>& interval) {
  if (!interval) return std::vector<Cell>(4);
  constexpr int digits = 4;
  return {Decimal{interval->low, digits}, Decimal{interval->high, digits}, interval->of,
          interval->seeds.empty() ? Cell{} : interval->seeds};
}

Rows rows_of(const std::vector<Audited>& claims) {
  Rows rows{{{"id", "ID"},
             {"area", "AREA"},
             {"claim", "CLAIM"},
             {"verdict", "VERDICT"},
             {"number", "NUMBER"},
             {"reason", "REASON"},
             {"command", "COMMAND"},
             {"built", "BUILT"},
             {"low", "LOW"},
             {"high", "HIGH"},
             {"interval_of", "INTERVAL OF"},
             {"seeds", "SEEDS"},
             {"steps", "STEPS"}},
            {}};
  for (const auto& [claim, finding] : claims) {
    auto& row = rows.rows.emplace_back(std::vector<Cell>{
        std::int64_t{claim.id}, claim.area, claim.text, word_of(finding.verdict), finding.number,
        finding.reason, finding.command, std::int64_t{claim.built}});
    for (Cell& cell : interval_cells(finding.interval)) row.push_back(std::move(cell));
    row.emplace_back(fmt::format("{}", fmt::join(finding.steps, "\n")));
  }
  return rows;
}

Colour colour_of(Verdict verdict) {
  if (verdict == Verdict::impossible) return Colour::red;
  if (verdict == Verdict::unsupported) return Colour::yellow;
  return verdict == Verdict::judgement ? Colour::dim : Colour::green;
}

/// With the arithmetic of each, if somebody asked for these claims.
void print(const std::vector<Audited>& claims, bool steps) {
  const auto line = [](const std::string& text) {
    if (!text.empty()) fmt::print("                 {}\n", text);
  };
  for (const auto& [claim, finding] : claims) {
    const std::string verdict = fmt::format("{:<11}", word_of(finding.verdict));
    fmt::print("{:>3}  {}  {}\n", claim.id, coloured(verdict, colour_of(finding.verdict), stdout),
               claim.text);
    line(finding.number);
    line(interval_of(finding));
    line(coloured(finding.reason, Colour::dim, stdout));
    if (!finding.command.empty()) line("$ " + finding.command);
    if (!steps) continue;
    for (const std::string& step : finding.steps) line("  " + step);
  }
  fmt::print("\n{}.\n", counts_of(claims));
}

/// In a line of its own.
std::string small(const std::string& text) {
  return text.empty() ? "" : "<br><small>" + report::escaped(text) + "</small>";
}

std::string page_of(const std::vector<Audited>& claims) {
  using report::escaped;
  std::string body =
      fmt::format("<h1>Claims and what became of them</h1>\n<p>{}.</p>\n", counts_of(claims));
  body +=
      "<div class=\"panel wide\"><table "
      "class=\"stack\"><thead><tr><th></th><th>Claim</th><th>Verdict</th>"
      "<th>Our number</th><th>Why</th></tr></thead>\n<tbody>\n";
  for (const auto& [claim, finding] : claims)
    body += fmt::format(
        "<tr><td class=\"number\">{}</td><th>{}</th><td>{}</td><td>{}{}</td><td>{}{}</td></tr>\n",
        claim.id, escaped(claim.text), word_of(finding.verdict), escaped(finding.number),
        small(interval_of(finding)), escaped(finding.reason),
        finding.command.empty() ? "" : "<pre>" + escaped(finding.command) + "</pre>");
  return report::page("Claims", body + "</tbody></table></div>\n");
}

Result<std::vector<Audited>> audit_all(const std::vector<audit::Claim>& claims,
                                       const plan::Facts& facts) {
  Progress progress{"working claims out"};
  std::vector<Audited> audited;
  for (const audit::Claim& claim : claims) {
    progress.show(static_cast<double>(audited.size()) / static_cast<double>(claims.size()));
    Audited one = AXS_TRY(audit::audit(claim, facts));
    if (claim.id == claim_of_scaling) one.finding = AXS_TRY(played(std::move(one.finding), facts));
    audited.push_back(std::move(one));
  }
  return audited;
}

/// The claims that are asked for; all if none is named.
Result<std::vector<audit::Claim>> chosen(const std::vector<audit::Claim>& claims,
                                         const std::vector<std::uint32_t>& ids) {
  if (ids.empty()) return claims;
  std::vector<audit::Claim> some;
  for (const std::uint32_t id : ids) {
    const auto found = std::ranges::find(claims, id, &audit::Claim::id);
    if (found == claims.end())
      return Error{Errc::invalid, fmt::format("claim {}, want one of 1 to {}", id, claims.size())};
    some.push_back(*found);
  }
  return some;
}

}  // namespace

void AuditCommand::declare(CLI::App& app) {
  app.add_option("claim", ids_, "Numbers of claims; all if none is given");
  app.add_option("--html", html_, "Write the table as a page, into this file");
  format_.declare(app);
  app.footer(
      "Verdicts: measured, on a running system; simulated, by this program's models; impossible,\n"
      "against physics or arithmetic; unsupported; a judgement.\n"
      "With numbers of claims it says the arithmetic as well. Intervals hold nine times of ten, or "
      "are\nthe least and the greatest of the seeds that they name.\n"
      "\n"
      "Examples:\n"
      "  axs audit\n"
      "  axs audit 12 18 --json\n"
      "  axs audit --html claims.html");
}

Result<ExitCode> AuditCommand::run() {
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  const auto all = AXS_TRY(config::parse_claims(config::shipped_claims()));
  const auto claims = AXS_TRY(chosen(all, ids_));
  const auto page = AXS_TRY(output_of("--html", html_));
  const auto audited = AXS_TRY(audit_all(claims, facts));
  if (page) AXS_TRY(page->write(page_of(audited)));
  if (format_.json || format_.csv)
    std::fputs(format_.text(rows_of(audited), "claims").c_str(), stdout);
  else
    print(audited, !ids_.empty());
  return ExitCode::done;
}

}  // namespace axs::cli
