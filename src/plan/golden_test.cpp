#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <vector>

#include "axs/config/facts_testing.h"
#include "axs/plan/memory.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;

/// testdata/xray.csv has the inputs of published runs and what tools/fit_xray.py, whose formulas
/// are written in another language, predicts for them.
namespace {

/// The fields of a line, taken from left to right.
class Line {
 public:
  explicit Line(const std::string& text) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      fields_.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  std::string text() { return fields_.at(next_++); }
  double number() { return std::stod(text()); }
  std::uint32_t count() { return static_cast<std::uint32_t>(std::stoul(text())); }
  bool flag() { return count() != 0; }

 private:
  std::vector<std::string> fields_;
  std::size_t next_ = 0;
};

struct Golden {
  std::uint32_t line;
  Workload workload;
  Seconds seconds;
  Bytes bytes;
};

template <class Entries>
auto find(const Entries& entries, const std::string& want, const auto& name) {
  const auto found = std::ranges::find(entries, want, name);
  REQUIRE(found != entries.end());
  return *found;
}

Software software_of(const SoftwareFacts& facts, const std::string& notes) {
  Software software = facts.software;
  if (notes.starts_with("eager")) software.pointwise = Pointwise::eager;
  software.overlaps_tensor = notes.ends_with('1');
  return software;
}

std::vector<std::uint32_t> stages(const std::string& text) {
  std::vector<std::uint32_t> layers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    std::uint32_t count{};
    at = std::from_chars(at, end, count).ptr + 1;
    layers.push_back(count);
  }
  return layers;
}

ModelShape read_shape(Line& line) {
  ModelShape shape;
  shape.layers = line.count();
  shape.hidden = line.count();
  shape.heads = line.count();
  shape.kv_heads = line.count();
  shape.head_width = line.count();
  shape.feed_forward = line.count();
  shape.gated = line.flag();
  shape.vocabulary = line.count();
  shape.tied = line.flag();
  return shape;
}

ParallelPlan read_plan(Line& line) {
  ParallelPlan plan;
  plan.sequence = line.count();
  plan.tensor = line.count();
  plan.pipeline = line.count();
  plan.data = line.count();
  plan.context = line.count();
  plan.virtual_stages = line.count();
  plan.micro_batch = line.count();
  plan.global_batch = line.count();
  plan.recompute = static_cast<Recompute>(line.count());
  plan.precision = line.flag() ? Precision::fp8 : Precision::bf16;
  plan.sequence_parallel = line.flag();
  plan.sharding = static_cast<Sharding>(line.count());
  plan.stage_layers = stages(line.text());
  return plan;
}

Golden read_golden(Line line, const Facts& facts) {
  Golden golden{};
  golden.line = line.count();
  Workload& work = golden.workload;
  const AcceleratorFacts accelerator =
      find(facts.accelerators, line.text(),
           [](const AcceleratorFacts& a) { return a.accelerator.name; });
  const SoftwareFacts software = find(facts.software, line.text(), &SoftwareFacts::match);
  work.accelerator = accelerator.accelerator;
  work.network = {software.node_rate.value_or(accelerator.node_rate),
                  software.rails.value_or(accelerator.accelerator.per_node)};
  work.software = software_of(software, line.text());
  work.shape = read_shape(line);
  work.plan = read_plan(line);
  golden.seconds = Seconds{line.number()};
  golden.bytes = Bytes{line.number()};
  return golden;
}

std::vector<Golden> golden(const std::string& name = "xray.csv") {
  std::ifstream file{AXS_SOURCE_DIR "/src/plan/testdata/" + name};
  std::vector<Golden> runs;
  std::string line;
  for (int number = 0; std::getline(file, line); ++number)
    if (number >= 2) runs.push_back(read_golden(Line{line}, config::testing::shipped_facts()));
  return runs;
}

constexpr double tolerance = 1e-9;

}  // namespace

namespace {

/// Time and memory are those of the formulas in Python.
void check_all(const std::vector<Golden>& runs) {
  for (const Golden& run : runs) {
    CAPTURE(run.line);
    const auto step = step_time(run.workload, config::testing::shipped_facts().calibration);
    REQUIRE(step);
    CHECK(std::abs(step->total / run.seconds - 1) < tolerance);
    const auto memory =
        memory_use(run.workload, config::testing::shipped_facts().calibration.memory);
    REQUIRE(memory);
    CHECK(std::abs(memory->total / run.bytes - 1) < tolerance);
  }
}

}  // namespace

TEST_CASE("times and memory of all published runs are those of the formulas in Python") {
  const std::vector<Golden> runs = golden();
  REQUIRE(runs.size() == 423);
  check_all(runs);
}

TEST_CASE("so are those of runs with widths that divide neither heads nor nodes") {
  const std::vector<Golden> runs = golden("xray-uneven.csv");
  REQUIRE(runs.size() == 61);
  check_all(runs);
}

TEST_CASE("the parts of time and of memory add up") {
  for (const Golden& run : golden()) {
    CAPTURE(run.line);
    const StepTime s = *step_time(run.workload, config::testing::shipped_facts().calibration);
    const Seconds parts = s.products + s.attention + s.pointwise + s.recompute + s.tensor_exchange +
                          s.host + s.embedding_and_head + s.sharding_exchange + s.stage_transfers +
                          s.bubble + s.data_exchange + s.optimizer + s.stragglers + s.fixed;
    CHECK(std::abs(parts / s.total - 1) < tolerance);
    const MemoryUse m =
        *memory_use(run.workload, config::testing::shipped_facts().calibration.memory);
    const Bytes held = m.state + m.gathered + m.activations + m.logits + m.workspace + m.overhead;
    CHECK(std::abs(held / m.total - 1) < tolerance);
  }
}

TEST_CASE("a faster machine is never slower") {
  for (const Golden& run : golden()) {
    CAPTURE(run.line);
    const Seconds before =
        step_time(run.workload, config::testing::shipped_facts().calibration)->total;
    Workload faster = run.workload;
    faster.accelerator.peak = faster.accelerator.peak * 1.5;
    CHECK(step_time(faster, config::testing::shipped_facts().calibration)->total <= before);
    faster = run.workload;
    faster.accelerator.memory_rate = faster.accelerator.memory_rate * 1.5;
    CHECK(step_time(faster, config::testing::shipped_facts().calibration)->total <= before);
    faster = run.workload;
    faster.network.node_rate = faster.network.node_rate * 1.5;
    faster.accelerator.scale_up = faster.accelerator.scale_up * 1.5;
    CHECK(step_time(faster, config::testing::shipped_facts().calibration)->total <= before);
  }
}

TEST_CASE("a greater micro-batch needs no less memory and has no smaller bubble") {
  for (const Golden& run : golden()) {
    CAPTURE(run.line);
    Workload twice = run.workload;
    twice.plan.micro_batch *= 2;
    if (twice.plan.global_batch % (twice.plan.data * twice.plan.micro_batch) != 0) continue;
    const auto& calibration = config::testing::shipped_facts().calibration;
    CHECK(memory_use(twice, calibration.memory)->total >=
          memory_use(run.workload, calibration.memory)->total);
    CHECK(step_time(twice, calibration)->bubble >= step_time(run.workload, calibration)->bubble);
  }
}
