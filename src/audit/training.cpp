#include <fmt/format.h>

#include <array>
#include <cmath>

#include "axs/audit/calculations.h"
#include "axs/audit/fleets.h"
#include "axs/core/dmath.h"
#include "axs/plan/outer_sync.h"
#include "axs/plan/plan_devices.h"

namespace axs::audit {

namespace {

constexpr double exa = 1e18, day = 86'400, giga = 1e9;
constexpr std::uint32_t claimed_fleet = 1024;
/// Between continents, through fibre: San Francisco to Tokyo and back along 1.3 times the great
/// circle.
constexpr Seconds round_trip{0.108};
constexpr std::uint32_t continents = 3;

double devices_per_replica(const plan::TrainingPlan& plan) {
  return static_cast<double>(plan::devices_of_replica(plan.method, plan.groups.front()));
}

double devices_in_use(const plan::TrainingPlan& plan) {
  return static_cast<double>(plan::devices_of(plan));
}

/// Of the peak in bf16 of all devices in use.
double utilisation(const plan::Job& job, const plan::TrainingPlan& plan,
                   const plan::Accelerator& accelerator) {
  return sustained(job, plan) / (devices_in_use(plan) * accelerator.peak);
}

Result<Finding> sustained_exaflops(const plan::Facts& facts) {
  constexpr Flops claimed{1.2 * exa};
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const plan::Job job = trillion_job(facts, 1e12);
  const Flops whole = plan::training_flops_per_token(job.shape, job.sequence) * job.tokens;
  const double count = AXS_TRY(devices_for(job, facts, "H100", Seconds{whole / claimed}));
  const double megawatts = count * h100.power.value() * (1 + h100.host_share) * 1e-6;
  return Finding{Verdict::simulated,
                 fmt::format("{:.0f} H100 in {:.0f} racks of 32, {:.1f} MW, {:.1f} at a PUE of 1.2",
                             count, std::ceil(count / 32), megawatts, 1.2 * megawatts),
                 fmt::format("A model of 10^12 parameters in bf16; power at the limits, with hosts "
                             "as declared. 20 racks of 32 would have to sustain {:.0f} % of their "
                             "peak in fp8.",
                             100 * claimed.value() / (20 * 32 * 2 * h100.peak.value())),
                 ""};
}

Result<Finding> days_of_175b(const plan::Facts& facts) {
  const plan::Job job = gpt3_job(facts);
  const std::uint32_t h100 = AXS_TRY(devices_for(job, facts, "H100", Seconds{12 * day}));
  const std::uint32_t a100 = AXS_TRY(devices_for(job, facts, "A100-80", Seconds{18 * day}));
  const auto of_h100 = AXS_TRY(plan_on(job, facts, "H100", claimed_fleet));
  const auto of_a100 = AXS_TRY(plan_on(job, facts, "A100-80", claimed_fleet));
  const double ratio = of_a100.duration / of_h100.duration;
  return Finding{
      Verdict::simulated,
      fmt::format("{} H100 in 12 days, {} A100 in 18; 1,024 of each: {:.1f} and {:.1f} days", h100,
                  a100, of_h100.duration.value() / day, of_a100.duration.value() / day),
      fmt::format("300 billion tokens in bf16, software of Megatron, no failures. On equal "
                  "numbers of devices the ratio is {:.1f}, not 1.5: the claim compares fleets of "
                  "different sizes.",
                  ratio),
      ""};
}

Result<Finding> zephyr_training_time(const plan::Facts& facts) {
  constexpr std::uint32_t twenty_racks = 640;
  const plan::Job job = gpt3_job(facts);
  const auto zephyr = AXS_TRY(plan_on(job, facts, "Zephyr", twenty_racks));
  const auto h100 = AXS_TRY(plan_on(job, facts, "H100", twenty_racks));
  const double saved = 100 * (1 - zephyr.duration / h100.duration);
  return Finding{
      Verdict::unsupported, fmt::format("{:.0f} % less than as many H100", saved),
      "GPT-3 175B in bf16 on 640 of each by X-Ray; what is known of a Zephyr is declared "
      "by the description or assumed, never measured.",
      ""};
}

/// How much of the cut is over data, if its logarithm is shared out: 64 replicas of 16 devices are
/// 60/40.
double data_share(const plan::TrainingPlan& plan) {
  const double devices = devices_in_use(plan);
  return 100 * (1 - dmath::log(devices_per_replica(plan)) / dmath::log(devices));
}

Result<Finding> split_of_parallelism(const plan::Facts& facts) {
  const auto small = AXS_TRY(plan_on(ten_billion_job(facts), facts, "H100", claimed_fleet));
  const auto middle = AXS_TRY(plan_on(gpt3_job(facts), facts, "H100", claimed_fleet));
  const auto large = AXS_TRY(plan_on(llama_405b_job(facts, 1e12), facts, "H100", claimed_fleet));
  return Finding{Verdict::unsupported,
                 fmt::format("data {:.0f} % of the cut for 10B, {:.0f} for 175B, {:.0f} for 405B",
                             data_share(small), data_share(middle), data_share(large)),
                 fmt::format("Share of the logarithm of 1,024 H100 in the fastest plan: replicas "
                             "of {:.0f}, {:.0f} and {:.0f} devices. The best split follows from "
                             "the model and the memory; no one is best.",
                             devices_per_replica(small), devices_per_replica(middle),
                             devices_per_replica(large)),
                 ""};
}

Result<Finding> practical_time(const plan::Facts& facts) {
  constexpr double tokens_per_parameter = 20;
  const auto job = llama_405b_job(facts, tokens_per_parameter * 405e9);
  const auto few = AXS_TRY(plan_on(job, facts, "H100", claimed_fleet));
  const auto many = AXS_TRY(plan_on(job, facts, "H100", 16'384));
  return Finding{Verdict::simulated,
                 fmt::format("405B: {:.0f} days on 1,024 H100, {:.0f} on 16,384",
                             few.duration.value() / day, many.duration.value() / day),
                 "Llama 3 405B on 20 tokens for each parameter (Hoffmann et al. 2022), in bf16, no "
                 "failures: practical on fleets of tens of thousands, years on a thousand.",
                 ""};
}

Result<Finding> trillions(const plan::Facts& facts) {
  const auto job = trillion_job(facts, 20e12);
  const auto plan = AXS_TRY(plan_on(job, facts, "H100", 16'384));
  Bytes fullest{};
  for (const plan::PlannedStage& stage : plan.groups.front().stages)
    fullest = std::max(fullest, stage.memory);
  return Finding{
      Verdict::simulated,
      fmt::format("{:.0f}B fit with {:.0f} GB a device; {:.1f} years on 16,384 H100",
                  plan::parameters(job.shape) / giga, fullest.value() / giga,
                  plan.duration.value() / day / 365.25),
      fmt::format("Dense, on 20 trillion tokens, replicas of {:.0f} devices. The largest "
                  "dense run that is published with its speed had 10^12 parameters "
                  "(Narayanan et al. 2021).",
                  devices_per_replica(plan)),
      ""};
}

/// 1,024 H100 on three continents: what each third computes in a step.
Result<plan::OuterJob> three_thirds(const plan::Facts& facts) {
  plan::Job third = ten_billion_job(facts);
  third.global_batch /= continents;
  const auto plan = AXS_TRY(plan_on(third, facts, "H100", claimed_fleet / continents));
  return plan::OuterJob{plan::parameters(third.shape), third.shape.layers,
                        std::vector(continents, plan.step.total)};
}

/// The least rate between sites at which they compute for `wanted` of the time.
Result<double> gigabits_for(const plan::OuterJob& job, const plan::OuterSync& sync, double wanted) {
  double low = 1e-3, high = 1e5;
  while (high / low > 1.001) {
    const double middle = std::sqrt(low * high);
    const auto cost =
        AXS_TRY(plan::outer_cost(job, sync, {bits_per_second(middle * giga), round_trip}));
    (cost.utilisation >= wanted ? high : low) = middle;
  }
  return high;
}

constexpr plan::OuterSync every_step{};
/// Streaming DiLoCo's, of which a loss is published.
constexpr plan::OuterSync streaming{.period = 100, .fragments = 8, .overlap = 1, .bits = 4};

Result<Finding> scaling_on_three_continents(const plan::Facts& facts) {
  const plan::OuterJob job = AXS_TRY(three_thirds(facts));
  const double plain = AXS_TRY(gigabits_for(job, every_step, 0.92));
  const double outer = AXS_TRY(gigabits_for(job, streaming, 0.92));
  return Finding{
      Verdict::simulated,
      fmt::format("from {:.1f} Gb/s with outer synchronisation, from {:.0f} Gb/s in every step",
                  outer, plain),
      fmt::format("10B parameters, steps of {:.2f} s, {:.0f} ms round trip: on slower links "
                  "neither holds. The twin has failures, cuts and satellites besides.",
                  job.slowest().value(), round_trip.value() * 1e3),
      "axs twin scenarios/1024-gpus.toml"};
}

Result<Finding> synchronous_across_continents(const plan::Facts& facts) {
  const plan::OuterJob job = AXS_TRY(three_thirds(facts));
  const auto at = [&](double gigabits) {
    return plan::outer_cost(job, every_step, {bits_per_second(gigabits * giga), round_trip});
  };
  const auto ten = AXS_TRY(at(10));
  const auto hundred = AXS_TRY(at(100));
  return Finding{Verdict::simulated,
                 fmt::format("computes {:.0f} % of the time at 10 Gb/s, {:.0f} % at 100 Gb/s",
                             100 * ten.utilisation, 100 * hundred.utilisation),
                 "1,024 H100 in thirds, 10B parameters, gradients in bf16 in every step: nothing "
                 "is stale, and the devices wait.",
                 ""};
}

Result<Finding> overall_utilisation(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const plan::Job job = gpt3_job(facts);
  const auto plan = AXS_TRY(plan_on(job, facts, "H100", claimed_fleet));
  const double mfu = utilisation(job, plan, h100);
  // Llama 3, 54 days on 16,384 H100 (arXiv 2407.21783, section 3.3.4).
  constexpr double goodput = 0.90;
  return Finding{Verdict::unsupported,
                 fmt::format("{:.0f} % = goodput of more than {:.0f} % x {:.0f} % of the peak",
                             100 * goodput * mfu, 100 * goodput, 100 * mfu),
                 "GPT-3 175B on 1,024 H100 in bf16 by X-Ray; the goodput is what Llama 3 reports. "
                 "Above 90 % is goodput alone.",
                 ""};
}

constexpr std::array calculations{
    Calculation{1, sustained_exaflops},
    Calculation{9, zephyr_training_time},
    Calculation{11, overall_utilisation},
    Calculation{20, scaling_on_three_continents},
    Calculation{21, split_of_parallelism},
    Calculation{22, days_of_175b},
    Calculation{25, synchronous_across_continents},
    Calculation{26, practical_time},
    Calculation{52, trillions},
};

}  // namespace

std::span<const Calculation> training_calculations() {
  return calculations;
}

}  // namespace axs::audit
