#include "axs/config/plan_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "axs/config/table.h"
#include "axs/plan/names.h"

namespace axs::config {

namespace {

constexpr std::uint64_t facts_version = 1;
constexpr std::uint64_t count_max = 1u << 24;
constexpr double giga = 1e9;
constexpr double gibibyte = 1073741824.0;

std::uint32_t count(Table& t, std::string_view key) {
  return static_cast<std::uint32_t>(t.whole(key, 1, count_max));
}
std::uint32_t optional_count(Table& t, std::string_view key, std::uint64_t most) {
  return t.has(key) ? static_cast<std::uint32_t>(t.whole(key, 0, most)) : 0;
}
BytesPerSecond gigabytes_per_second(Table& t, std::string_view key) {
  return BytesPerSecond{t.number(key, 0.001, 1e6) * giga};
}

/// The entry's own name and, separated by commas, what others call it.
std::vector<std::string> plain_names(Table& t, const std::string& name) {
  std::vector<std::string> names{plan::plain_name(name)};
  if (!t.has("also")) return names;
  const std::string others = t.text("also");
  for (std::size_t begin = 0; begin <= others.size();) {
    const std::size_t end = std::min(others.find(',', begin), others.size());
    names.push_back(plan::plain_name(others.substr(begin, end - begin)));
    if (names.back().empty()) t.fail("also", "an empty name");
    begin = end + 1;
  }
  return names;
}

std::optional<plan::DollarsPerSecond> price_per_hour(Table& t) {
  if (!t.has("dollars-per-hour")) return std::nullopt;
  t.text("price-source");
  return Dollars{t.number("dollars-per-hour", 0, 1e6)} / Seconds{3600};
}

plan::FamilyFit efficiencies(Table& t) {
  return {.products = t.number("products", 0.01, 1),
          .half_depth = t.number("half-depth", 0, 1e5),
          .attention = t.number("attention", 0.01, 1),
          .memory = t.number("memory", 0.01, 1),
          .host = t.has("host") ? t.number("host", 0, 10) : 1};
}

plan::AcceleratorFacts accelerator_of(Table& t) {
  using plan::Precision;
  plan::AcceleratorFacts facts{
      .accelerator = {.name = t.text("name"),
                      .family = t.text("family"),
                      .peak = FlopsPerSecond{t.number("peak-tflops", 0.001, 1e6) * 1e12},
                      .memory_rate = gigabytes_per_second(t, "memory-gb-per-s"),
                      .memory = Bytes{t.number("memory-gb", 0.001, 1e6) * giga},
                      .multiprocessors = count(t, "multiprocessors"),
                      .tile_scale = t.has("tile-scale") ? t.number("tile-scale", 0.01, 1) : 1,
                      .scale_up = gigabytes_per_second(t, "scale-up-gb-per-s"),
                      .per_node = count(t, "per-node"),
                      .torus = optional_count(t, "torus", 3),
                      .fastest = t.choice<Precision>("fastest", {{"bf16", Precision::bf16},
                                                                 {"fp8", Precision::fp8},
                                                                 {"fp4", Precision::fp4}}),
                      .power = Watts{t.number("power-w", 1, 1e6)},
                      .rated_power = Watts{t.number("rated-power-w", 1, 1e6)},
                      .idle_share = t.has("idle-share") ? t.number("idle-share", 0, 1) : 0.15,
                      .host_share = t.has("host-share") ? t.number("host-share", 0, 5) : 0.5},
      .names = plain_names(t, t.text("name")),
      .node_rate = gigabytes_per_second(t, "node-network-gb-per-s"),
      .price = price_per_hour(t)};
  t.text("source");
  return facts;
}
void read_accelerator(Table& t, plan::Facts& facts) {
  facts.accelerators.push_back(accelerator_of(t));
}

plan::Calibration::Family family_of(Table& t) {
  return {t.text("name"), efficiencies(t)};
}
void read_declared_family(Table& t, plan::Facts& facts) {
  facts.calibration.declared.push_back(family_of(t));
  t.text("reason");
}

void read_choices(Table& t, plan::Software& s) {
  using namespace plan;
  if (t.has("attention"))
    s.attention = t.choice<Attention>("attention", {{"classic", Attention::classic},
                                                    {"unfused", Attention::unfused},
                                                    {"flash1", Attention::flash1},
                                                    {"flash2", Attention::flash2},
                                                    {"flash3", Attention::flash3}});
  if (t.has("pointwise"))
    s.pointwise = t.choice<Pointwise>("pointwise", {{"fused", Pointwise::fused},
                                                    {"compiled", Pointwise::compiled},
                                                    {"eager", Pointwise::eager},
                                                    {"written-out", Pointwise::written_out}});
  if (t.has("selective"))
    s.selective = t.choice<Selective>(
        "selective",
        {{"attention", Selective::attention}, {"half-the-products", Selective::half_the_products}});
  if (t.has("memory-figure"))
    s.memory_figure = t.choice<MemoryFigure>("memory-figure", {{"layers", MemoryFigure::layers},
                                                               {"tensors", MemoryFigure::tensors},
                                                               {"reserved", MemoryFigure::reserved},
                                                               {"device", MemoryFigure::device}});
}

void read_flag(Table& t, std::string_view key, bool& value) {
  if (t.has(key)) value = t.flag(key);
}
void read_bytes(Table& t, std::string_view key, double& value) {
  if (t.has(key)) value = t.number(key, 0, 1000);
}

void read_software(Table& t, plan::Facts& facts) {
  plan::SoftwareFacts entry;
  plan::Software& s = entry.software;
  entry.name = t.text("name");
  entry.match = t.text("match");
  entry.names = plain_names(t, entry.match);
  read_choices(t, s);
  read_flag(t, "stops-early", s.stops_early);
  read_flag(t, "overlaps-tensor", s.overlaps_tensor);
  read_flag(t, "sends-once-per-node", s.sends_once_per_node);
  read_flag(t, "hides-experts", s.hides_experts);
  read_flag(t, "overlaps-data", s.overlaps_data);
  read_flag(t, "launches-block", s.launches_block);
  read_flag(t, "partitioned-transfers", s.partitioned_transfers);
  read_flag(t, "shards-within-node", s.shards_within_node);
  read_flag(t, "single-rail-sharding", s.single_rail_sharding);
  read_flag(t, "gathers-logits", s.gathers_logits);
  read_flag(t, "dropout", s.dropout);
  read_flag(t, "keeps-fp8-inputs", s.keeps_fp8_inputs);
  read_flag(t, "replicas-only", s.replicas_only);
  read_bytes(t, "accumulation-bytes", s.accumulation_bytes);
  read_bytes(t, "expert-bytes", s.expert_bytes);
  read_bytes(t, "gradient-bytes", s.gradient_bytes);
  read_bytes(t, "state-bytes", s.state_bytes);
  read_bytes(t, "logit-bytes", s.logit_bytes);
  read_bytes(t, "tensor-workspace-bytes", s.tensor_workspace_bytes);
  if (t.has("host-ms-per-step"))
    s.host_per_step = Seconds{t.number("host-ms-per-step", 0, 1e6) * 1e-3};
  if (t.has("host-ms-per-layer"))
    s.host_per_layer = Seconds{t.number("host-ms-per-layer", 0, 1e6) * 1e-3};
  read_flag(t, "sequence-parallel", entry.sequence_parallel);
  read_flag(t, "splits-batch-by-stages", entry.splits_batch_by_stages);
  read_flag(t, "balances-parameters", entry.balances_parameters);
  read_flag(t, "ends-are-layers", entry.ends_are_layers);
  entry.sharding = static_cast<plan::Sharding>(optional_count(t, "zero-stage", 3));
  read_flag(t, "changes-blocks", entry.changes_blocks);
  read_flag(t, "counts-causal", entry.counts_causal);
  read_flag(t, "recomputes-modules", entry.recomputes_modules);
  if (t.has("recompute"))
    entry.recompute = t.choice<plan::Recompute>(
        "recompute", {{"none", plan::Recompute::none}, {"full", plan::Recompute::full}});
  if (t.has("node-network-gb-per-s"))
    entry.node_rate = gigabytes_per_second(t, "node-network-gb-per-s");
  if (t.has("rails")) entry.rails = count(t, "rails");
  if (t.has("unexplained-share")) entry.unexplained = t.number("unexplained-share", 0, 1);
  if (t.has("unexplained-share-of-mixtures"))
    entry.unexplained_of_mixtures = t.number("unexplained-share-of-mixtures", 0, 1);
  t.text("evidence");
  facts.software.push_back(entry);
}

/// Of a mixture; nothing is dense but the first layers.
plan::Experts read_experts(Table& t) {
  if (!t.has("experts")) return {};
  return {.count = count(t, "experts"),
          .chosen = count(t, "experts-per-token"),
          .shared = optional_count(t, "shared-experts", 1024),
          .feed_forward = count(t, "expert-feed-forward"),
          .dense_layers = optional_count(t, "dense-layers", count_max),
          .nodes = optional_count(t, "nodes-per-token", 1024)};
}

void read_shape(Table& t, plan::Facts& facts) {
  plan::ModelShape shape{.layers = count(t, "layers"),
                         .hidden = count(t, "hidden"),
                         .heads = count(t, "heads"),
                         .kv_heads = count(t, "kv-heads"),
                         .feed_forward = count(t, "feed-forward"),
                         .gated = t.flag("gated"),
                         .vocabulary = count(t, "vocabulary"),
                         .tied = t.has("tied") && t.flag("tied"),
                         .experts = read_experts(t),
                         .window = optional_count(t, "window", count_max),
                         .global_layers = optional_count(t, "global-layers", count_max),
                         .parallel_blocks = t.has("parallel-blocks") && t.flag("parallel-blocks")};
  if (t.has("head-width"))
    shape.head_width = count(t, "head-width");
  else if (shape.heads > 0)
    shape.head_width = std::max(shape.hidden / shape.heads, 1u);
  const std::string model = t.text("model");
  facts.shapes.push_back({model, plain_names(t, model), shape});
  t.text("evidence");
}
void read_embedding(Table& t, plan::Facts& facts) {
  facts.embeddings.push_back({t.text("model"), count(t, "width")});
}
void read_schedule(Table& t, plan::Facts& facts) {
  facts.schedules.push_back(
      {.source = t.text("source"),
       .model = t.text("model"),
       .micro_batch = count(t, "micro-batch"),
       .virtual_layers = static_cast<std::uint32_t>(t.whole("virtual-layers", 0, count_max))});
}
void read_suspect(Table& t, plan::Facts& facts) {
  facts.suspects.push_back(
      {.source = t.text("source"),
       .model = t.text("model"),
       .accelerator = t.text("accelerator"),
       .devices = count(t, "devices"),
       .sequence = count(t, "sequence"),
       .figure = t.choice<plan::Figure>(
           "figure", {{"time", plan::Figure::time}, {"memory", plan::Figure::memory}}),
       .reason = t.text("reason")});
}

void read_family(Table& t, plan::Facts& facts) {
  facts.calibration.families.push_back(family_of(t));
  facts.calibration.families.back().accelerators = t.texts("accelerators");
}
void read_shared(Table& t, plan::SharedFit& fit) {
  fit = {.fp8_gain = t.number("fp8-gain", 1, 2),
         .power_exponent = t.number("power-exponent", 0, 2),
         .scale_up = t.number("scale-up", 0.01, 1),
         .network = t.number("network", 0.01, 1),
         .network_latency = Seconds{t.number("network-latency-s", 0, 0.1)},
         .exposed_transfers = t.number("exposed-transfers", 0, 2),
         .hiding = t.number("hiding", 0, 1),
         .hiding_cost = t.number("hiding-cost", 0, 1),
         .eager_bytes = t.number("eager-bytes", 1, 10),
         .flash1 = t.number("flash1", 0.01, 1),
         .flash3 = t.number("flash3", 1, 4),
         .shared_rails = t.number("shared-rails", 0.01, 1),
         .stragglers = t.number("stragglers", 0, 1)};
}
void read_memory(Table& t, plan::MemoryFit& fit) {
  fit = {.runtime = Bytes{t.number("runtime-gib", 0, 1000) * gibibyte},
         .reserved = t.number("reserved", 1, 2),
         .reserve = Bytes{t.number("reserve-gib", 0, 1000) * gibibyte}};
}
/// Software is known whose runs are behind the numbers; which runs these are is for people.
void read_fitted_source(Table& t, plan::Facts& facts) {
  const std::string name = t.text("name");
  for (plan::SoftwareFacts& software : facts.software)
    if (software.name == name) software.software.fitted = true;
  t.text("lines");
  t.whole("runs", 1, count_max);
}

Result<> read_file(std::string_view text, const std::string& file,
                   const std::function<void(Table&)>& read) {
  const toml::table root = AXS_TRY(parse_toml(text, file));
  Table::Problem problem{file, std::nullopt};
  Table top{root, "", problem};
  if (top.whole("version", 1, 1000) > facts_version)
    top.fail("version", fmt::format("this program reads version {}", facts_version));
  read(top);
  top.finish();
  if (problem.first) return *problem.first;
  return Ok{};
}

}  // namespace

void read_own_accelerator(Table& t, std::vector<plan::AcceleratorFacts>& own) {
  plan::AcceleratorFacts facts = accelerator_of(t);
  t.table("reaches", [&](Table& reached) { facts.accelerator.reaches = efficiencies(reached); });
  for (const plan::AcceleratorFacts& other : own)
    if (other.names.front() == facts.names.front())
      t.fail("name", fmt::format("\"{}\" is used twice", facts.accelerator.name));
  own.push_back(std::move(facts));
}

Result<plan::Facts> parse_plan_facts(const PlanFiles& files) {
  plan::Facts facts;
  const auto entries = [&](Table& top, std::string_view key, void (*read)(Table&, plan::Facts&)) {
    top.tables(key, [&](Table& t) { read(t, facts); });
  };
  AXS_TRY(read_file(files.accelerators, "accelerators.toml", [&](Table& top) {
    entries(top, "accelerator", read_accelerator);
    entries(top, "family", read_declared_family);
  }));
  AXS_TRY(read_file(files.software, "software.toml", [&](Table& top) {
    entries(top, "software", read_software);
    if (facts.software.empty() || !facts.software.back().match.empty())
      top.fail("software", "no entry for unknown software, want a last one with match = \"\"");
  }));
  AXS_TRY(read_file(files.published, "published.toml", [&](Table& top) {
    entries(top, "shape", read_shape);
    entries(top, "embedding", read_embedding);
    entries(top, "schedule", read_schedule);
    entries(top, "suspect", read_suspect);
  }));
  AXS_TRY(read_file(files.fit, "xray-fit.toml", [&](Table& top) {
    entries(top, "family", read_family);
    top.table("shared", [&](Table& t) { read_shared(t, facts.calibration.shared); });
    top.table("memory", [&](Table& t) { read_memory(t, facts.calibration.memory); });
    entries(top, "source", read_fitted_source);
  }));
  return facts;
}

}  // namespace axs::config
