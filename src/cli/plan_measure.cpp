#include "axs/cli/plan_measure.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/measured_core.h"
#include "axs/cli/programs.h"
#include "axs/cli/scratch_folder.h"
#include "axs/config/plan_facts.h"
#include "axs/core/json.h"
#include "axs/host/file.h"
#include "axs/host/machine.h"
#include "axs/host/process.h"
#include "axs/plan/names.h"

namespace axs::cli {
namespace {

using nlohmann::ordered_json;
using train::CoreMeasured;

constexpr double giga = 1e9;

/// What the worker beside this program says.
Result<std::string> ask_worker() {
  constexpr std::size_t most = 1u << 20;
  const ScratchFolder scratch = AXS_TRY(ScratchFolder::create_temporary());
  const std::string said = scratch.path() + "/said";
  auto worker =
      AXS_TRY(host::Child::spawn({.arguments = {worker_program(), "--measure"}, .log = said}));
  const host::Exit exit = worker.wait();
  const ByteVector bytes = AXS_TRY(host::read_file(said, most));
  std::string text{bytes.begin(), bytes.end()};
  if (exit == host::Exit{}) return text;
  return Error{Errc::unavailable, "axs-worker --measure " + describe(exit) + ": " + text};
}

Result<CoreMeasured> parse(const std::string& text) try {
  const auto document = nlohmann::json::parse(text);
  CoreMeasured measured{.layers = {}, .calls = document.at("calls")};
  for (const auto& layer : document.at("layers"))
    measured.layers.push_back({.width = layer.at("width"),
                               .heads = layer.at("heads"),
                               .hidden = layer.at("hidden"),
                               .context = layer.at("context"),
                               .sequences = layer.at("sequences"),
                               .products = layer.at("products"),
                               .attention = layer.at("attention"),
                               .pointwise = layer.at("pointwise"),
                               .step_end = layer.at("step_end")});
  return measured;
} catch (const nlohmann::json::exception& thrown) {
  return Error{Errc::corrupt, std::string{"axs-worker --measure: "} + thrown.what()};
}

/// With as many digits as were measured.
double rounded(double value) {
  return std::stod(fmt::format("{:.3g}", value));
}

ordered_json entry_of(const plan::Accelerator& core, BytesPerSecond node_rate,
                      const host::MachineFacts& machine) {
  const plan::FamilyFit& reaches = *core.reaches;
  const std::string source = fmt::format(
      "axs plan measure, one of {} cores of {}; its memory's size, links and power as in the "
      "catalogue: declared",
      machine.cores, machine.cpu_model);
  return {{"name", core.name},
          {"family", core.family},
          {"peak-tflops", rounded(core.peak.value() * 1e-12)},
          {"fastest", "bf16"},
          {"memory-gb-per-s", rounded(core.memory_rate.value() / giga)},
          {"memory-gb", core.memory.value() / giga},
          {"multiprocessors", core.multiprocessors},
          {"tile-scale", core.tile_scale},
          {"scale-up-gb-per-s", core.scale_up.value() / giga},
          {"per-node", core.per_node},
          {"node-network-gb-per-s", node_rate.value() / giga},
          {"power-w", core.power.value()},
          {"rated-power-w", core.rated_power.value()},
          {"reaches",
           {{"products", rounded(reaches.products)},
            {"half-depth", reaches.half_depth},
            {"attention", rounded(reaches.attention)},
            {"memory", reaches.memory},
            {"host", rounded(reaches.host)}}},
          {"source", source}};
}

/// A value of TOML: a table is one line.
std::string value_text(const ordered_json& value) {
  if (!value.is_object()) return value.dump();
  std::string text;
  for (const auto& [key, inner] : value.items())
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, inner.dump());
  return "{ " + text + " }";
}

std::string toml_of(const ordered_json& entry) {
  std::string text = "\n[[accelerator]]\n";
  for (const auto& [key, value] : entry.items())
    text += fmt::format("{} = {}\n", key, value_text(value));
  return text;
}

}  // namespace

void PlanMeasureCommand::declare(CLI::App& app) {
  app.add_flag("--json", json_, "Print one JSON object, with what was measured");
  app.footer(
      "Our own worker computes parts of layers on one core, for some seconds; what is printed\n"
      "says how fast it was, as an [[accelerator]] for the end of a job. Sites of that job that\n"
      "have accelerators of type \"cpu\" are planned with it, instead of with what the catalogue\n"
      "declares. Processor time is measured: other work on the machine slows runs down, and\n"
      "hardly this.\n"
      "\n"
      "Example:\n"
      "  axs plan measure >> job.toml\n"
      "  axs plan job.toml");
}

Result<ExitCode> PlanMeasureCommand::run() {
  const plan::Facts facts = AXS_TRY(config::shipped_plan_facts());
  const auto declared =
      std::ranges::find(facts.accelerators, "cpu",
                        [](const plan::AcceleratorFacts& entry) { return entry.accelerator.name; });
  const host::MachineFacts machine = host::read_machine();
  const std::string said = AXS_TRY(ask_worker());
  const plan::Accelerator core = measured_core(AXS_TRY(parse(said)), declared->accelerator, facts);
  const ordered_json entry = entry_of(core, declared->node_rate, machine);
  if (json_) {
    const ordered_json document{
        {"version", 1}, {"accelerator", entry}, {"measured", ordered_json::parse(said)}};
    fmt::print("{}\n", document.dump(2));
  } else {
    fmt::print("{}", toml_of(entry));
  }
  return ExitCode::done;
}

}  // namespace axs::cli
