#include "axs/config/claims.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/config/table.h"

namespace axs::config {

namespace {

using audit::Claim;
using audit::Verdict;

constexpr std::uint64_t claims_version = 1;

audit::Finding read_finding(Table& t) {
  audit::Finding finding;
  finding.verdict = t.choice<Verdict>("verdict", {{"measured", Verdict::measured},
                                                  {"simulated", Verdict::simulated},
                                                  {"impossible", Verdict::impossible},
                                                  {"unsupported", Verdict::unsupported},
                                                  {"a judgement", Verdict::judgement}});
  if (t.has("number")) finding.number = t.text("number");
  finding.reason = t.text("reason");
  if (t.has("command")) finding.command = t.text("command");
  return finding;
}

void read_claim(Table& t, std::vector<Claim>& claims) {
  Claim claim{.id = static_cast<std::uint32_t>(t.whole("id", 1, 1'000'000)),
              .area = t.text("area"),
              .text = t.text("text"),
              .known = {}};
  if (std::ranges::find(claims, claim.id, &Claim::id) != claims.end())
    t.fail("id", fmt::format("{} is used twice", claim.id));
  if (t.has("verdict")) claim.known = read_finding(t);
  if (t.has("built")) claim.built = t.flag("built");
  claims.push_back(std::move(claim));
}

}  // namespace

Result<std::vector<Claim>> parse_claims(std::string_view text) {
  const std::string file = "claims.toml";
  const toml::table root = AXS_TRY(parse_toml(text, file));
  Table::Problem problem{file, std::nullopt};
  Table top{root, "", problem};
  if (top.whole("version", 1, 1000) > claims_version)
    top.fail("version", fmt::format("this program reads version {}", claims_version));
  std::vector<Claim> claims;
  top.tables("claim", [&](Table& t) { read_claim(t, claims); });
  top.finish();
  if (problem.first) return *problem.first;
  return claims;
}

}  // namespace axs::config
