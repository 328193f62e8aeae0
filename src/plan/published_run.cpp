#include "axs/plan/published_run.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "axs/core/dmath.h"
#include "axs/plan/memory.h"
#include "axs/plan/step_time.h"

namespace axs::plan {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Error left_out(std::string reason) {
  return {Errc::unavailable, std::move(reason)};
}

/// Key-value heads, gating and tying are in no table. f = 4 h is a plain MLP with all heads and
/// tied embeddings; otherwise the MLP is gated, and of the usual numbers of heads that one holds
/// which comes nearest to the parameters printed. All heads have a small advantage.
ModelShape inferred(ModelShape shape, double printed) {
  constexpr double advantage = 0.002;
  shape.kv_heads = shape.heads;
  shape.tied = true;
  if (shape.feed_forward == 4 * shape.hidden) return shape;
  shape.gated = true;
  ModelShape best = shape;
  double least = 1e9;
  for (const std::uint32_t kv_heads : std::array{shape.heads, 1u, 2u, 4u, 8u, 16u}) {
    if (kv_heads > shape.heads || shape.heads % kv_heads != 0) continue;
    for (const bool tied : {false, true}) {
      ModelShape tried = shape;
      tried.kv_heads = kv_heads;
      tried.tied = tied;
      const double error = std::abs(dmath::log(parameters(tried) / printed)) +
                           (kv_heads == shape.heads ? 0 : advantage);
      if (error >= least) continue;
      least = error;
      best = tried;
    }
  }
  return best;
}

Result<ModelShape> shape_of(const PublishedRun& run, const Facts& facts) {
  const auto known = std::ranges::find(facts.shapes, run.model, &KnownShape::model);
  if (known != facts.shapes.end()) return known->shape;
  if (!run.layers || !run.hidden || !run.heads || !run.feed_forward || !run.vocabulary)
    return left_out("no shape of the model");
  if (*run.heads == 0 || *run.hidden == 0) return left_out("a model without width or heads");
  if (!run.parameters_billion || *run.parameters_billion <= 0)
    return left_out("no number of parameters");
  return inferred({.layers = *run.layers,
                   .hidden = *run.hidden,
                   .heads = *run.heads,
                   .head_width = *run.hidden / *run.heads,
                   .feed_forward = *run.feed_forward,
                   .vocabulary = *run.vocabulary},
                  *run.parameters_billion * 1e9);
}

Result<Recompute> recompute_of(const std::string& text) {
  if (text.empty() || text == "none") return Recompute::none;
  if (text == "selective") return Recompute::selective;
  if (text == "full") return Recompute::full;
  return left_out("recompute \"" + text + "\", want none, selective or full");
}

Result<Precision> precision_of(const std::string& text) {
  if (text.empty() || text == "bf16" || text == "fp16") return Precision::bf16;
  if (text == "fp8") return Precision::fp8;
  return left_out("precision \"" + text + "\" is not modelled");
}

/// DeepSpeed balances the parameters of stages; the embedding counts, so that the ends have fewer
/// layers.
std::vector<std::uint32_t> balanced_stages(const PublishedRun& run, const Workload& work,
                                           const Facts& facts) {
  const std::uint32_t stages = work.plan.pipeline;
  const ModelShape& shape = work.shape;
  if (stages <= 2 || shape.layers < stages) return {};
  const auto narrow = std::ranges::find(facts.embeddings, run.model, &KnownEmbedding::model);
  const double width = narrow == facts.embeddings.end() ? shape.hidden : narrow->width;
  const double embedding = shape.vocabulary * width;
  const double layer = layer_shards(shape, 1).parameters();
  const double share = (shape.layers * layer + 2 * embedding) / stages;
  const std::uint32_t inner = stages - 2;
  const double most = (shape.layers - inner) / 2;
  const double wanted = std::round((share - embedding) / layer);
  const auto end = static_cast<std::uint32_t>(std::clamp(wanted, 1.0, most));
  const std::uint32_t rest = shape.layers - 2 * end;
  std::vector<std::uint32_t> layers{end};
  for (std::uint32_t i = 0; i < inner; ++i)
    layers.push_back(rest / inner + (i < rest % inner ? 1 : 0));
  layers.push_back(end);
  return layers;
}

/// What the table says of how the devices are used, 1 where it says nothing.
Result<ParallelPlan> cut_of(const PublishedRun& run, const SoftwareFacts& software) {
  if (!run.tensor || !run.pipeline || !run.devices) return left_out("no parallel plan printed");
  if (run.expert.value_or(1) > 1) return left_out("mixtures of experts are not modelled");
  ParallelPlan plan;
  plan.tensor = *run.tensor;
  plan.context = run.context.value_or(1);
  plan.pipeline = *run.pipeline;
  plan.virtual_stages = run.virtual_stages.value_or(1);
  plan.recompute = AXS_TRY(recompute_of(run.recompute));
  plan.precision = AXS_TRY(precision_of(run.precision));
  plan.sequence = run.sequence.value_or(2048);
  const double of_a_model = devices(plan);
  if (of_a_model < 1) return left_out("a parallel plan of no device");
  plan.data = run.data.value_or(static_cast<std::uint32_t>(*run.devices / of_a_model));
  if (devices(plan) != *run.devices)
    return left_out("n_gpus " + std::to_string(*run.devices) + " is not tp × pp × dp × cp");
  if (run.zero_stage.value_or(0) > 3)
    return left_out("zero_stage " + std::to_string(*run.zero_stage) + ", want 0 to 3");
  plan.sequence_parallel = run.sequence_parallel || software.sequence_parallel;
  plan.sharding = static_cast<Sharding>(run.zero_stage.value_or(0));
  if (plan.sharding == Sharding::none && software.software.overlaps_data)
    plan.sharding = Sharding::optimizer;
  return plan;
}

/// Tables round: the nearest whole number of micro-batches, if that is near.
std::uint32_t whole_batch(std::uint32_t printed, const ParallelPlan& plan) {
  constexpr double near = 0.05;
  const double at_once = static_cast<double>(plan.data) * plan.micro_batch;
  const double whole = std::round(printed / at_once) * at_once;
  return std::abs(whole - printed) <= near * printed ? static_cast<std::uint32_t>(whole) : printed;
}

/// Micro-batch, virtual stages and global batch; false if nobody tells the micro-batch.
bool read_schedule(const PublishedRun& run, const SoftwareFacts& software, const Facts& facts,
                   Workload& work) {
  ParallelPlan& plan = work.plan;
  std::optional<std::uint32_t> micro_batch = run.micro_batch;
  for (const KnownSchedule& known : facts.schedules) {
    if (!contains(run.source, known.source) || run.model != known.model) continue;
    micro_batch = known.micro_batch;
    if (known.virtual_layers > 0)
      plan.virtual_stages = work.shape.layers / plan.pipeline / known.virtual_layers;
  }
  if (!micro_batch && run.global_batch && software.splits_batch_by_stages) {
    if (contains(run.notes, "Interleaved")) plan.virtual_stages = 2;
    const double parts = static_cast<double>(plan.data) * plan.pipeline * plan.virtual_stages;
    if (parts >= 1) micro_batch = static_cast<std::uint32_t>(*run.global_batch / parts);
  }
  // Rows of memory only need no batch, but as many micro-batches as fill a pipeline.
  plan.micro_batch = micro_batch.value_or(1);
  const double turns = plan.pipeline > 1 ? 8.0 * plan.pipeline : 1;
  const double enough = std::min(turns * plan.micro_batch * plan.data, 4e9);
  plan.global_batch =
      whole_batch(run.global_batch.value_or(static_cast<std::uint32_t>(enough)), plan);
  return micro_batch.has_value();
}

/// Whatever the published figure counts, all that is in use on the device must fit.
Result<bool> fits(Workload work, const MemoryFit& fit) {
  work.software.memory_figure = MemoryFigure::device;
  const MemoryUse use = AXS_TRY(memory_use(work, fit));
  return use.total <= work.accelerator.memory;
}

/// If nothing fits, it is one sequence.
Result<Workload> fastest_that_fits(Workload work, const Facts& facts) {
  const Calibration& calibration = facts.calibration;
  Workload best = work;
  Seconds least{1e300};
  while (work.plan.global_batch % (std::uint64_t{work.plan.data} * work.plan.micro_batch) == 0) {
    if (!AXS_TRY(fits(work, calibration.memory))) break;
    const StepTime step = AXS_TRY(step_time(work, calibration));
    if (step.total < least) {
      least = step.total;
      best = work;
    }
    work.plan.micro_batch *= 2;
  }
  return best;
}

/// What notes and precision tell of the software.
void refine(const PublishedRun& run, const SoftwareFacts& facts, Workload& work) {
  work.software = facts.software;
  if (contains(run.notes, "AsyncTP")) work.software.overlaps_tensor = true;
  if (contains(run.notes, "eager")) work.software.pointwise = Pointwise::eager;
  // Before FlashAttention was, one trained in fp16 and computed whole layers again.
  if (!facts.software.fitted && run.precision == "fp16" && run.recompute == "full" &&
      work.accelerator.family == "A100")
    work.software.attention = Attention::classic;
}

}  // namespace

const SoftwareFacts& software_of(const std::string& source, const Facts& facts) {
  for (const SoftwareFacts& software : facts.software)
    if (contains(source, software.match)) return software;
  AXS_ASSERT(false);  // The last entry matches everything.
}

Result<Workload> workload_of(const PublishedRun& run, const Facts& facts) {
  if (!run.unreadable.empty()) return left_out(run.unreadable);
  const auto accelerator = std::ranges::find(
      facts.accelerators, run.accelerator,
      [](const AcceleratorFacts& known) -> const std::string& { return known.accelerator.name; });
  if (accelerator == facts.accelerators.end())
    return left_out("accelerator \"" + run.accelerator + "\" is not in the catalogue");
  const SoftwareFacts& software = software_of(run.source, facts);
  Workload work;
  work.accelerator = accelerator->accelerator;
  work.network = {software.node_rate.value_or(accelerator->node_rate),
                  software.rails.value_or(work.accelerator.per_node)};
  refine(run, software, work);
  work.shape = AXS_TRY(shape_of(run, facts));
  work.plan = AXS_TRY(cut_of(run, software));
  const bool told = read_schedule(run, software, facts, work);
  AXS_TRY(check(work.shape, work.plan));
  if (software.balances_parameters) work.plan.stage_layers = balanced_stages(run, work, facts);
  return told ? work : fastest_that_fits(work, facts);
}

std::string suspicion(const PublishedRun& run, const Facts& facts, Figure figure) {
  if (contains(run.notes, "SUSPECT")) return "SUSPECT in the notes";
  for (const Suspect& suspect : facts.suspects)
    if (suspect.figure == figure && contains(run.source, suspect.source) &&
        run.model == suspect.model && run.accelerator == suspect.accelerator &&
        run.devices == suspect.devices && run.sequence == suspect.sequence)
      return suspect.reason;
  return {};
}

}  // namespace axs::plan
