#include "axs/plan/published_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

#include "axs/core/dmath.h"
#include "axs/plan/memory.h"
#include "axs/plan/names.h"
#include "axs/plan/published_notes.h"
#include "axs/plan/published_software.h"
#include "axs/plan/step_time.h"

namespace axs::plan {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string whole(double number) {
  return std::to_string(static_cast<std::uint64_t>(number));
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
  if (printed <= 0) return shape;
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

/// "8x7B", "64 experts", "top-2": no column has them. Two for each token where nobody tells.
Experts experts_told(const PublishedRun& run) {
  const std::string told = run.model + " " + run.notes;
  Experts experts{.count = number_before(told, told.find(" experts")),
                  .chosen = number_after(told, "top-"),
                  .feed_forward = run.feed_forward.value_or(0)};
  const auto digit = [&](std::size_t i) {
    return i < run.model.size() && run.model[i] >= '0' && run.model[i] <= '9';
  };
  for (std::size_t i = 1; i < run.model.size() && experts.count == 0; ++i)
    if (run.model[i] == 'x' && digit(i + 1)) experts.count = number_before(run.model, i);
  if (experts.count < 2) return {};
  if (experts.chosen == 0) experts.chosen = 2;
  return experts;
}

/// A table may have another model whose name begins alike.
bool goes_with(const ModelShape& shape, const PublishedRun& run) {
  return run.hidden.value_or(shape.hidden) == shape.hidden;
}

Result<ModelShape> shape_of(const PublishedRun& run, const Facts& facts) {
  const KnownShape* const known = most_like(facts.shapes, run.model);
  if (known && goes_with(known->shape, run)) {
    ModelShape shape = known->shape;
    shape.layers = run.layers.value_or(shape.layers);
    return shape;
  }
  if (!run.layers || !run.hidden || !run.heads || !run.feed_forward || !run.vocabulary)
    return left_out("no shape of the model");
  if (*run.heads == 0 || *run.hidden == 0) return left_out("a model without width or heads");
  if (*run.hidden % *run.heads != 0)
    return left_out("heads " + std::to_string(*run.heads) + ", want a number that divides hidden " +
                    std::to_string(*run.hidden) + ": no column has their width");
  if (run.expert.value_or(1) > 1 && experts_told(run).count == 0)
    return left_out("ep " + std::to_string(*run.expert) + " of model \"" + run.model +
                    "\", whose experts nobody tells");
  return inferred({.layers = *run.layers,
                   .hidden = *run.hidden,
                   .heads = *run.heads,
                   .head_width = *run.hidden / *run.heads,
                   .feed_forward = *run.feed_forward,
                   .vocabulary = *run.vocabulary,
                   .experts = experts_told(run)},
                  run.parameters_billion.value_or(0) * 1e9);
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

/// Where embedding and head have the place of a layer each and the number of layers is chosen for
/// that, two short of a multiple of the stages.
std::vector<std::uint32_t> stages_with_ends(std::uint32_t layers, std::uint32_t stages) {
  if (stages <= 2 || layers % stages == 0 || (layers + 2) % stages != 0) return {};
  std::vector<std::uint32_t> all(stages, (layers + 2) / stages);
  all.front() -= 1;
  all.back() -= 1;
  return all;
}

/// Layers of all stages; empty if they are as even as may be.
std::vector<std::uint32_t> stage_layers(const PublishedRun& run, const Workload& work,
                                        const SoftwareFacts& software, const Facts& facts) {
  if (software.balances_parameters) return balanced_stages(run, work, facts);
  if (software.ends_are_layers) return stages_with_ends(work.shape.layers, work.plan.pipeline);
  return {};
}

/// What the table says of how the devices are used, 1 where it says nothing.
Result<ParallelPlan> cut_of(const PublishedRun& run, const SoftwareFacts& software) {
  if (!run.devices) return left_out("no number of devices");
  if (*run.devices == 0) return left_out("n_gpus 0, want 1 or more");
  ParallelPlan plan;
  plan.tensor = run.tensor.value_or(1);
  plan.context = run.context.value_or(1);
  plan.pipeline = run.pipeline.value_or(1);
  plan.expert = run.expert.value_or(1);
  plan.virtual_stages = run.virtual_stages.value_or(1);
  plan.recompute = AXS_TRY(recompute_told(run.recompute)).value_or(software.recompute);
  plan.precision = AXS_TRY(precision_told(run.precision));
  plan.sequence = run.sequence.value_or(2048);
  if (run.zero_stage.value_or(0) > 3)
    return left_out("zero_stage " + std::to_string(*run.zero_stage) + ", want 0 to 3");
  plan.sequence_parallel = run.sequence_parallel || software.sequence_parallel;
  plan.sharding = run.zero_stage ? static_cast<Sharding>(*run.zero_stage) : software.sharding;
  if (plan.sharding == Sharding::none && software.software.overlaps_data)
    plan.sharding = Sharding::optimizer;
  return plan;
}

/// The data-parallel devices are those that the others leave.
Result<> set_data(const PublishedRun& run, ParallelPlan& plan) {
  plan.data = 1;
  const double of_a_model = devices(plan);
  if (of_a_model < 1) return left_out("tp, pp or cp 0, want 1 or more");
  if (run.data == 0u) return left_out("dp 0, want 1 or more");
  plan.data = run.data.value_or(static_cast<std::uint32_t>(*run.devices / of_a_model));
  if (devices(plan) == *run.devices) return Ok{};
  // Some count the devices that share a sequence among the data-parallel ones.
  if (devices(plan) == static_cast<double>(*run.devices) * plan.context &&
      plan.data % plan.context == 0) {
    plan.data /= plan.context;
    return Ok{};
  }
  if (plan.data == 0)
    return left_out("n_gpus " + std::to_string(*run.devices) + ", want at least tp × pp × cp, " +
                    whole(of_a_model));
  return left_out("n_gpus " + std::to_string(*run.devices) + ", want tp × pp × dp × cp, " +
                  whole(devices(plan)));
}

/// Tables round: the nearest whole number of micro-batches, if that is near.
std::uint32_t whole_batch(std::uint32_t printed, const ParallelPlan& plan) {
  constexpr double near = 0.05;
  const double at_once = static_cast<double>(plan.data) * plan.micro_batch;
  const double whole = std::round(printed / at_once) * at_once;
  return std::abs(whole - printed) <= near * printed ? static_cast<std::uint32_t>(whole) : printed;
}

bool is_interleaved(const PublishedRun& run) {
  return has_word(run.notes, {"interleaved", "interleaving"}) &&
         !has_word(run.notes, {"non interleaved", "not interleaved", "no interleaving",
                               "without interleaving"});
}

/// Micro-batch, virtual stages and global batch; false if nobody tells the micro-batch.
bool read_schedule(const PublishedRun& run, const SoftwareFacts& software, const Facts& facts,
                   Workload& work) {
  ParallelPlan& plan = work.plan;
  std::optional<std::uint32_t> micro_batch = run.micro_batch;
  for (const KnownSchedule& known : facts.schedules) {
    if (!contains(run.source, known.source) || run.model != known.model) continue;
    micro_batch = known.micro_batch;
    plan.virtual_stages =
        known.virtual_layers > 0 ? work.shape.layers / plan.pipeline / known.virtual_layers : 1;
  }
  if (!micro_batch && run.global_batch && software.splits_batch_by_stages) {
    if (is_interleaved(run)) plan.virtual_stages = 2;
    const double parts = static_cast<double>(plan.data) * plan.pipeline * plan.virtual_stages;
    if (parts >= 1) micro_batch = static_cast<std::uint32_t>(*run.global_batch / parts);
  }
  // Rates and memory need no batch, but as many micro-batches as fill a pipeline.
  plan.micro_batch = micro_batch.value_or(1);
  const double turns = 8.0 * plan.pipeline;
  const double enough = std::min(turns * plan.micro_batch * plan.data, 4e9);
  plan.global_batch =
      whole_batch(run.global_batch.value_or(static_cast<std::uint32_t>(enough)), plan);
  return micro_batch.has_value();
}

/// Powers of two up to a limit, or what the table tells.
std::vector<std::uint32_t> choices(std::optional<std::uint32_t> told, std::uint32_t most) {
  if (told) return {*told};
  std::vector<std::uint32_t> all;
  for (std::uint32_t number = 1; number <= most; number *= 2) all.push_back(number);
  return all;
}

/// How far the model may be off before a run that was published, so that it did fit, must have been
/// another one.
constexpr double little_more = 1.25;

struct Candidate {
  Workload work;
  Bytes memory;
  Seconds step;

  /// Whether it needs at most a little more than the device has.
  bool fits() const { return memory <= little_more * work.accelerator.memory; }
};

/// The fastest of several that fit. If none does, the model needs too much for all of them, and
/// those are compared that need little more than the least.
class Fastest {
 public:
  explicit Fastest(const Calibration& calibration) : calibration_{calibration} {}

  Result<> look_at(const Workload& work) {
    Workload held = work;  // Whatever the published figure counts, all that is in use must fit.
    held.software.memory_figure = MemoryFigure::device;
    const Bytes memory = AXS_TRY(memory_use(held, calibration_.memory)).total;
    candidates_.push_back({work, memory, AXS_TRY(step_time(work, calibration_)).total});
    return Ok{};
  }
  std::optional<Candidate> best() const {
    if (candidates_.empty()) return std::nullopt;
    const Bytes least = std::ranges::min(candidates_, {}, &Candidate::memory).memory;
    const Bytes device = candidates_.front().work.accelerator.memory;
    const Bytes most = least <= device ? device : little_more * least;
    const Candidate* best = nullptr;
    for (const Candidate& other : candidates_)
      if (other.memory <= most && (!best || other.step < best->step)) best = &other;
    return *best;
  }

 private:
  const Calibration& calibration_;
  std::vector<Candidate> candidates_;
};

/// The one after a micro-batch that the batch of a replica is a multiple of, with a pipeline twice
/// as many, as people choose there; 0 if there is none that anybody would use.
std::uint32_t next_micro_batch(const ParallelPlan& plan) {
  const std::uint32_t of_replica = plan.global_batch / plan.data;
  const std::uint32_t least = plan.pipeline > 1 ? 2 * plan.micro_batch : plan.micro_batch + 1;
  const std::uint32_t most = plan.pipeline > 1 ? least : 1024;
  for (std::uint32_t next = least; next <= std::min(of_replica, most); ++next)
    if (of_replica % next == 0) return next;
  return 0;
}

/// From a workload that is checked, all micro-batches if none is told.
Result<> try_micro_batches(Workload work, bool told, Fastest& fastest) {
  do {
    AXS_TRY(fastest.look_at(work));
    work.plan.micro_batch = next_micro_batch(work.plan);
  } while (!told && work.plan.micro_batch > 0 && check(work.shape, work.plan));
  return Ok{};
}

}  // namespace

bool tells_plan(const PublishedRun& run) {
  return run.tensor && run.pipeline;
}

namespace {

/// All but the plan.
Result<Workload> setting_of(const PublishedRun& run, const SoftwareFacts& software,
                            const Facts& facts) {
  if (says(run.accelerator, {"+", ":"}))
    return left_out("several kinds of accelerators, \"" + run.accelerator + "\", in one run");
  const AcceleratorFacts* const accelerator = most_like(facts.accelerators, run.accelerator);
  if (!accelerator)
    return left_out("accelerator \"" + run.accelerator + "\" is not in the catalogue");
  Workload work;
  work.accelerator = accelerator->accelerator;
  const BytesPerSecond usual = software.node_rate.value_or(accelerator->node_rate);
  const std::uint32_t rails = software.rails.value_or(work.accelerator.per_node);
  const ToldNetwork told = network_told(run.notes).value_or(ToldNetwork{usual, {}});
  work.network = {told.node_rate, told.rails.value_or(rails)};
  work.software = software_told(run, software, work.accelerator);
  work.shape = AXS_TRY(shape_of(run, facts));
  refine_shape(run, software, work.shape);
  return work;
}

/// All that goes with a plan of so many tensor devices and stages.
Result<> try_plan(const PublishedRun& run, const Facts& facts, Workload work, Fastest& fastest) {
  const SoftwareFacts& software = software_of(run.source, facts);
  AXS_TRY(set_data(run, work.plan));
  const bool told = read_schedule(run, software, facts, work);
  AXS_TRY(check(work.shape, work.plan));
  work.plan.stage_layers = stage_layers(run, work, software, facts);
  return try_micro_batches(work, told, fastest);
}

/// Virtual stages that no table tells: as many as layers, or two where notes say that there are
/// some; none or as many as layers with software of today.
std::vector<std::uint32_t> interleavings(const PublishedRun& run, const Workload& work) {
  if (run.virtual_stages) return {*run.virtual_stages};
  const Software& software = work.software;
  const std::uint32_t most = work.shape.layers / std::max(work.plan.pipeline, 1u);
  if (work.plan.pipeline <= 1 || most <= 1) return {1};
  if (is_interleaved(run)) return {2, most};
  if (software.fitted || !software.overlaps_data) return {1};
  return {1, most};
}

/// The fastest plan that goes with what the table tells; an error if there is none.
Result<Candidate> fastest_of(const PublishedRun& run, const Facts& facts, Workload work) {
  const ParallelPlan told = work.plan;
  const std::uint32_t tensors = std::min(work.accelerator.per_node, 16u);
  const std::uint32_t stages =
      work.accelerator.torus > 0 ? 1 : std::clamp(work.shape.layers, 1u, 64u);
  Fastest fastest{facts.calibration};
  Result<> tried = Ok{};
  for (const std::uint32_t tensor : choices(run.tensor, tensors))
    for (const std::uint32_t pipeline : choices(run.pipeline, stages)) {
      work.plan = told;
      work.plan.tensor = tensor;
      work.plan.pipeline = pipeline;
      for (const std::uint32_t virtual_stages : interleavings(run, work)) {
        work.plan.virtual_stages = virtual_stages;
        const auto problem = try_plan(run, facts, work, fastest);
        if (!problem && tried) tried = problem;
      }
    }
  if (auto best = fastest.best()) return *std::move(best);
  return tried.error();
}

/// Whether more may have been computed again than is assumed. Policies named "custom" keep anything
/// between most and next to nothing. Of a table that says nothing this is so where software can
/// only compute whole layers again, and of mixtures nobody has published what they need.
bool leaves_recomputation_open(const PublishedRun& run, const SoftwareFacts& software,
                               const Workload& assumed) {
  if (assumed.plan.recompute == Recompute::full) return false;
  if (says(plain_name(run.recompute), {"custom", "partial"})) return true;
  return !*recompute_told(run.recompute) && !software.software.fitted &&
         !software.recomputes_modules && !assumed.shape.is_mixture();
}

}  // namespace

Result<Workload> workload_of(const PublishedRun& run, const Facts& facts) {
  if (!run.unreadable.empty()) return left_out(run.unreadable);
  const SoftwareFacts& software = software_of(run.source, facts);
  Workload work = AXS_TRY(setting_of(run, software, facts));
  work.plan = AXS_TRY(cut_of(run, software));
  if (run.step && !run.global_batch) return left_out("no global batch");
  Candidate fastest = AXS_TRY(fastest_of(run, facts, work));
  if (!fastest.fits() && leaves_recomputation_open(run, software, work)) {
    work.plan.recompute = Recompute::full;
    fastest = AXS_TRY(fastest_of(run, facts, work));
  }
  return std::move(fastest.work);
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
