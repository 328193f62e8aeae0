#include "axs/audit/audit.h"
#include "axs/audit/fleets.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "axs/config/claims.h"
#include "axs/config/facts_testing.h"

using namespace axs;
using namespace axs::audit;

namespace {

Finding finding_of(std::uint32_t id) {
  return audit::audit({.id = id, .area = "", .text = "", .known = {}},
                      config::testing::shipped_facts())
      ->finding;
}

}  // namespace

TEST_SUITE_BEGIN("audit");

TEST_CASE("audit: every shipped claim has exactly one finding, with a number or a reason") {
  const auto claims = config::parse_claims(config::shipped_claims());
  REQUIRE(claims.has_value());
  for (const Claim& claim : *claims) {
    CAPTURE(claim.id);
    const auto audited = audit::audit(claim, config::testing::shipped_facts());
    REQUIRE(audited.has_value());
    const Finding& finding = audited->finding;
    CHECK_FALSE(finding.reason.empty());
    if (finding.verdict == Verdict::measured) CHECK_FALSE(finding.command.empty());
    if (!claim.known || claim.id == 23) CHECK_FALSE(finding.number.empty());
    if (!claim.built) CHECK(finding.verdict != Verdict::measured);
  }
}

// By hand: a great circle of 9,134 km; c = 299.792 km/ms.
TEST_CASE("audit: light's numbers are those that one works out by hand") {
  CHECK(finding_of(12).number == "60.9 ms at least, 91.4 ms through straight fibre");
  CHECK(finding_of(13).number == "within 749 km, 500 km through straight fibre");
  CHECK(finding_of(14).number ==
        "41.4 ms America to Europe, 55.2 America to Asia, 62.3 Europe to Asia, at least");
  CHECK(finding_of(16).number ==
        "31.0 ms New York to Frankfurt, 45.7 ms San Francisco to Frankfurt, one way");
  CHECK(finding_of(17).number == "up to 666 km apart");
  // (1 - cos(4496.9 / 6371)) / 2, and half the circumference there and back.
  // Fejes Toth's bound is 41.2 degrees for 10 caps and 39.2 for 11, here are 40.4.
  CHECK(finding_of(18).number == "at least 11 sites, 12 are enough: one reaches 12 % of the earth");
  // 4 x 550 km, and 4 x 1,123 km at 25 degrees.
  CHECK(finding_of(19).number == "7.3 to 15.0 ms of it are light's");
}

// By hand, from the data sheets: 989.4 and 312 TF/s, 700 and 400 W, 450 GB/s each way.
TEST_CASE("audit: data sheets' numbers are those that one works out by hand") {
  CHECK(finding_of(2).number == "63.3 PF peak in fp8, 31.7 PF in bf16, of 32 H100");
  CHECK(finding_of(4).number == "1.81 times in bf16, 3.62 with fp8 against bf16");
  CHECK(finding_of(6).number == "7.9 PF peak in bf16, 15.8 in fp8");
  CHECK(finding_of(7).number == "3350 GB/s of memory");
  CHECK(finding_of(46).number == "50 GB/s a link, 900 GB/s a device");
  // 32 x 700 W x 1.5, 72 x 1,200 W x 1.29.
  CHECK(finding_of(31).number == "34 kW of 32 H100, 111 kW of 72 GB200");
  // 2.14 dollars / 0.9894 PF; 1,200 PF x 43,830 h x 0.07 dollars.
  CHECK(finding_of(34).number == "2.16 dollars in bf16, 1.08 in fp8");
  CHECK(finding_of(44).number == "3.68 million dollars");
}

// 300 billion tokens of GPT-3 are 3.15e23 FLOP, or 3.64 exaFLOPS x days: 304 PF for twelve days,
// 203 for eighteen. Published: 432.8 TF of an H100 in bf16 (Megatron-LM's README), 139 to 160 of an
// A100 (Narayanan et al. 2021; MegaScale).
TEST_CASE("audit: fleets that end in time are those that published rates ask for") {
  const plan::Facts& facts = config::testing::shipped_facts();
  const plan::Job job = gpt3_job(facts);
  constexpr double day = 86'400;
  const auto h100 = devices_for(job, facts, "H100", Seconds{12 * day});
  CHECK(*h100 >= 0.95 * 702);
  CHECK(*h100 <= 1.05 * 702 + 64);
  const auto a100 = devices_for(job, facts, "A100-80", Seconds{18 * day});
  CHECK(*a100 >= 0.95 * 1263);
  CHECK(*a100 <= 1.05 * 1450 + 64);
  CHECK(plan_on(job, facts, "H100", *h100)->duration <= Seconds{12 * day});
  CHECK(plan_on(job, facts, "H100", *h100 - 64)->duration > Seconds{12 * day});
  CHECK_FALSE(devices_for(job, facts, "H100", Seconds{60}).has_value());
}

TEST_CASE("audit: what the planner predicts has an interval that the prediction lies in") {
  for (const std::uint32_t id : {1u, 9u, 11u, 20u, 22u, 25u, 26u, 52u}) {
    CAPTURE(id);
    const Finding finding = finding_of(id);
    REQUIRE(finding.interval.has_value());
    CHECK(finding.interval->low < finding.interval->high);
    CHECK(finding.interval->seeds.empty());
    CHECK_FALSE(finding.interval->of.empty());
  }
  CHECK(interval_text({1.5, 2, "days", ""}) == "nine times of ten 1.5 to 2 days");
  CHECK(interval_text({1.5, 2, "days", "1 to 5"}) == "seeds 1 to 5: 1.5 to 2 days");
  CHECK(interval_text({1921.4, 3780, "H100", ""}) == "nine times of ten 1921 to 3780 H100");
}

TEST_CASE("audit: every calculation says its arithmetic") {
  const auto claims = config::parse_claims(config::shipped_claims());
  REQUIRE(claims.has_value());
  for (const Claim& claim : *claims) {
    if (claim.known) continue;
    CAPTURE(claim.id);
    CHECK_FALSE(finding_of(claim.id).steps.empty());
  }
  CHECK(finding_of(44).steps ==
        std::vector<std::string>{"1200 PF x 43830 h x 0.07 $ = 3.68 million $"});
}

namespace {

/// Of a sentence, in their order.
std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  const std::string digits = "0123456789";
  for (std::size_t at = text.find_first_of(digits); at < text.size();
       at = text.find_first_of(digits, at)) {
    std::size_t length = 0;
    numbers.push_back(std::stod(text.substr(at), &length));
    at += length;
  }
  return numbers;
}

/// As many digits as are printed.
void check_printed(double by_hand, double printed) {
  CHECK(by_hand == doctest::Approx(printed).epsilon(5e-4));
}

/// The exchange, by hand, from the rate, bits and fragments that the sentence says.
void check_exchange(const std::string& text, const std::vector<double>& third, std::size_t at) {
  CAPTURE(text);
  const auto n = numbers_in(text);
  const double step = third[3], parameters = third[5], layers = third[6], back = third.back();
  const bool in_fragments = text.find("fragments") != std::string::npos;
  CHECK(n[at + 3] == parameters);
  const double fragments = in_fragments ? n[at + 5] : 1;
  const std::size_t then = at + (in_fragments ? 6 : 5);
  const double exchange = 4.0 / 3 * parameters * n[at + 4] / fragments / (n[at] * 1e9) + 2 * 0.108;
  check_printed(exchange, n[then + 2]);
  double wait = 0;
  for (double p = 0; p < fragments; ++p)
    wait += n[then + 2] - (in_fragments ? step : 0) - (layers - fragments + p) * back;
  check_printed(wait, in_fragments ? n[n.size() - 2] : n.back());
}

}  // namespace

TEST_CASE("audit: what exchanges between continents take follows by hand from what is printed") {
  for (const std::uint32_t id : {20u, 25u}) {
    const Finding finding = finding_of(id);
    REQUIRE(finding.steps.size() == 6);
    const auto third = numbers_in(finding.steps[0]);
    check_printed(2.0 / 3 * third[3] / third[6], third.back());
    check_exchange(finding.steps[1], third, id == 20 ? 1 : 0);
    check_exchange(finding.steps[id == 20 ? 4 : 3], third, 0);
    for (const std::size_t i : {2u, id == 20 ? 5u : 4u}) {
      const auto n = numbers_in(finding.steps[i]);
      CHECK(std::abs(100 * n[0] * n[1] / (n[2] * n[3] + n[4]) - n[5]) < 0.051);
    }
  }
}

TEST_CASE("audit: shares at 10 Gb/s follow by hand from steps as long as are likely") {
  const Finding finding = finding_of(25);
  const auto third = numbers_in(finding.steps[0]), ten = numbers_in(finding.steps[1]);
  const double likely = third[3], spread = third[4], layers = third[6], exchange = ten[7];
  const auto share = [&](double step) {
    const double hidden = (layers - 1) * 2 / 3 * step / layers;
    return fmt::format("{:.1f}", 100 * step / (step + exchange - hidden));
  };
  const std::string number = "computes " + share(likely) + " % of the time at 10 Gb/s (" +
                             share(likely / spread) + " to " + share(likely * spread) + "), ";
  CHECK(finding.number.starts_with(number));
}

TEST_CASE("audit: what eight devices add up in 200 us follows by hand from what is printed") {
  const Finding finding = finding_of(10);
  const auto rate = numbers_in(finding.steps[0]), nothing = numbers_in(finding.steps[1]);
  const auto all = numbers_in(finding.steps[2]);
  check_printed(rate[0] * rate[1], rate[2]);
  check_printed(nothing[0] * nothing[1] * nothing[2], nothing[3]);
  check_printed(1e3 * 2 * 7 / 8 * all[3] / all[4] + all[5], 200);
  CHECK(finding.number == "gradients of up to 24.3 MB, 12.2 M parameters in bf16");
}

TEST_CASE("audit: a mesh on a package saves 40 % of what tensor devices exchange") {
  const Finding finding = finding_of(5);
  const auto told = numbers_in(finding.steps[1]);
  CHECK(told[0] == 40);
  CHECK(told[1] > 0);
  CHECK(0.4 * 100 * told[1] / told[2] == doctest::Approx(told[3]).epsilon(0.02));
  CHECK(finding.number == "it would make a step " +
                              finding.steps[1].substr(finding.steps[1].rfind('=') + 2) +
                              " shorter");
}

// 2.625e12 FLOP for each of 8.1e12 tokens over 16,384 x 400 TF/s (arXiv 2407.21783, table 4).
TEST_CASE("audit: of 405B the published rate stands beside our plan's") {
  const Finding finding = finding_of(26);
  CHECK(finding.number.find("37.6 at the published rate") != std::string::npos);
  CHECK(finding.reason.find("interleaved pipelines, as our plan has") != std::string::npos);
  CHECK(finding.interval->low < 37.6);
  CHECK(finding.interval->high > 37.6);
}

TEST_CASE("audit: a claim without a finding, or with two, is an error") {
  const auto none = audit::audit({.id = 1000, .area = "", .text = "", .known = {}},
                                 config::testing::shipped_facts());
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().what == "claim 1000: without a finding, want exactly one");
  const auto two = audit::audit({.id = 12, .area = "", .text = "", .known = Finding{}},
                                config::testing::shipped_facts());
  REQUIRE_FALSE(two.has_value());
  CHECK(two.error().what == "claim 12: both a calculation and a finding, want exactly one");
}

TEST_CASE("audit: an accelerator that the catalogue lacks is an error") {
  const auto outcome = audit::audit({.id = 2, .area = "", .text = "", .known = {}}, {});
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().what == "accelerator \"H100\" is not in the catalogue");
}

TEST_SUITE_END();
