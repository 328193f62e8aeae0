#include "axs/fabric/gradient_demands.h"

#include <doctest/doctest.h>

namespace axs::fabric {
namespace {

catalog::Scenario job_at(std::size_t sites) {
  catalog::Scenario scenario;
  scenario.sites.resize(sites);
  return scenario;
}

TEST_CASE("gradient demands: each site to every other one, one fragment of 16 bits a value") {
  catalog::Scenario scenario = job_at(3);
  scenario.train.outer.fragments = 4;
  scenario.train.outer.bits = 16;
  const double bytes = static_cast<double>(parameter_count(scenario.model) * 2 / 4);
  const auto demands = gradient_demands(scenario);
  REQUIRE(demands.size() == 6);
  for (const net::GradientDemand& demand : demands) {
    CHECK(demand.from != demand.to);
    CHECK(demand.message.value() == bytes);
  }
}

TEST_CASE("gradient demands: four bits are entropy coded, so that less is sent") {
  catalog::Scenario coarse = job_at(2), fine = job_at(2);
  coarse.train.outer.bits = 4;
  fine.train.outer.bits = 16;
  CHECK(4 * contribution_bytes(coarse) < contribution_bytes(fine));
}

TEST_CASE("gradient demands: none for a ring of every step, none at one site") {
  catalog::Scenario scenario = job_at(3);
  scenario.train.sync = catalog::SyncMode::every_step;
  CHECK(gradient_demands(scenario).empty());
  CHECK(gradient_demands(job_at(1)).empty());
}

}  // namespace
}  // namespace axs::fabric
