#include "axs/report/leases.h"

#include <doctest/doctest.h>

#include <cmath>

#include "axs/report/html.h"
#include "axs/report/sections.h"

namespace axs::report {
namespace {

using catalog::LeaseGranted;
using catalog::LeaseLost;

const std::string fibre = "sfo-fra fibre", sky = "sfo-fra leo";

/// Megabits per second.
LeaseGranted grant(double by_fibre, double by_sky, const std::string& why) {
  LeaseGranted fact{.from = "sfo", .to = "fra", .paths = {}, .lasts = seconds(4), .sentence = why};
  if (by_fibre > 0) fact.paths.push_back({fibre, bits_per_second(by_fibre * 1e6)});
  if (by_sky > 0) fact.paths.push_back({sky, bits_per_second(by_sky * 1e6)});
  return fact;
}

struct Story {
  Story() { tell(0, catalog::RunStarted{}); }
  void tell(double at, catalog::Fact fact, const std::string& site = {}) {
    history.entries.push_back({Instant{} + seconds(100) + from_seconds(at), site, std::move(fact)});
  }
  record::History history;
};

/// 60 MB, kept after 2, 3 and 5 s, beside two grants and a path's death.
Story push() {
  Story story;
  story.tell(1, catalog::TransferBegan{0, "model", "sfo", "fra", 60'000'000, 0}, "sfo");
  story.tell(1, grant(160, 80, "60.0 MB of <bulk> wait"));
  story.tell(1.5, grant(160.1, 79.9, "less waits"));  // That is no news.
  story.tell(2, catalog::TransferProgressed{0, "model", "sfo", "fra", 25'000'000}, "sfo");
  story.tell(3, catalog::TransferProgressed{0, "model", "sfo", "fra", 45'000'000}, "sfo");
  story.tell(3, LeaseLost{"fra", sky}, "sfo");
  story.tell(5, catalog::TransferDone{0, "model", "sfo", "fra", 60'000'000, seconds(4)}, "sfo");
  story.tell(6, grant(0, 0, "no bulk waits"));
  return story;
}

TEST_CASE("leases: from one change to the next, with what arrived meanwhile") {
  const Bulk found = bulk(push().history);
  REQUIRE(found.leases.size() == 2);
  const Lease &first = found.leases[0], &second = found.leases[1];
  CHECK(first.begin == doctest::Approx(1));
  CHECK(first.end == doctest::Approx(3));
  CHECK(first.rate == doctest::Approx(240));
  CHECK(first.received == doctest::Approx((25 + 20) * 8 / 2.0));
  CHECK(first.why == "60.0 MB of <bulk> wait");
  CHECK(first.ended.empty());
  CHECK(paths_text(first) == "160.0 Mb/s over sfo-fra fibre and 80.0 Mb/s over sfo-fra leo");
  CHECK(paths_text(second) == "160.0 Mb/s over sfo-fra fibre");
  CHECK(second.why == "sfo-fra leo died, and its share with it");
  CHECK(second.end == doctest::Approx(6));
  CHECK(second.received == doctest::Approx(15 * 8 / 3.0));
  CHECK(second.ended == "no bulk waits");
}

TEST_CASE("leases: the lines of the chart are steps, with a gap where there is nothing") {
  Story story = push();
  story.tell(8, grant(100, 0, "more"));
  const Bulk found = bulk(story.history);
  REQUIRE(found.leased.size() == 1);
  const Series& leased = found.leased[0];
  CHECK(leased.name == "sfo → fra, leased");
  REQUIRE(leased.value.size() == 7);
  for (const auto& [place, rate] : {std::pair{0, 240.0}, {1, 240.0}, {2, 160.0}, {3, 160.0}})
    CHECK(leased.value[static_cast<std::size_t>(place)] == doctest::Approx(rate));
  CHECK(std::isnan(leased.value[4]));
  CHECK(leased.at[4] == doctest::Approx(6));
  REQUIRE(found.received.size() == 1);
  CHECK(found.received[0].name == "model sfo → fra, received");
  CHECK(found.received[0].value.front() == doctest::Approx(200));
  CHECK(found.received[0].value.back() == doctest::Approx(60));
}

TEST_CASE("leases: one that nobody renews ends, and so do all when the run does") {
  Story story;
  story.tell(1, grant(10, 0, "a"));
  story.tell(5, LeaseLost{"fra", ""}, "sfo");
  story.tell(6, LeaseLost{"fra", sky}, "sfo");  // There is none any more.
  story.tell(7, grant(20, 0, "b"));
  story.tell(9, catalog::RunFinished{});
  story.tell(12, catalog::SiteStopped{}, "sfo");
  const Bulk found = bulk(story.history);
  REQUIRE(found.leases.size() == 2);
  CHECK(found.leases[0].ended == "nobody renewed it");
  CHECK(found.leases[0].end == doctest::Approx(5));
  CHECK(found.leases[1].ended.empty());
  CHECK(found.leases[1].end == doctest::Approx(9));
}

TEST_CASE("leases: a receiver that lost its disk's tail has received nothing then") {
  Story story;
  story.tell(1, catalog::TransferProgressed{0, "model", "sfo", "fra", 1}, "sfo");
  story.tell(1, catalog::TransferBegan{0, "model", "sfo", "fra", 60'000'000, 20'000'000}, "sfo");
  story.tell(2, catalog::TransferProgressed{0, "model", "sfo", "fra", 10'000'000}, "sfo");
  story.tell(3, catalog::TransferProgressed{0, "model", "sfo", "fra", 20'000'000}, "sfo");
  const Bulk found = bulk(story.history);
  REQUIRE(found.received.size() == 1);
  CHECK(found.received[0].at == std::vector<double>{2, 3});
  CHECK(found.received[0].value[0] == doctest::Approx(80));
}

TEST_CASE("leases: the report has a table of them, escaped, and a chart") {
  const RunData run = run_data(push().history);
  const std::string table = leases_table(run);
  for (const char* part : {"2 leases, and why", "1.0 to 3.0 s", "sfo → fra", "240.0 Mb/s",
                           "180.0 Mb/s", "160.0 Mb/s over sfo-fra fibre and 80.0 Mb/s",
                           "60.0 MB of &lt;bulk&gt; wait", "no bulk waits"})
    CHECK_MESSAGE(table.find(part) != std::string::npos, part);
  CHECK(leases_table({}).empty());
  CHECK(html(run, {}).find("id=\"bulk\"") != std::string::npos);
  CHECK(html({}, {}).find("id=\"bulk\"") == std::string::npos);
}

}  // namespace
}  // namespace axs::report
