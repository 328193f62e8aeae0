#include "axs/report/reroutes.h"

#include <doctest/doctest.h>

#include "axs/report/run_data.h"
#include "axs/report/sections.h"

namespace axs::report {
namespace {

catalog::RouteChanged move(const std::string& traffic, const std::string& why) {
  catalog::RouteChanged fact{"fra", traffic, "sfo-fra leo", "cut"};
  fact.grounds.left.path = "sfo-fra fibre";
  fact.grounds.taken.path = "sfo-fra leo";
  fact.grounds.sentence = why;
  return fact;
}

record::History history_of(std::vector<std::pair<Duration, catalog::Fact>> facts) {
  record::History history;
  history.entries.push_back({Instant{} + seconds(100), "", catalog::RunStarted{}});
  for (auto& [at, fact] : facts)
    history.entries.push_back({Instant{} + seconds(100) + at, "sfo", std::move(fact)});
  return history;
}

TEST_CASE("classes that one decision moves are one reroute, others are not") {
  const auto all = reroutes(history_of({{seconds(5), move("control", "a <sentence>")},
                                        {seconds(5), move("gradient", "a <sentence>")},
                                        {seconds(7), move("bulk", "another")}}));
  REQUIRE(all.size() == 2);
  CHECK(all[0].at == doctest::Approx(5));
  CHECK(all[0].from == "sfo");
  CHECK(all[0].traffic == "control, gradient");
  CHECK(sentence(all[0]) == "a <sentence>");
  CHECK(all[1].traffic == "bulk");
}

TEST_CASE("a record of before says the reason and the path") {
  const auto all =
      reroutes(history_of({{seconds(5), catalog::RouteChanged{"fra", "bulk", "x leo", "slower"}}}));
  REQUIRE(all.size() == 1);
  CHECK(sentence(all[0]) == "slower");
  CHECK(all[0].grounds.taken.path == "x leo");
}

TEST_CASE("the report has a table of reroutes, escaped, and a line on handovers") {
  const std::string page = reroutes_table(run_data(history_of(
      {{seconds(5), move("gradient", "a <sentence>")},
       {seconds(6), catalog::HandoverKept{"fra", "sfo-fra leo", "", milliseconds(36)}},
       {seconds(9), catalog::HandoverKept{"fra", "sfo-fra leo", "sfo-fra fibre", {}}}})));
  for (const char* part : {"5.0 s", "sfo → fra", "gradient", "sfo-fra fibre", "sfo-fra leo",
                           "a &lt;sentence&gt;", "1 move, and why",
                           "Gradients kept off 2 planned changes of satellites, 1 over another "
                           "path and 1 by waiting, each for at most 36.0 ms."})
    CHECK_MESSAGE(page.find(part) != std::string::npos, part);
  CHECK(reroutes_table({}).empty());
}

}  // namespace
}  // namespace axs::report
