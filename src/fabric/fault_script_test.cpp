#include "axs/fabric/fault_script.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::fabric;

TEST_CASE("fault script: by the clock and by the share of the work") {
  const catalog::Fault cut{.at = seconds(40), .what = catalog::CutLink{LinkId{0}, seconds(30)}};
  const catalog::Fault kill{.at = 0.5, .what = catalog::KillProcess{.site = SiteId{1}}};
  FaultScript script{{cut, kill}, 1000, Instant{}};
  std::vector<FaultScript::Action> actions;

  CHECK(script.wakeup() == Instant{} + seconds(40));
  script.step(Instant{} + seconds(10), FaultScript::Merged{499}, actions);
  CHECK(actions.empty());
  script.step(Instant{} + seconds(20), FaultScript::Merged{500}, actions);
  REQUIRE(actions.size() == 1);
  CHECK(std::get<FaultScript::Begin>(actions[0]).fault == 1);
  script.step(Instant{} + seconds(40), Wakeup{}, actions);
  CHECK(std::get<FaultScript::Begin>(actions.at(1)).fault == 0);
  CHECK(script.wakeup() == Instant{} + seconds(70));
  script.step(Instant{} + seconds(70), Wakeup{}, actions);
  CHECK(std::get<FaultScript::End>(actions.at(2)).fault == 0);
  CHECK_FALSE(script.wakeup());
  script.step(Instant{} + seconds(80), FaultScript::Merged{900}, actions);
  CHECK(actions.size() == 3);
}
