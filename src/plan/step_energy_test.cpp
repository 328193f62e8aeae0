#include "axs/plan/step_energy.h"

#include <doctest/doctest.h>

#include <cmath>

#include "axs/config/facts_testing.h"
#include "axs/plan/names.h"
#include "axs/plan/published_run.h"

using namespace axs;
using namespace axs::plan;

namespace {

Workload llama_on(const std::string& accelerator) {
  PublishedRun run;
  run.source = "somebody";
  run.model = "Llama 3 8B";
  run.accelerator = accelerator;
  run.sequence = 8192;
  run.global_batch = 256;
  run.micro_batch = 1;
  run.devices = 64;
  run.tensor = 4;
  run.pipeline = 1;
  return *workload_of(run, config::testing::shipped_facts());
}

/// Of a device with its part of the host, without the site.
struct Power {
  Watts mean;
  double spread;
};
Power power_of(const Workload& work) {
  const StepTime step = *step_time(work, config::testing::shipped_facts().calibration);
  const StepEnergy energy = *step_energy(work, step, 1);
  const double all = std::log(energy.spread);
  const double time = std::log(step.spread);
  return {(energy.device + energy.host) / step.total, std::exp(std::sqrt(all * all - time * time))};
}

}  // namespace

TEST_CASE("energy: a device draws between idle and its limit, a site more") {
  for (const char* name : {"A100-80", "H100", "TPU v5p", "GB200"}) {
    CAPTURE(name);
    const Workload work = llama_on(name);
    const StepTime step = *step_time(work, config::testing::shipped_facts().calibration);
    const StepEnergy energy = *step_energy(work, step, 1.1);
    const Watts device = energy.device / step.total;
    CHECK(device < work.accelerator.power);
    CHECK(device > work.accelerator.power * work.accelerator.idle_share);
    CHECK(energy.whole.value() ==
          doctest::Approx(1.1 * 64 * (energy.device + energy.host).value()));
    CHECK(energy.spread > step.spread);
    CHECK(energy.low() < energy.high());
  }
}

TEST_CASE("energy: waiting draws less than working") {
  const Workload work = llama_on("H100");
  StepTime step = *step_time(work, config::testing::shipped_facts().calibration);
  const StepEnergy busy = *step_energy(work, step, 1);
  step.bubble += step.total;
  step.total = 2 * step.total;
  const StepEnergy half = *step_energy(work, step, 1);
  CHECK(half.device > busy.device);
  CHECK(half.device / step.total < busy.device / (step.total / 2));
}

// Patterson et al. 2021, table 4: 245 to 310 W of system power for each TPU v3 in training; PaLM
// (Chowdhery et al. 2022, appendix B): 378.5 W for each TPU v4 with a PUE of 1.08.
TEST_CASE("energy: the few measured figures lie in the interval") {
  const Power v3 = power_of(llama_on("TPU v3"));
  CHECK(v3.mean / v3.spread < Watts{245});
  CHECK(v3.mean * v3.spread > Watts{310});
  const Power v4 = power_of(llama_on("TPU v4"));
  CHECK(v4.mean / v4.spread < Watts{378.5 / 1.08});
  CHECK(v4.mean * v4.spread > Watts{378.5 / 1.08});
}

TEST_CASE("energy: a site that gives more than it takes is refused") {
  const Workload work = llama_on("H100");
  const StepTime step = *step_time(work, config::testing::shipped_facts().calibration);
  CHECK(step_energy(work, step, 0.9).error().what == "pue 0.900000, want 1 to 10");
  CHECK_FALSE(step_energy(work, step, std::nan("")));
}

TEST_CASE("cost: hours of devices and energy at the meter") {
  const Workload work = llama_on("H100");
  StepTime step = *step_time(work, config::testing::shipped_facts().calibration);
  step.total = Seconds{3600};
  StepEnergy energy;
  energy.whole = Joules{3.6e9};  // 1 MWh
  const StepCost cost =
      step_cost(work, step, energy,
                {.device = Dollars{2} / Seconds{3600}, .energy = Dollars{0.1} / Joules{3.6e6}});
  CHECK(cost.devices.value() == doctest::Approx(128));
  CHECK(cost.energy.value() == doctest::Approx(100));
  CHECK(cost.total().value() == doctest::Approx(228));
}

TEST_CASE("cost: the catalogue knows a price only where somebody printed one") {
  const AcceleratorFacts* const h100 =
      most_like(config::testing::shipped_facts().accelerators, "H100");
  REQUIRE(h100);
  REQUIRE(h100->price);
  CHECK((*h100->price * Seconds{3600}).value() == doctest::Approx(2.14));
  CHECK_FALSE(most_like(config::testing::shipped_facts().accelerators, "TPU v5p")->price);
}
