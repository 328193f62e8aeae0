#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "axs/audit/calculations.h"
#include "axs/audit/fleets.h"
#include "axs/core/dmath.h"
#include "axs/plan/outer_sync.h"
#include "axs/plan/plan_devices.h"

namespace axs::audit {

namespace {

constexpr double exa = 1e18, tera = 1e12, day = 86'400, giga = 1e9;
constexpr std::uint32_t claimed_fleet = 1024;
/// Between continents, through fibre: San Francisco to Tokyo and back along 1.3 times the great
/// circle.
constexpr Seconds round_trip{0.108};
constexpr std::uint32_t continents = 3;

/// That has the most devices.
const plan::ReplicaGroup& largest_group(const plan::TrainingPlan& plan) {
  return *std::ranges::max_element(plan.groups, {}, [&](const plan::ReplicaGroup& group) {
    return plan::devices_of(plan.method, group);
  });
}

double devices_per_replica(const plan::TrainingPlan& plan) {
  return static_cast<double>(plan::devices_of_replica(plan.method, largest_group(plan)));
}

double devices_in_use(const plan::TrainingPlan& plan) {
  return static_cast<double>(plan::devices_of(plan));
}

/// Of the peak in bf16 of all devices in use.
double utilisation(const plan::Job& job, const plan::TrainingPlan& plan,
                   const plan::Accelerator& accelerator) {
  return sustained(job, plan) / (devices_in_use(plan) * accelerator.peak);
}

Interval around(double value, double spread, std::string of) {
  return {value / spread, value * spread, std::move(of), ""};
}

double days_of(const plan::TrainingPlan& plan) {
  return plan.duration.value() / day;
}
std::string days_text(const plan::TrainingPlan& plan) {
  const Interval days = around(days_of(plan), plan.step.spread, "");
  return fmt::format("{:.3g} ({:.3g} to {:.3g})", days_of(plan), days.low, days.high);
}

/// "16 stages in 8 chunks each"
std::string chunks_text(const plan::TrainingPlan& plan) {
  const plan::ReplicaGroup& group = largest_group(plan);
  return fmt::format("{} stages in {} chunk{} each", group.stages.size(), group.virtual_stages,
                     group.virtual_stages == 1 ? "" : "s");
}

double teraflops_a_device(const plan::Job& job, const plan::TrainingPlan& plan) {
  return sustained(job, plan).value() / devices_in_use(plan) / tera;
}

/// From the step that the planner predicts to days, by hand.
std::vector<std::string> steps_of(const plan::Job& job, const plan::TrainingPlan& plan,
                                  const std::string& devices) {
  const double flops = plan::training_flops_per_token(job.shape, job.sequence).value();
  return {
      fmt::format("{}: {:.0f} in use, in replicas of {:.0f}; predicted are {:.4g} s a step, the "
                  "true one lies within a factor of {:.3g} nine times of ten",
                  devices, devices_in_use(plan), devices_per_replica(plan), plan.step.total.value(),
                  plan.step.spread),
      fmt::format("{:.4g} tokens / ({} sequences x {} tokens) = {:.0f} steps = {:.4g} days",
                  job.tokens, job.global_batch, job.sequence, plan::steps(job), days_of(plan)),
      fmt::format("{:.4g} FLOP a token x {:.4g} tokens/s / {:.0f} = {:.0f} TF/s a device", flops,
                  plan.tokens_per_second, devices_in_use(plan), teraflops_a_device(job, plan))};
}

/// `devices_for` where steps take so many times longer than predicted.
Result<double> devices_if(double slower, const plan::Job& job, const plan::Facts& facts,
                          const std::string& type, Seconds limit) {
  return AXS_TRY(devices_for(job, facts, type, limit / slower));
}
Result<Interval> devices_between(double spread, const plan::Job& job, const plan::Facts& facts,
                                 const std::string& type, Seconds limit, std::string of) {
  const double low = AXS_TRY(devices_if(1 / spread, job, facts, type, limit));
  const double high = AXS_TRY(devices_if(spread, job, facts, type, limit));
  return Interval{low, high, std::move(of), ""};
}

Result<Finding> sustained_exaflops(const plan::Facts& facts) {
  constexpr Flops claimed{1.2 * exa};
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const plan::Job job = trillion_job(facts, 1e12);
  const Flops whole = plan::training_flops_per_token(job.shape, job.sequence) * job.tokens;
  const Seconds limit{whole / claimed};
  const std::uint32_t count = AXS_TRY(devices_for(job, facts, "H100", limit));
  const auto plan = AXS_TRY(plan_on(job, facts, "H100", count));
  const auto interval = AXS_TRY(
      devices_between(plan.step.spread, job, facts, "H100", limit, "H100 for 1.2 exaFLOPS"));
  const double watts = h100.power.value() * (1 + h100.host_share);
  const double megawatts = count * watts * 1e-6;
  Finding finding{
      Verdict::simulated,
      fmt::format("{} H100 in {:.0f} racks of 32, {:.1f} MW, {:.1f} at a PUE of 1.2", count,
                  std::ceil(count / 32.0), megawatts, 1.2 * megawatts),
      fmt::format("A model of 10^12 parameters in bf16; power at the limits, with hosts as "
                  "declared. 20 racks of 32 would have to sustain {:.0f} % of their peak in fp8.",
                  100 * claimed.value() / (20 * 32 * 2 * h100.peak.value())),
      "",
      interval,
      steps_of(job, plan, fmt::format("{} H100", count))};
  finding.steps.push_back(fmt::format("{:.0f} x {:.0f} TF/s = {:.2f} exaFLOPS",
                                      devices_in_use(plan), teraflops_a_device(job, plan),
                                      sustained(job, plan).value() / exa));
  finding.steps.push_back(fmt::format("{} x {:.0f} W with host, network and fans = {:.2f} MW",
                                      count, watts, megawatts));
  return finding;
}

Result<Finding> days_of_175b(const plan::Facts& facts) {
  const plan::Job job = gpt3_job(facts);
  const Seconds twelve{12 * day}, eighteen{18 * day};
  const std::uint32_t h100 = AXS_TRY(devices_for(job, facts, "H100", twelve));
  const std::uint32_t a100 = AXS_TRY(devices_for(job, facts, "A100-80", eighteen));
  const auto of_h100 = AXS_TRY(plan_on(job, facts, "H100", claimed_fleet));
  const auto of_a100 = AXS_TRY(plan_on(job, facts, "A100-80", claimed_fleet));
  const auto interval = AXS_TRY(devices_between(of_h100.step.spread, job, facts, "H100", twelve,
                                                "H100 that end it in 12 days"));
  const auto of_other = AXS_TRY(
      devices_between(of_a100.step.spread, job, facts, "A100-80", eighteen, "A100 in 18 days"));
  const double ratio = of_a100.duration / of_h100.duration;
  Finding finding{
      Verdict::simulated,
      fmt::format("{} H100 in 12 days, {} A100 in 18 ({:.0f} to {:.0f}); 1,024 of each: {} and {} "
                  "days",
                  h100, a100, of_other.low, of_other.high, days_text(of_h100), days_text(of_a100)),
      fmt::format("300 billion tokens in bf16, software of Megatron, no failures. On equal "
                  "numbers of devices the ratio is {:.1f}, not 1.5: the claim compares fleets of "
                  "different sizes.",
                  ratio),
      "",
      interval,
      steps_of(job, of_h100, "1,024 H100")};
  for (std::string& step : steps_of(job, of_a100, "1,024 A100"))
    finding.steps.push_back(std::move(step));
  finding.steps.push_back(
      fmt::format("{:.4g} / {:.4g} days = {:.2f}", days_of(of_a100), days_of(of_h100), ratio));
  return finding;
}

Result<Finding> zephyr_training_time(const plan::Facts& facts) {
  constexpr std::uint32_t twenty_racks = 640;
  const plan::Job job = gpt3_job(facts);
  const auto zephyr = AXS_TRY(plan_on(job, facts, "Zephyr", twenty_racks));
  const auto h100 = AXS_TRY(plan_on(job, facts, "H100", twenty_racks));
  const double ratio = zephyr.duration / h100.duration;
  // As if the two errors were independent: their logarithms add up in squares.
  const double a = dmath::log(zephyr.step.spread), b = dmath::log(h100.step.spread);
  const double spread = dmath::exp(std::sqrt(a * a + b * b));
  const auto saved = [](double part) { return 100 * (1 - part); };
  Finding finding{
      Verdict::unsupported,
      fmt::format("{:.0f} % less than as many H100", saved(ratio)),
      "GPT-3 175B in bf16 on 640 of each by X-Ray; what is known of a Zephyr is "
      "declared by the description or assumed, never measured.",
      "",
      Interval{saved(ratio * spread), saved(ratio / spread), "% less time than as many H100", ""},
      steps_of(job, zephyr, "640 Zephyr")};
  for (std::string& step : steps_of(job, h100, "640 H100"))
    finding.steps.push_back(std::move(step));
  finding.steps.push_back(fmt::format(
      "1 - {:.4g} / {:.4g} days = {:.1f} %, within a factor of exp(sqrt(log({:.3g})^2 + "
      "log({:.3g})^2)) = {:.3g}",
      days_of(zephyr), days_of(h100), saved(ratio), zephyr.step.spread, h100.step.spread, spread));
  return finding;
}

/// How much of the cut is over data, if its logarithm is shared out: 64 replicas of 16 devices are
/// 60/40.
double data_share(const plan::TrainingPlan& plan) {
  const double devices = devices_in_use(plan);
  return 100 * (1 - dmath::log(devices_per_replica(plan)) / dmath::log(devices));
}

std::string share_text(std::string_view model, const plan::TrainingPlan& plan) {
  return fmt::format("{}: 1 - log({:.0f} devices of a replica) / log({:.0f} in use) = {:.0f} %",
                     model, devices_per_replica(plan), devices_in_use(plan), data_share(plan));
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
                 "",
                 {},
                 {share_text("10B", small), share_text("175B", middle), share_text("405B", large)}};
}

/// What a published rate of a device makes of the job.
Seconds at_rate(const plan::Job& job, double devices, double teraflops) {
  return plan::training_flops_per_token(job.shape, job.sequence) * job.tokens /
         FlopsPerSecond{devices * teraflops * tera};
}
constexpr std::uint32_t published_fleet = 16'384;

Result<Finding> practical_time(const plan::Facts& facts) {
  constexpr double tokens_per_parameter = 20;
  // Llama 3 405B on 16,384 H100: 400 TF/s, 41 % of the peak (arXiv 2407.21783, table 4).
  constexpr double published = 400;
  const auto job = llama_405b_job(facts, tokens_per_parameter * 405e9);
  const auto few = AXS_TRY(plan_on(job, facts, "H100", claimed_fleet));
  const auto many = AXS_TRY(plan_on(job, facts, "H100", published_fleet));
  const double bubble =
      AXS_TRY(share_of(plan::StepPart::bubble, job, facts, "H100", published_fleet, many));
  const double reached = at_rate(job, published_fleet, published).value() / day;
  Finding finding{
      Verdict::simulated,
      fmt::format("405B: {} days on 1,024 H100; on 16,384 {:.3g} by our plan, {:.3g} at the "
                  "published rate",
                  days_text(few), days_of(many), reached),
      fmt::format("Llama 3 405B on 20 tokens for each parameter (Hoffmann et al. 2022), in bf16, "
                  "no failures. Llama 3 reports {:.0f} TF/s a device on 16,384 (arXiv 2407.21783, "
                  "table 4), with interleaved pipelines, as our plan has: {} that wait {:.0f} % of "
                  "a step for others and sustain {:.0f}.",
                  published, chunks_text(many), 100 * bubble, teraflops_a_device(job, many)),
      "",
      around(days_of(many), many.step.spread, "days on 16,384 H100, of our plan"),
      steps_of(job, many, "16,384 H100")};
  finding.steps.push_back(
      fmt::format("published: {:.4g} tokens x that / (16,384 x {:.0f} TF/s) = "
                  "{:.3g} days",
                  job.tokens, published, reached));
  for (std::string& step : steps_of(job, few, "1,024 H100"))
    finding.steps.push_back(std::move(step));
  return finding;
}

Result<Finding> trillions(const plan::Facts& facts) {
  // 3,072 A100 with interleaved pipelines: 163 TF/s, 52 % of the peak (Narayanan et al. 2021).
  constexpr double published = 0.52;
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const auto job = trillion_job(facts, 20e12);
  const auto plan = AXS_TRY(plan_on(job, facts, "H100", published_fleet));
  const double bubble =
      AXS_TRY(share_of(plan::StepPart::bubble, job, facts, "H100", published_fleet, plan));
  constexpr double year = 365.25;
  const double share = utilisation(job, plan, h100);
  const double years = days_of(plan) / year;
  const double like_published = years * share / published;
  Bytes fullest{};
  for (const plan::PlannedStage& stage : largest_group(plan).stages)
    fullest = std::max(fullest, stage.memory);
  Finding finding{
      Verdict::simulated,
      fmt::format("{:.0f}B fit with {:.0f} GB a device; {:.2f} years on 16,384 H100 by our plan, "
                  "{:.2f} at the published share of the peak",
                  plan::parameters(job.shape) / giga, fullest.value() / giga, years,
                  like_published),
      fmt::format("Dense, on 20 trillion tokens, replicas of {:.0f} devices. The largest dense run "
                  "that is published with its speed had 10^12 parameters and {:.0f} % of the peak "
                  "on 3,072 A100 with interleaved pipelines (Narayanan et al. 2021); our plan "
                  "has {} that wait {:.0f} % of a step for others and sustains {:.0f} % of the "
                  "peak.",
                  devices_per_replica(plan), 100 * published, chunks_text(plan), 100 * bubble,
                  100 * share),
      "",
      around(years, plan.step.spread, "years on 16,384 H100, of our plan"),
      steps_of(job, plan, "16,384 H100")};
  finding.steps.push_back(
      fmt::format("published: {:.3g} years x {:.1f} % / {:.0f} % = {:.3g} years", years,
                  100 * share, 100 * published, like_published));
  return finding;
}

/// 1,024 H100 on three continents: what each third computes in a step.
struct Thirds {
  plan::OuterJob job;
  double spread = 1;  ///< of the step

  /// If a step takes so many times longer than predicted.
  plan::OuterJob slower(double factor) const {
    plan::OuterJob other = job;
    for (Seconds& step : other.step) step = step * factor;
    return other;
  }
};
Result<Thirds> three_thirds(const plan::Facts& facts) {
  plan::Job third = ten_billion_job(facts);
  third.global_batch /= continents;
  const auto plan = AXS_TRY(plan_on(third, facts, "H100", claimed_fleet / continents));
  return Thirds{
      {plan::parameters(third.shape), third.shape.layers, std::vector(continents, plan.step.total)},
      plan.step.spread};
}
std::string third_text(const Thirds& thirds) {
  const double step = thirds.job.slowest().value();
  return fmt::format(
      "341 H100 with 341 sequences: predicted are {:.6g} s a step, within a factor of {:.6g}; "
      "{:.0f} parameters in {} layers, of which one goes back in 2/3 x {:.6g} s / {} = {:.6g} s",
      step, thirds.spread, thirds.job.parameters, thirds.job.layers, step, thirds.job.layers,
      2.0 / 3 * step / thirds.job.layers);
}

/// How long sites wait in an exchange over a ring of such links (docs/design/028), by hand.
std::string exchange_text(const Thirds& thirds, const plan::OuterSync& sync, double gigabits,
                          const plan::OuterCost& cost) {
  const std::string exchange = fmt::format(
      "at {:.6g} Gb/s: 4/3 x {:.0f} x {} bits{} / that + 2 x {:.3f} s = {:.6g} s an exchange",
      gigabits, thirds.job.parameters, sync.bits,
      sync.fragments > 1 ? fmt::format(" / {} fragments", sync.fragments) : "", round_trip.value(),
      cost.exchange.value());
  const std::uint32_t first = thirds.job.layers - sync.fragments;
  const double wait = cost.exposed.value();
  if (sync.fragments == 1)
    return fmt::format("{}, of which {} layers hide all but {:.4g} s", exchange, first, wait);
  return fmt::format("{}, of which {} step and {}, {}, ... {} layers hide all but {:.4g} s of {}",
                     exchange, sync.overlap, first, first + 1, thirds.job.layers - 1, wait,
                     sync.fragments);
}
/// What is left to compute in.
std::string utilisation_text(const Thirds& thirds, const plan::OuterSync& sync,
                             const plan::OuterCost& cost) {
  return fmt::format("{0} x {1:.6g} s / ({0} x {1:.6g} + {2:.4g} s) = {3:.1f} %", sync.period,
                     thirds.job.slowest().value(), cost.exposed.value(), 100 * cost.utilisation);
}
/// What becomes of both if steps take as much longer or shorter as is likely.
std::string spread_text(const Thirds& thirds, const std::string& low, const std::string& high) {
  const Seconds step = thirds.job.slowest();
  return fmt::format("the same with steps of {:.6g} s, {:.6g} times as long: {}; of {:.6g} s: {}",
                     (thirds.spread * step).value(), thirds.spread, high,
                     (step / thirds.spread).value(), low);
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
  constexpr double wanted = 0.92;
  const Thirds thirds = AXS_TRY(three_thirds(facts));
  const double plain = AXS_TRY(gigabits_for(thirds.job, every_step, wanted));
  const double outer = AXS_TRY(gigabits_for(thirds.job, streaming, wanted));
  // Longer steps leave more time for an exchange.
  const double least = AXS_TRY(gigabits_for(thirds.slower(thirds.spread), streaming, wanted));
  const double most = AXS_TRY(gigabits_for(thirds.slower(1 / thirds.spread), streaming, wanted));
  const auto at = [&](const plan::OuterSync& sync, double gigabits) {
    return plan::outer_cost(thirds.job, sync, {bits_per_second(gigabits * giga), round_trip});
  };
  const auto seldom = AXS_TRY(at(streaming, outer));
  const auto always = AXS_TRY(at(every_step, plain));
  return Finding{
      Verdict::simulated,
      fmt::format("by the model from {:.1f} Gb/s with outer synchronisation, from {:.0f} Gb/s in "
                  "every step",
                  outer, plain),
      fmt::format("10B parameters, steps of {:.2f} s, {:.0f} ms round trip: on slower links "
                  "neither holds.",
                  thirds.job.slowest().value(), round_trip.value() * 1e3),
      "axs twin scenarios/thirds.toml --for 20min --seeds 3",
      Interval{least, most, "Gb/s", ""},
      {third_text(thirds),
       fmt::format("every {} steps ", streaming.period) +
           exchange_text(thirds, streaming, outer, seldom),
       utilisation_text(thirds, streaming, seldom),
       spread_text(thirds, fmt::format("from {:.5g} Gb/s", most),
                   fmt::format("from {:.5g} Gb/s", least)),
       "in every step " + exchange_text(thirds, every_step, plain, always),
       utilisation_text(thirds, every_step, always)}};
}

/// What sites that exchange in every step compute of the time at such a rate, and what becomes of
/// that if steps take as much shorter or longer as is likely.
struct EveryStep {
  plan::OuterCost likely, low, high;
};
Result<EveryStep> every_step_at(const Thirds& thirds, double gigabits) {
  const auto at = [&](double slower) {
    return plan::outer_cost(thirds.slower(slower), every_step,
                            {bits_per_second(gigabits * giga), round_trip});
  };
  return EveryStep{AXS_TRY(at(1)), AXS_TRY(at(1 / thirds.spread)), AXS_TRY(at(thirds.spread))};
}

Result<Finding> synchronous_across_continents(const plan::Facts& facts) {
  const Thirds thirds = AXS_TRY(three_thirds(facts));
  const EveryStep ten = AXS_TRY(every_step_at(thirds, 10));
  const EveryStep hundred = AXS_TRY(every_step_at(thirds, 100));
  const auto percent = [](const plan::OuterCost& cost) {
    return fmt::format("{:.1f} %", 100 * cost.utilisation);
  };
  const auto both = [&](plan::OuterCost EveryStep::* which) {
    return fmt::format("{} at 10 Gb/s, {} at 100", percent(ten.*which), percent(hundred.*which));
  };
  return Finding{
      Verdict::simulated,
      fmt::format("computes {} of the time at 10 Gb/s ({:.1f} to {:.1f}), {} at 100 Gb/s",
                  percent(ten.likely), 100 * ten.low.utilisation, 100 * ten.high.utilisation,
                  percent(hundred.likely)),
      "1,024 H100 in thirds, 10B parameters, gradients in bf16 in every step: nothing is stale, "
      "and the devices wait.",
      "",
      Interval{100 * hundred.low.utilisation, 100 * hundred.high.utilisation,
               "% of the time at 100 Gb/s", ""},
      {third_text(thirds), exchange_text(thirds, every_step, 10, ten.likely),
       utilisation_text(thirds, every_step, ten.likely),
       exchange_text(thirds, every_step, 100, hundred.likely),
       utilisation_text(thirds, every_step, hundred.likely),
       spread_text(thirds, both(&EveryStep::low), both(&EveryStep::high))}};
}

Result<Finding> overall_utilisation(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const plan::Job job = gpt3_job(facts);
  const auto plan = AXS_TRY(plan_on(job, facts, "H100", claimed_fleet));
  const double mfu = utilisation(job, plan, h100);
  // Llama 3, 54 days on 16,384 H100 (arXiv 2407.21783, section 3.3.4).
  constexpr double goodput = 0.90;
  Finding finding{Verdict::unsupported,
                  fmt::format("{:.0f} % = goodput of more than {:.0f} % x {:.0f} % of the peak",
                              100 * goodput * mfu, 100 * goodput, 100 * mfu),
                  "GPT-3 175B on 1,024 H100 in bf16 by X-Ray; the goodput is what Llama 3 "
                  "reports. Above 90 % is goodput alone.",
                  "",
                  around(100 * goodput * mfu, plan.step.spread, "% utilisation"),
                  steps_of(job, plan, "1,024 H100")};
  finding.steps.push_back(fmt::format("{:.0f} / {:.1f} TF/s = {:.1f} %, x {:.2f} = {:.1f} %",
                                      teraflops_a_device(job, plan), h100.peak.value() / tera,
                                      100 * mfu, goodput, 100 * goodput * mfu));
  return finding;
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
