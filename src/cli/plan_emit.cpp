#include "axs/cli/plan_emit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "axs/cli/shell_word.h"
#include "axs/plan/interleaving.h"
#include "axs/plan/plan_devices.h"

namespace axs::cli {
namespace {

using plan::PlannedStage;
using plan::Precision;
using plan::Recompute;
using plan::ReplicaGroup;
using plan::Sharding;

Error no_words(std::string_view program, const std::string& what) {
  return {Errc::invalid, fmt::format("--emit {}: {}", program, what)};
}

/// Both programs cut evenly only.
Result<> check_even(const PlanView& view, std::string_view program, std::uint32_t tensor) {
  const plan::ModelShape& shape = view.job.job.shape;
  const std::array<std::pair<const char*, std::uint32_t>, 5> all{
      {{"heads", shape.heads},
       {"heads of keys and values", shape.kv_heads},
       {"columns of the feed-forward part", shape.feed_forward},
       {"columns of an expert", shape.experts.feed_forward},
       {"tokens of a sequence", view.job.job.sequence}}};
  for (const auto& [what, count] : all)
    if (count % tensor != 0)
      return no_words(program, fmt::format("the plan cuts {} {} over {} devices, want a width that "
                                           "divides them",
                                           count, what, tensor));
  return Ok{};
}

/// A plan counts with the nearest precision that a device has; a program does not start.
Result<> check_precision(const PlanView& view, std::string_view program, std::uint32_t type) {
  const plan::Accelerator& accelerator = view.job.fleet.types[type].accelerator;
  const Precision wanted = view.job.job.precision;
  if (wanted <= accelerator.fastest) return Ok{};
  return no_words(program,
                  fmt::format("the job is in {0}, which {1} does not have; want precision "
                              "= \"{2}\", which the plan counts with",
                              enum_name(wanted), accelerator.name, enum_name(accelerator.fastest)));
}

/// Both interleave whole rounds only: ScheduleInterleaved1F1B of PyTorch, and
/// forward_backward_pipelining_with_interleaving() of Megatron-Core.
Result<> check_rounds(const ReplicaGroup& group, std::string_view program) {
  if (group.virtual_stages == 1 || group.micro_batches % group.stages.size() == 0) return Ok{};
  return no_words(program, fmt::format("a replica has {} micro-batches, want a multiple of its {} "
                                       "interleaved stages",
                                       group.micro_batches, group.stages.size()));
}

/// What both programs want: replicas that are alike, on devices that are.
Result<> check_alike(const PlanView& view, std::string_view program) {
  const auto& groups = view.plan().groups;
  const ReplicaGroup& first = groups.front();
  for (const ReplicaGroup& group : groups) {
    if (!group.crossings.empty())
      return no_words(program, fmt::format("the pipelines are at {}, want one site",
                                           site_names(view.job, group)));
    if (group.site != first.site)
      return no_words(program,
                      fmt::format("the plan is for {} and {}, want one site",
                                  site_names(view.job, first), site_names(view.job, group)));
    if (group.stages != first.stages || group.virtual_stages != first.virtual_stages)
      return no_words(program, fmt::format("some replicas are {}{} and others {}{}, want all alike",
                                           stages_text(view.job, first), chunks_text(first),
                                           stages_text(view.job, group), chunks_text(group)));
    if (group.micro_batches != first.micro_batches)
      return no_words(program,
                      fmt::format("some replicas have {} micro-batches and others {}, want all "
                                  "alike: a number of sequences that replicas divide",
                                  first.micro_batches, group.micro_batches));
  }
  const plan::Method& method = view.plan().method;
  if (method.whole_experts || method.context > 1)
    return no_words(program, fmt::format("the plan is {}; whole experts and parts of sequences are "
                                         "not written yet",
                                         method_text(method)));
  for (const PlannedStage& stage : first.stages)
    if (stage.type != first.stages.front().type || stage.tensor != first.stages.front().tensor)
      return no_words(program, fmt::format("a replica is {}, want one type and one width",
                                           stages_text(view.job, first)));
  AXS_TRY(check_rounds(first, program));
  AXS_TRY(check_precision(view, program, first.stages.front().type));
  return check_even(view, program, first.stages.front().tensor);
}

std::uint64_t steps_of(const PlanView& view) {
  return static_cast<std::uint64_t>(std::ceil(plan::steps(view.job.job)));
}

/// Layers of each chunk of all stages, in the order of the model.
std::vector<std::uint32_t> chunks_of(const ReplicaGroup& group) {
  std::vector<std::uint32_t> chunks;
  std::uint32_t layers = 0;
  for (const PlannedStage& stage : group.stages) {
    chunks.push_back(stage.layers);
    layers += stage.layers;
  }
  if (group.virtual_stages == 1) return chunks;
  chunks.resize(chunks.size() * group.virtual_stages);
  const auto count = static_cast<std::uint32_t>(chunks.size());
  for (std::uint32_t i = 0; i < count; ++i) chunks[i] = plan::layers_of_chunk(layers, count, i);
  return chunks;
}

bool are_even(const std::vector<std::uint32_t>& chunks) {
  return std::ranges::all_of(chunks, [&](std::uint32_t layers) { return layers == chunks[0]; });
}

/// The one of torchtitan's models that is the job's.
Result<std::string> torchtitan_flavor(const PlanView& view) {
  struct Flavor {
    const char* name;
    std::uint32_t layers, width, heads, kv_heads;
  };
  constexpr std::array flavors{Flavor{"8B", 32, 4096, 32, 8}, Flavor{"70B", 80, 8192, 64, 8},
                               Flavor{"405B", 126, 16384, 128, 8}};
  const plan::ModelShape& shape = view.job.job.shape;
  for (const Flavor& flavor : flavors)
    if (shape.layers == flavor.layers && shape.hidden == flavor.width &&
        shape.heads == flavor.heads && shape.kv_heads == flavor.kv_heads && !shape.is_mixture())
      return std::string{flavor.name};
  return no_words(
      "torchtitan",
      fmt::format("the model has {} layers of width {}{}, want Llama 3 of 8B, 70B or 405B",
                  shape.layers, shape.hidden, shape.is_mixture() ? " and experts" : ""));
}

/// Which modules are on each stage, chunk after chunk in the order of the model: the only way to
/// say that stages are uneven.
std::string torchtitan_modules(const ReplicaGroup& group) {
  std::string text = "module_fqns_per_model_part = [\n";
  const std::vector<std::uint32_t> chunks = chunks_of(group);
  std::uint32_t layer = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    std::vector<std::string> modules;
    if (i == 0) modules.push_back("\"tok_embeddings\"");
    for (std::uint32_t n = 0; n < chunks[i]; ++n)
      modules.push_back(fmt::format("\"layers.{}\"", layer++));
    if (i + 1 == chunks.size()) modules.insert(modules.end(), {"\"norm\"", "\"output\""});
    text += fmt::format("  [{}],\n", fmt::join(modules, ", "));
  }
  return text + "]\n";
}

std::string_view torchtitan_recompute(Recompute recompute) {
  switch (recompute) {
    case Recompute::none:
      return "mode = \"none\"\n";
    case Recompute::selective:
      return "mode = \"selective\"\nselective_ac_option = \"op\"\n";
    case Recompute::full:
      return "mode = \"full\"\n";
  }
  return "";
}

/// One replica shares with nobody.
Sharding sharding_of(const PlanView& view) {
  return plan::replicas_of(view.plan().groups) == 1 ? Sharding::none : view.plan().method.sharding;
}

/// Gradients are always shared out where weights are.
std::string_view torchtitan_sharding(Sharding sharding) {
  switch (sharding) {
    case Sharding::none:
      return "";
    case Sharding::optimizer:
      return "# Of the optimiser alone the plan speaks; nearest to it is to keep gathered "
             "weights.\n"
             "fsdp_reshard_after_forward = \"never\"\n";
    case Sharding::gradients:
      return "fsdp_reshard_after_forward = \"never\"\n";
    case Sharding::parameters:
      return "fsdp_reshard_after_forward = \"always\"\n";
  }
  return "";
}

std::string torchtitan_parallelism(const PlanView& view) {
  const ReplicaGroup& group = view.plan().groups.front();
  const bool sharded = sharding_of(view) != Sharding::none;
  const std::uint32_t replicas = plan::replicas_of(view.plan().groups);
  std::string text = fmt::format(
      "[parallelism]\n"
      "data_parallel_replicate_degree = {}\n"
      "data_parallel_shard_degree = {}\n"
      "tensor_parallel_degree = {}\n"
      "pipeline_parallel_degree = {}\n",
      sharded ? 1 : replicas, sharded ? replicas : 1, group.stages.front().tensor,
      group.stages.size());
  text += torchtitan_sharding(sharding_of(view));
  if (group.stages.size() > 1)
    text += fmt::format(
        "pipeline_parallel_schedule = \"{}\"\npipeline_parallel_microbatch_size = {}\n{}",
        group.virtual_stages > 1 ? "Interleaved1F1B" : "1F1B", view.plan().method.micro_batch,
        torchtitan_modules(group));
  return text;
}

/// "Et*3|t*4|t*3L": embedding, layers, loss; a bar between stages, or between their chunks in the
/// order of the model, which tells how many each stage has.
std::string megatron_layout(const std::vector<std::uint32_t>& chunks) {
  std::string text = "E";
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (i > 0) text += "|";
    if (chunks[i] > 0) text += fmt::format("t*{}", chunks[i]);
  }
  return text + "L";
}

std::string megatron_model(const plan::ModelShape& shape) {
  std::string text = fmt::format(
      "--num-layers {}\n--hidden-size {}\n--ffn-hidden-size {}\n--num-attention-heads {}\n",
      shape.layers, shape.hidden, shape.feed_forward, shape.heads);
  if (shape.kv_heads != shape.heads)
    text += fmt::format("--group-query-attention\n--num-query-groups {}\n", shape.kv_heads);
  if (shape.head_width * shape.heads != shape.hidden)
    text += fmt::format("--kv-channels {}\n", shape.head_width);
  if (shape.gated)  // Llama's layers; without gates they are GPT's, as which Megatron begins.
    text +=
        "--swiglu\n--normalization RMSNorm\n--position-embedding-type rope\n"
        "--disable-bias-linear\n";
  if (!shape.tied) text += "--untie-embeddings-and-output-weights\n";
  if (shape.window > 0) text += fmt::format("--window-size {},0\n", shape.window);
  const plan::Experts& experts = shape.experts;
  if (experts.count == 0) return text;
  text += fmt::format("--num-experts {}\n--moe-router-topk {}\n--moe-ffn-hidden-size {}\n",
                      experts.count, experts.chosen, experts.feed_forward);
  if (experts.shared > 0)
    text += fmt::format("--moe-shared-expert-intermediate-size {}\n",
                        experts.shared * experts.feed_forward);
  if (experts.dense_layers > 0)
    text += "--moe-layer-freq " +
            shell_word(fmt::format("([0]*{}+[1]*{})", experts.dense_layers,
                                   shape.layers - experts.dense_layers)) +
            "\n";
  return text;
}

/// As large as the model's: rows are added until the multiple times the tensor width divides them.
std::string megatron_vocabulary(std::uint32_t words, std::uint32_t tensor) {
  std::uint32_t multiple = 128;  // Megatron's own.
  while (multiple > 1 && words % (multiple * tensor) != 0) multiple /= 2;
  return fmt::format("--vocab-size {}\n--make-vocab-size-divisible-by {}\n", words, multiple);
}

std::string_view megatron_precision(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return "--bf16\n";
    case Precision::fp8:
      return "--bf16\n--fp8-format hybrid\n";
    case Precision::fp4:
      return "--bf16\n--fp4-format e2m1\n";
  }
  return "";
}

/// Gradients and parameters are shards of Megatron's FSDP only, which has checkpoints of its own.
std::string megatron_sharding(Sharding sharding) {
  if (sharding == Sharding::none) return "";
  const std::string text = "--use-distributed-optimizer\n";
  if (sharding == Sharding::optimizer) return text;
  return text + fmt::format(
                    "--use-megatron-fsdp\n--data-parallel-sharding-strategy {}\n"
                    "--no-gradient-accumulation-fusion\n--ckpt-format fsdp_dtensor\n",
                    sharding == Sharding::gradients ? "optim_grads" : "optim_grads_params");
}

std::string megatron_parallelism(const PlanView& view) {
  const ReplicaGroup& group = view.plan().groups.front();
  const plan::Method& method = view.plan().method;
  const std::uint32_t tensor = group.stages.front().tensor;
  std::string text =
      fmt::format("--tensor-model-parallel-size {}\n--pipeline-model-parallel-size {}\n", tensor,
                  group.stages.size());
  const std::vector<std::uint32_t> chunks = chunks_of(group);
  if (!are_even(chunks))
    text += "--pipeline-model-parallel-layout " + shell_word(megatron_layout(chunks)) + "\n";
  else if (group.virtual_stages > 1)
    text += fmt::format("--num-virtual-stages-per-pipeline-rank {}\n", group.virtual_stages);
  if (tensor > 1) text += "--sequence-parallel\n";
  text += megatron_sharding(sharding_of(view));
  if (view.job.job.software.overlaps_data) text += "--overlap-grad-reduce\n";
  if (method.recompute == Recompute::selective) text += "--recompute-granularity selective\n";
  if (method.recompute == Recompute::full)
    text += "--recompute-granularity full\n--recompute-method uniform\n--recompute-num-layers 1\n";
  return text;
}

}  // namespace

Result<std::string> torchtitan_text(const PlanView& view) {
  AXS_TRY(check_alike(view, "torchtitan"));
  const std::string flavor = AXS_TRY(torchtitan_flavor(view));
  const Precision precision = view.job.job.precision;
  if (precision == Precision::fp4)
    return no_words("torchtitan",
                    fmt::format("precision {}, want bf16 or fp8", enum_name(precision)));
  const ReplicaGroup& group = view.plan().groups.front();
  const std::uint32_t micro = view.plan().method.micro_batch;
  return fmt::format(
      "# {}: {} devices, planned with {:.4g} s a step\n"
      "[model]\nname = \"llama3\"\nflavor = \"{}\"\n{}\n"
      "[training]\nlocal_batch_size = {}\nglobal_batch_size = {}\nseq_len = {}\nsteps = {}\n\n"
      "{}\n[activation_checkpoint]\n{}",
      view.job.scenario.name,
      plan::replicas_of(view.plan().groups) * devices_of(view.plan().method, group) /
          group.replicas,
      view.plan().step.total.value(), flavor,
      precision == Precision::fp8 ? "converters = [\"quantize.linear.float8\"]\n" : "",
      group.stages.size() > 1 ? micro * group.micro_batches : micro, view.job.job.global_batch,
      view.job.job.sequence, steps_of(view), torchtitan_parallelism(view),
      torchtitan_recompute(view.plan().method.recompute));
}

Result<std::string> megatron_text(const PlanView& view) {
  AXS_TRY(check_alike(view, "megatron"));
  const plan::ModelShape& shape = view.job.job.shape;
  const std::uint32_t tensor = view.plan().groups.front().stages.front().tensor;
  return megatron_model(shape) + megatron_vocabulary(shape.vocabulary, tensor) +
         fmt::format(
             "--seq-length {0}\n--max-position-embeddings {0}\n--micro-batch-size {1}\n"
             "--global-batch-size {2}\n--train-iters {3}\n",
             view.job.job.sequence, view.plan().method.micro_batch, view.job.job.global_batch,
             steps_of(view)) +
         megatron_parallelism(view) + std::string{megatron_precision(view.job.job.precision)};
}

}  // namespace axs::cli
