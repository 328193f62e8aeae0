#include "axs/cli/audit.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>

#include "axs/audit/audit.h"
#include "axs/cli/progress.h"
#include "axs/cli/terminal.h"
#include "axs/config/claims.h"
#include "axs/config/plan_facts.h"
#include "axs/core/enums.h"
#include "axs/host/file.h"
#include "axs/report/page.h"
#include "axs/report/text.h"

namespace axs::cli {
namespace {

using audit::Audited;
using audit::Verdict;

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

Rows rows_of(const std::vector<Audited>& claims) {
  Rows rows{{{"id", "ID"},
             {"area", "AREA"},
             {"claim", "CLAIM"},
             {"verdict", "VERDICT"},
             {"number", "NUMBER"},
             {"reason", "REASON"},
             {"command", "COMMAND"},
             {"built", "BUILT"}},
            {}};
  for (const auto& [claim, finding] : claims)
    rows.rows.push_back({std::int64_t{claim.id}, claim.area, claim.text, word_of(finding.verdict),
                         finding.number, finding.reason, finding.command,
                         std::int64_t{claim.built}});
  return rows;
}

Colour colour_of(Verdict verdict) {
  if (verdict == Verdict::impossible) return Colour::red;
  if (verdict == Verdict::unsupported) return Colour::yellow;
  return verdict == Verdict::judgement ? Colour::dim : Colour::green;
}

void print(const std::vector<Audited>& claims) {
  const auto line = [](const std::string& text) {
    if (!text.empty()) fmt::print("                 {}\n", text);
  };
  for (const auto& [claim, finding] : claims) {
    const std::string verdict = fmt::format("{:<11}", word_of(finding.verdict));
    fmt::print("{:>3}  {}  {}\n", claim.id, coloured(verdict, colour_of(finding.verdict), stdout),
               claim.text);
    line(finding.number);
    line(coloured(finding.reason, Colour::dim, stdout));
    if (!finding.command.empty()) line("$ " + finding.command);
  }
  fmt::print("\n{}.\n", counts_of(claims));
}

std::string page_of(const std::vector<Audited>& claims) {
  using report::escaped;
  std::string body =
      fmt::format("<h1>Claims and what became of them</h1>\n<p>{}.</p>\n", counts_of(claims));
  body +=
      "<div class=\"panel wide\"><table><thead><tr><th></th><th>Claim</th><th>Verdict</th>"
      "<th>Our number</th><th>Why</th></tr></thead>\n<tbody>\n";
  for (const auto& [claim, finding] : claims)
    body += fmt::format(
        "<tr><td class=\"number\">{}</td><th>{}</th><td>{}</td><td>{}</td><td>{}{}</td></tr>\n",
        claim.id, escaped(claim.text), word_of(finding.verdict), escaped(finding.number),
        escaped(finding.reason),
        finding.command.empty() ? "" : "<pre>" + escaped(finding.command) + "</pre>");
  return report::page("Claims", body + "</tbody></table></div>\n");
}

Result<std::vector<Audited>> audit_all(const std::vector<audit::Claim>& claims,
                                       const plan::Facts& facts) {
  Progress progress{"working claims out"};
  std::vector<Audited> audited;
  for (const audit::Claim& claim : claims) {
    progress.show(static_cast<double>(audited.size()) / static_cast<double>(claims.size()));
    audited.push_back(AXS_TRY(audit::audit(claim, facts)));
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
  const auto audited = AXS_TRY(audit_all(claims, facts));
  if (!html_.empty()) AXS_TRY(host::write_output(html_, page_of(audited)));
  if (format_.json || format_.csv)
    std::fputs(format_.text(rows_of(audited), "claims").c_str(), stdout);
  else
    print(audited);
  return ExitCode::done;
}

}  // namespace axs::cli
