#include <fmt/format.h>

#include <array>

#include "axs/audit/calculations.h"
#include "axs/audit/fleets.h"
#include "axs/plan/collectives.h"

namespace axs::audit {

namespace {

constexpr double peta = 1e15, tera = 1e12, giga = 1e9;
constexpr double rack = 32;
/// NVIDIA H100 white paper: links of a device, each both ways.
constexpr double nvlinks = 18;
/// NVIDIA H100 data sheet: dense products in fp8 over those in bf16, at the peak.
constexpr double fp8_over_bf16 = 2;

/// As the catalogue has it.
std::string peak_text(const plan::Accelerator& accelerator) {
  return fmt::format("{}: {:.1f} TF/s dense bf16", accelerator.name,
                     accelerator.peak.value() / tera);
}
std::string twice_in_fp8(double value, std::string_view unit) {
  return fmt::format("in fp8 x {} (data sheet of the H100) = {:.2f} {}", fp8_over_bf16,
                     value * fp8_over_bf16, unit);
}

/// Peak rate in bf16 for a watt of its limit.
double flops_per_joule(const plan::Accelerator& accelerator) {
  return accelerator.peak.value() / accelerator.power.value();
}

Result<Finding> rack_of_32(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const double bf16 = rack * h100.peak.value() / peta;
  return Finding{Verdict::simulated,
                 fmt::format("{:.1f} PF peak in fp8, {:.1f} PF in bf16, of 32 H100",
                             bf16 * fp8_over_bf16, bf16),
                 "The figure is that of dense fp8 at the peak of the data sheet; no program "
                 "sustains a peak.",
                 "",
                 {},
                 {peak_text(h100), fmt::format("{} of them: {:.2f} PF/s", rack, bf16),
                  twice_in_fp8(bf16, "PF/s")}};
}

Result<Finding> memory_of_the_die(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  return Finding{Verdict::unsupported,
                 fmt::format("{:.2f} TB/s in an H100", h100.memory_rate.value() / tera),
                 "No data sheet of the described die is public. A memory above 3 TB/s is what an "
                 "H100 has.",
                 "",
                 {},
                 {fmt::format("H100 in catalog/accelerators.toml: {:.0f} GB/s of memory",
                              h100.memory_rate.value() / giga)}};
}

Result<Finding> flops_per_watt(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const auto a100 = AXS_TRY(accelerator(facts, "A100-80")).accelerator;
  const double bf16 = flops_per_joule(h100) / flops_per_joule(a100);
  return Finding{
      Verdict::simulated,
      fmt::format("{:.2f} times in bf16, {:.2f} with fp8 against bf16", bf16, bf16 * fp8_over_bf16),
      "H100 against A100, peaks over power limits of the data sheets. Three times is "
      "reached only by comparing eight bits with sixteen.",
      "",
      {},
      {fmt::format("{} over {:.0f} W = {:.3f} TF/J", peak_text(h100), h100.power.value(),
                   flops_per_joule(h100) / tera),
       fmt::format("{} over {:.0f} W = {:.3f} TF/J", peak_text(a100), a100.power.value(),
                   flops_per_joule(a100) / tera),
       fmt::format("{:.3f} / {:.3f} = {:.2f}", flops_per_joule(h100) / tera,
                   flops_per_joule(a100) / tera, bf16),
       twice_in_fp8(bf16, "times")}};
}

Result<Finding> node_of_eight(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  return Finding{
      Verdict::unsupported,
      fmt::format("{:.1f} PF peak in bf16, {:.1f} in fp8", 8 * h100.peak.value() / peta,
                  8 * h100.peak.value() * fp8_over_bf16 / peta),
      "The claim is too low for a peak; 3 PF is about what eight of them sustain in "
      "training with bf16.",
      "",
      {},
      {peak_text(h100), fmt::format("8 of them: {:.2f} PF/s", 8 * h100.peak.value() / peta),
       twice_in_fp8(8 * h100.peak.value() / peta, "PF/s")}};
}

Result<Finding> memory_of_h100(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  return Finding{
      Verdict::unsupported,
      fmt::format("{:.0f} GB/s of memory", h100.memory_rate.value() / giga),
      fmt::format("900 GB/s is what its NVLink carries, {:.0f} GB/s each way.",
                  h100.scale_up.value() / giga),
      "",
      {},
      {fmt::format("H100 in catalog/accelerators.toml: memory {:.0f} GB/s, NVLink {:.0f} "
                   "GB/s each way, {:.0f} both ways",
                   h100.memory_rate.value() / giga, h100.scale_up.value() / giga,
                   2 * h100.scale_up.value() / giga)}};
}

Result<Finding> nvlink_rate(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const double both_ways = 2 * h100.scale_up.value() / giga;
  return Finding{
      Verdict::unsupported,
      fmt::format("{:.0f} GB/s a link, {:.0f} GB/s a device", both_ways / nvlinks, both_ways),
      fmt::format("900 GB/s is the sum of a device's {:.0f} links, both ways.", nvlinks),
      "",
      {},
      {fmt::format("2 x {:.0f} GB/s each way = {:.0f} GB/s a device", h100.scale_up.value() / giga,
                   both_ways),
       fmt::format("{:.0f} GB/s / {:.0f} links (data sheet of the H100) = {:.0f} GB/s a link",
                   both_ways, nvlinks, both_ways / nvlinks)}};
}

/// The gradient that eight devices add up in 200 microseconds, by halving.
Result<Finding> sync_in_a_node(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100"));
  const plan::Machine machine =
      plan::machine_of(h100.accelerator, {.node_rate = h100.node_rate}, facts.calibration);
  const plan::Group node = plan::group_of(machine.links.per_node, 1, machine.links);
  Bytes least{}, most{1e12};
  for (int i = 0; i < 60; ++i) {
    const Bytes middle = (least + most) / 2;
    (plan::all_reduce(middle, node, machine.links) <= Seconds{200e-6} ? least : most) = middle;
  }
  const double megabytes = least.value() / 1e6, rate = machine.links.scale_up.value() / giga;
  const double hops = node.ranks - 1;
  const double nothing = plan::all_reduce({}, node, machine.links).value() * 1e6;
  return Finding{
      Verdict::simulated,
      fmt::format("gradients of up to {:.1f} MB, {:.1f} M parameters in bf16", megabytes,
                  megabytes / 2),
      "A ring over the eight H100 of a node at the rates that published runs reach. A "
      "model of billions of parameters takes milliseconds, hidden behind the backward "
      "pass.",
      "",
      {},
      {fmt::format("{:.0f} GB/s each way x {:.5g} (catalog/xray-fit.toml) = {:.5g} GB/s",
                   h100.accelerator.scale_up.value() / giga, facts.calibration.shared.scale_up,
                   rate),
       fmt::format("2 passes x {:.0f} hops x {:.5g} us = {:.5g} us without any bytes", hops,
                   nothing / (2 * hops), nothing),
       fmt::format("2 x {0:.0f}/{1:.0f} x {2:.5g} MB / {3:.5g} GB/s + {4:.5g} us = {5:.1f} us",
                   hops, node.ranks, megabytes, rate, nothing,
                   plan::all_reduce(least, node, machine.links).value() * 1e6),
       fmt::format("{:.5g} MB / 2 bytes = {:.1f} M parameters", megabytes, megabytes / 2)}};
}

/// What 40 % less of it would save, of a model whose tensor devices exchange over NVLink.
Result<Finding> mesh_on_a_package(const plan::Facts& facts) {
  constexpr double claimed = 0.4;
  constexpr std::uint32_t fleet = 1024;
  const plan::Job job = gpt3_job(facts);
  const auto plan = AXS_TRY(plan_on(job, facts, "H100", fleet));
  const double exchange =
      AXS_TRY(share_of(plan::StepPart::tensor_exchange, job, facts, "H100", fleet, plan));
  const double step = plan.step.total.value();
  return Finding{
      Verdict::unsupported,
      fmt::format("it would make a step {:.1f} % shorter", 100 * claimed * exchange),
      "No measurement of such a mesh is public. What collectives must move depends on the "
      "algorithm, not on the package. GPT-3 175B on 1,024 H100 in bf16 by X-Ray: what a mesh could "
      "save is its tensor devices' exchange over NVLink, as far as nothing hides it.",
      "",
      {},
      {fmt::format("1,024 H100 (axs audit 11): {:.5g} s a step, of which the mean device exchanges "
                   "over NVLink for {:.5g} s",
                   step, exchange * step),
       fmt::format("{:.0f} % x {:.5g} / {:.5g} s = {:.1f} %", 100 * claimed, exchange * step, step,
                   100 * claimed * exchange)}};
}

/// At the power limits, with host, network and fans, as the catalogue declares them.
double kilowatts(const plan::Accelerator& accelerator, double count) {
  return count * accelerator.power.value() * (1 + accelerator.host_share) * 1e-3;
}

std::string kilowatts_text(const plan::Accelerator& accelerator, double count) {
  return fmt::format("{:.0f} {} x {:.0f} W x {:.2f} with host, network and fans = {:.1f} kW", count,
                     accelerator.name, accelerator.power.value(), 1 + accelerator.host_share,
                     kilowatts(accelerator, count));
}

Result<Finding> heat_of_a_rack(const plan::Facts& facts) {
  const auto h100 = AXS_TRY(accelerator(facts, "H100")).accelerator;
  const auto gb200 = AXS_TRY(accelerator(facts, "GB200")).accelerator;
  return Finding{Verdict::simulated,
                 fmt::format("{:.0f} kW of 32 H100, {:.0f} kW of 72 GB200", kilowatts(h100, rack),
                             kilowatts(gb200, 72)),
                 "At their power limits, with hosts as declared. Racks that are cooled by liquid "
                 "exceed the figure today; that it is three times what air can cool is not shown.",
                 "",
                 {},
                 {kilowatts_text(h100, rack), kilowatts_text(gb200, 72)}};
}

constexpr double claimed_dollars = 0.07;  ///< a petaFLOP-hour

Result<Finding> price_of_a_petaflop_hour(const plan::Facts& facts) {
  const plan::AcceleratorFacts h100 = AXS_TRY(accelerator(facts, "H100"));
  if (!h100.price) return Error{Errc::not_found, "accelerator \"H100\" has no price"};
  const double hour = h100.price->value() * 3600;
  const double bf16 = hour / (h100.accelerator.peak.value() / peta);
  return Finding{
      Verdict::unsupported,
      fmt::format("{:.2f} dollars in bf16, {:.2f} in fp8", bf16, bf16 / fp8_over_bf16),
      fmt::format("An H100 at {:.2f} dollars an hour, at the peak that no program "
                  "sustains: {:.0f} to {:.0f} times the claim.",
                  hour, bf16 / fp8_over_bf16 / claimed_dollars, bf16 / claimed_dollars),
      "",
      {},
      {fmt::format("{:.2f} $ an hour / {:.4f} PF/s in bf16 = {:.2f} $", hour,
                   h100.accelerator.peak.value() / peta, bf16),
       fmt::format("in fp8 / {} = {:.2f} $", fp8_over_bf16, bf16 / fp8_over_bf16),
       fmt::format("{:.2f} $ / {} $ = {:.1f}, {:.2f} $ / {} $ = {:.1f}", bf16 / fp8_over_bf16,
                   claimed_dollars, bf16 / fp8_over_bf16 / claimed_dollars, bf16, claimed_dollars,
                   bf16 / claimed_dollars)}};
}

Result<Finding> five_years_of_it(const plan::Facts&) {
  constexpr double claimed_petaflops = 1200, hours = 5 * 365.25 * 24;
  const double millions = claimed_petaflops * hours * claimed_dollars * 1e-6;
  return Finding{Verdict::impossible,
                 fmt::format("{:.2f} million dollars", millions),
                 "1.2 exaFLOPS for five years at 0.07 dollars a petaFLOP-hour: a thousandth of "
                 "billions.",
                 "",
                 {},
                 {fmt::format("{:.0f} PF x {:.0f} h x {} $ = {:.2f} million $", claimed_petaflops,
                              hours, claimed_dollars, millions)}};
}

constexpr std::array calculations{
    Calculation{2, rack_of_32},
    Calculation{3, memory_of_the_die},
    Calculation{4, flops_per_watt},
    Calculation{5, mesh_on_a_package},
    Calculation{6, node_of_eight},
    Calculation{7, memory_of_h100},
    Calculation{10, sync_in_a_node},
    Calculation{31, heat_of_a_rack},
    Calculation{34, price_of_a_petaflop_hour},
    Calculation{44, five_years_of_it},
    Calculation{46, nvlink_rate},
};

}  // namespace

std::span<const Calculation> capacity_calculations() {
  return calculations;
}

}  // namespace axs::audit
