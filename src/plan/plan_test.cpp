#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "axs/config/facts_testing.h"
#include "axs/plan/collectives.h"
#include "axs/plan/gpt3_testing.h"
#include "axs/plan/matrix_product.h"
#include "axs/plan/memory.h"
#include "axs/plan/step_time.h"

using namespace axs;
using namespace axs::plan;

namespace {

Machine machine() {
  return {.products = FlopsPerSecond{250e12},
          .half_depth = 160,
          .attention = FlopsPerSecond{190e12},
          .memory = BytesPerSecond{1.5e12},
          .multiprocessors = 108,
          .links = {.scale_up = BytesPerSecond{240e9},
                    .node_rate = BytesPerSecond{160e9},
                    .per_node = 8,
                    .latency = Seconds{20e-6}}};
}

/// GPT-3 175B of Korthikanti et al. 2022.
Workload gpt3() {
  Workload work = axs::plan::testing::gpt3_on_a100();
  work.shape.tied = true;
  work.plan.virtual_stages = 3;
  work.plan.sequence_parallel = true;
  work.plan.recompute = Recompute::selective;
  work.plan.global_batch = 64;
  return work;
}

std::string why_not(const Workload& work) {
  const auto checked = check(work.shape, work.plan);
  return checked ? "" : checked.error().what;
}

}  // namespace

TEST_CASE("shape: parameters and work of GPT-3 175B") {
  const ModelShape shape = gpt3().shape;
  CHECK(parameters(shape) == doctest::Approx(174.6e9).epsilon(0.001));
  // 6 N plus attention: 12 L s h.
  CHECK(training_flops_per_token(shape, 2048).value() ==
        doctest::Approx(6 * parameters(shape) + 12.0 * 96 * 2048 * 12288));
}

TEST_CASE("shape: what a device holds is its part of the layer") {
  const ModelShape shape = gpt3().shape;
  CHECK(layer_shards(shape, 8).parameters() * 8 ==
        doctest::Approx(layer_shards(shape, 1).parameters()));
  CHECK(layer_shards(shape, 1).parameters() == doctest::Approx(12.0 * 12288 * 12288));
}

TEST_CASE("shape: devices that are more than the heads of keys and values have copies of them") {
  Workload work = gpt3();
  work.shape.kv_heads = 4;
  work.plan.tensor = 4;
  const double whole = layer_shards(work.shape, 1).query_key_value.outputs;
  CHECK(4 * layer_shards(work.shape, 4).query_key_value.outputs == doctest::Approx(whole));
  // Each of 16 devices has six of the 96 queries and one pair of the 4.
  CHECK(layer_shards(work.shape, 16).query_key_value.outputs == 6 * 128 + 2 * 128);
  work.plan.tensor = 16;
  CHECK(layer_widths(work.shape, work.plan).query_key_value == 6 * 128 + 2 * 128);
  const Bytes copies = memory_use(work, {})->total;
  work.shape.kv_heads = 16;
  CHECK(memory_use(work, {})->total == copies);
  CHECK(parameters_here(work.shape, work.plan).total() * 16 ==
        doctest::Approx(layer_parameters(work.shape, 1).total()));
}

TEST_CASE("plan: layers that are left over are on the first stages, which are the slowest") {
  Workload work = gpt3();
  work.plan.virtual_stages = 1;
  work.shape.layers = 98;
  const Seconds even = step_time(work, {})->total;
  const Bytes held = memory_use(work, {})->total;
  work.plan.stage_layers = {13, 13, 12, 12, 12, 12, 12, 12};
  CHECK(step_time(work, {})->total == even);
  CHECK(memory_use(work, {})->total == held);
}

TEST_CASE("step: an untied model exchanges the gradients of its embedding and of its head") {
  Workload work = gpt3();
  work.plan.pipeline = work.plan.virtual_stages = 1;
  work.plan.data = 8;
  work.software.overlaps_data = false;
  const Seconds tied = step_time(work, {})->data_exchange;
  work.shape.tied = false;
  const Seconds untied = step_time(work, {})->data_exchange;
  const double embedding = 51200.0 * 12288 / 8;
  const double layers = 96 * layer_shards(work.shape, 8).parameters();
  CHECK(untied / tied ==
        doctest::Approx((layers + 2 * embedding) / (layers + embedding)).epsilon(1e-3));
  // Each end of a pipeline has one of them, tied or not.
  work.plan.pipeline = 2;
  const Seconds ends = step_time(work, {})->data_exchange;
  work.shape.tied = true;
  CHECK(step_time(work, {})->data_exchange == ends);
}

TEST_CASE("step: interleaving shortens the bubble, but not below the way through all stages") {
  Workload work = gpt3();
  work.plan.virtual_stages = 1;
  const StepTime plain = *step_time(work, {});
  work.plan.virtual_stages = 4;
  const StepTime parts = *step_time(work, {});
  CHECK(parts.bubble < 0.3 * plain.bubble);
  // One micro-batch finds every stage idle, however it is cut.
  work.plan.global_batch = 1;
  const Seconds alone = step_time(work, {})->bubble;
  work.plan.virtual_stages = 1;
  CHECK(alone >= 0.99 * step_time(work, {})->bubble);
}

TEST_CASE("step: gradients of twice the bytes take twice as long, weights that come back do not") {
  Workload work = gpt3();
  work.plan.data = 8;
  work.plan.global_batch = 512;
  work.software.overlaps_data = false;
  const auto exchange = [&](Sharding sharding, double gradient_bytes) {
    work.plan.sharding = sharding;
    work.software.gradient_bytes = gradient_bytes;
    return step_time(work, config::testing::shipped_facts().calibration)->data_exchange;
  };
  const Seconds two = exchange(Sharding::none, 2);
  CHECK(two > Seconds{0.1});
  CHECK(exchange(Sharding::none, 4) / two == doctest::Approx(2).epsilon(0.001));
  CHECK(exchange(Sharding::optimizer, 2) == two);
  CHECK(exchange(Sharding::optimizer, 4) / two == doctest::Approx(1.5).epsilon(0.001));
}

TEST_CASE("step: launches that block take turns with the device") {
  Workload work = gpt3();
  work.plan.recompute = Recompute::none;
  const auto host = [&](bool block) {
    work.software.launches_block = block;
    return step_time(work, config::testing::shipped_facts().calibration)->host;
  };
  const double layers = 96.0 / work.plan.pipeline * micro_batches(work.plan);
  CHECK(host(true) / (layers * work.software.host_per_layer) == doctest::Approx(1));
  CHECK(host(false) < 0.1 * host(true));
}

TEST_CASE("machine: below its rated power a device computes slower, by a power below one") {
  Workload work = gpt3();
  Calibration fit;
  fit.shared.power_exponent = 0.85;
  const Machine rated = machine_of(work.accelerator, work.network, fit);
  work.accelerator.power = work.accelerator.rated_power * (500.0 / 700);
  const Machine capped = machine_of(work.accelerator, work.network, fit);
  const double derated = std::pow(500.0 / 700, 0.85);
  CHECK(capped.products / rated.products == doctest::Approx(derated));
  CHECK(capped.attention / rated.attention == doctest::Approx(derated));
  CHECK(capped.memory == rated.memory);
  CHECK(capped.links.scale_up == rated.links.scale_up);
  const StepTime slow = *step_time(work, fit);
  work.accelerator.power = work.accelerator.rated_power;
  CHECK(slow.products > step_time(work, fit)->products);
  // A limit above the rated power makes nothing faster than its data sheet.
  work.accelerator.power = 2 * work.accelerator.rated_power;
  CHECK(machine_of(work.accelerator, work.network, fit).products == rated.products);
}

TEST_CASE("plan: what does not go together is named") {
  Workload work = gpt3();
  CHECK(why_not(work).empty());
  work.plan.data = 0;
  CHECK(why_not(work) == "data 0, want 1 to 16777216");
  work = gpt3();
  work.plan.data = 3;
  CHECK(why_not(work) == "global batch 64, want a multiple of data × micro-batch, 3");
  work = gpt3();
  work.plan.virtual_stages = 13;
  CHECK(why_not(work) == "pipeline × virtual stages 104, want at most one per layer, of 96");
  work = gpt3();
  work.plan.tensor = 97;
  CHECK(why_not(work) == "tensor 97, want at most the heads, 96");
  work = gpt3();
  work.plan.stage_layers = {12, 12, 12, 12, 12, 12, 12, 13};
  CHECK(why_not(work) == "stage layers: sum 97, want 96");
  CHECK_FALSE(step_time(work, {}));
  CHECK_FALSE(memory_use(work, {}));
}

TEST_CASE("product: full tiles and waves reach the rate, one tile more costs a wave") {
  const Machine a100 = machine();
  // 108 tiles of 256 × 128, one wave.
  const MatrixProduct full{256 * 12, 128 * 9, 1e6};
  const Seconds ideal = Flops{2 * 256.0 * 12 * 128 * 9 * 1e6} / a100.products;
  CHECK(product_time(full, a100) / ideal == doctest::Approx((1e6 + 160) / 1e6));
  const MatrixProduct more{256 * 12, 128 * 9 + 1, 1e6};
  CHECK(product_time(more, a100) > 1.05 * product_time(full, a100));
}

TEST_CASE("product: thin ones wait for memory") {
  const Machine a100 = machine();
  const Bytes weights{2.0 * (8192.0 * 8192 + 2 * 8192)};
  CHECK(product_time({1, 8192, 8192}, a100) == weights / a100.memory);
}

TEST_CASE("product: deeper or in batches is never faster, a better machine never slower") {
  CHECK(rc::check([] {
    const auto size = [] { return static_cast<double>(*rc::gen::inRange(1, 20'000)); };
    const MatrixProduct p{size(), size(), size(), 1};
    const Seconds time = product_time(p, machine());
    RC_ASSERT(time > Seconds{});
    RC_ASSERT(product_time({p.rows, p.columns, p.depth + size(), 1}, machine()) >= time);
    RC_ASSERT(product_time({p.rows, p.columns, p.depth, 2}, machine()) >= time);
    Machine better = machine();
    better.products = better.products * 1.1;
    better.memory = better.memory * 1.1;
    RC_ASSERT(product_time(p, better) <= time);
  }));
}

TEST_CASE("collectives: nothing to exchange alone, a ring in a node, layers across nodes") {
  const Links links = machine().links;
  const Bytes size{8e9};
  CHECK(all_reduce(size, group_of(1, 1, links), links) == Seconds{});
  const Seconds in_node = all_reduce(size, group_of(8, 1, links), links);
  CHECK(in_node.value() == doctest::Approx(2 * 7.0 / 8 * 8e9 / 240e9).epsilon(0.01));
  // Eight rings over the nodes at once, each with an eighth: as fast as one with all eight cards.
  const Seconds across = all_reduce(size, group_of(16, 1, links), links);
  CHECK(across.value() <= 2 * one_pass(size, group_of(16, 1, links), links).value());
  CHECK(across > in_node);
}

TEST_CASE("collectives: more bytes or a slower network never take less time") {
  CHECK(rc::check([] {
    const Links links = machine().links;
    const Bytes size{static_cast<double>(*rc::gen::inRange(1, 1'000'000'000))};
    const auto ranks = static_cast<double>(*rc::gen::inRange(1, 4'000));
    const auto stride = static_cast<double>(*rc::gen::inRange(1, 17));
    const Group group = group_of(ranks, stride, links);
    const Seconds time = all_reduce(size, group, links);
    RC_ASSERT(all_reduce(2 * size, group, links) >= time);
    Links slower = links;
    slower.node_rate = slower.node_rate / 2;
    RC_ASSERT(all_reduce(size, group, slower) >= time);
  }));
}

namespace {

/// Of 8 experts two, on 64 devices.
Workload mixture() {
  Workload work = gpt3();
  work.shape.layers = 32;
  work.shape.hidden = 4096;
  work.shape.heads = 32;
  work.shape.kv_heads = 8;
  work.shape.feed_forward = 14336;
  work.shape.gated = true;
  work.shape.experts = {.count = 8, .chosen = 2, .feed_forward = 14336};
  work.plan.tensor = 2;
  work.plan.pipeline = 1;
  work.plan.virtual_stages = 1;
  work.plan.recompute = Recompute::none;
  work.plan.data = 32;
  work.plan.expert = 8;
  return work;
}

}  // namespace

TEST_CASE("mixture: one expert that all tokens pass is a dense network") {
  Workload one = mixture();
  one.plan.expert = 1;
  Workload dense = one;
  one.shape.experts.count = one.shape.experts.chosen = 1;
  dense.shape.experts = {};
  const LayerParameters experts = layer_parameters(one.shape, 1);
  CHECK(experts.total() - one.shape.hidden ==
        doctest::Approx(layer_parameters(dense.shape, 1).total()));
  CHECK(parameters(one.shape) == doctest::Approx(parameters(dense.shape)).epsilon(0.001));
  const StepTime with = *step_time(one, {});
  const StepTime without = *step_time(dense, {});
  // The fullest expert is declared a tenth above the mean.
  CHECK(with.products / without.products > 1.0);
  CHECK(with.products / without.products < 1.12);
  CHECK(with.zero_shot);
  CHECK(memory_use(one, {})->state.value() ==
        doctest::Approx(memory_use(dense, {})->state.value()).epsilon(0.001));
}

TEST_CASE("mixture: experts dealt out need less memory and an exchange of tokens") {
  Workload work = mixture();
  const StepTime dealt = *step_time(work, {});
  const Bytes less = memory_use(work, {})->state;
  work.plan.expert = 1;
  const StepTime copied = *step_time(work, {});
  CHECK(dealt.expert_exchange > Seconds{});
  CHECK(copied.expert_exchange == Seconds{});
  CHECK(memory_use(work, {})->state > less);
}

TEST_CASE("mixture: tokens that cross once, to few nodes, in fewer bytes or behind other work") {
  Workload work = mixture();
  work.shape.experts.count = 256;
  work.shape.experts.chosen = 8;
  work.plan.expert = 64;
  const auto exchange = [&] { return step_time(work, {})->expert_exchange; };
  const Seconds all = exchange();
  work.software.sends_once_per_node = true;
  const Seconds once = exchange();
  CHECK(once < all);
  work.shape.experts.nodes = 4;
  const Seconds few = exchange();
  CHECK(few < once);
  work.shape.experts.nodes = 8;  // There are no more.
  CHECK(exchange() == once);
  work.software.expert_bytes = 1;
  const Seconds narrow = exchange();
  CHECK(narrow < once);
  work.software.hides_experts = true;
  const Seconds hidden = exchange();
  CHECK(hidden < narrow);
  Calibration costly;
  costly.shared.hiding_cost = 0.5;
  const Seconds paid = step_time(work, costly)->expert_exchange;
  CHECK(paid > hidden);
  CHECK(paid < narrow);
}

TEST_CASE("mixture: what does not go together is named") {
  Workload work = mixture();
  CHECK(why_not(work).empty());
  work.plan.expert = 3;
  CHECK(why_not(work) == "expert 3, want a divisor of the experts, 8");
  work = mixture();
  work.plan.data = 1;
  CHECK(why_not(work) == "expert 8, want a divisor of tensor × context × data, 2");
  work = mixture();
  work.shape.experts.chosen = 9;
  CHECK(why_not(work) == "experts of a token 9, want 1 to 8");
  work = mixture();
  work.shape.experts.dense_layers = 32;
  CHECK(why_not(work) == "dense layers 32, want less than the layers, 32");
  work = mixture();
  work.shape.experts = {};
  CHECK(why_not(work) == "expert 8, want 1, the model is dense");
}

TEST_CASE("mixture: parts add up, more experts of a token take longer, of a layer more memory") {
  CHECK(rc::check([] {
    Workload work = mixture();
    work.plan.precision = *rc::gen::element(Precision::bf16, Precision::fp8, Precision::fp4);
    work.plan.expert = *rc::gen::element(1u, 2u, 8u);
    work.plan.micro_batch = *rc::gen::element(1u, 2u);
    work.shape.experts.count = 8 * *rc::gen::inRange(1u, 20u);
    work.shape.experts.shared = *rc::gen::inRange(0u, 3u);
    work.shape.experts.dense_layers = *rc::gen::inRange(0u, 30u);
    const Calibration fit{};
    const StepTime s = *step_time(work, fit);
    const Seconds parts = s.products + s.attention + s.pointwise + s.recompute + s.tensor_exchange +
                          s.expert_exchange + s.host + s.embedding_and_head + s.sharding_exchange +
                          s.stage_transfers + s.bubble + s.data_exchange + s.optimizer +
                          s.stragglers + s.fixed;
    RC_ASSERT(std::abs(parts / s.total - 1) < 1e-9);
    Workload more = work;
    more.shape.experts.chosen += 1;
    // Fuller tiles may win back a little.
    RC_ASSERT(step_time(more, fit)->total >= 0.95 * s.total);
    more = work;
    more.shape.experts.count *= 2;
    RC_ASSERT(memory_use(more, fit.memory)->total > memory_use(work, fit.memory)->total);
  }));
}

TEST_CASE("attention: a window as long as the sequence changes nothing, a shorter one saves") {
  Workload work = gpt3();
  const Seconds all = step_time(work, {})->attention;
  work.shape.window = work.plan.sequence;
  CHECK(step_time(work, {})->attention.value() == doctest::Approx(all.value()));
  work.shape.window = work.plan.sequence / 4;
  const Seconds some = step_time(work, {})->attention;
  CHECK(some.value() < 0.5 * all.value());
  work.shape.global_layers = work.shape.layers / 2;
  CHECK(step_time(work, {})->attention.value() == doctest::Approx(0.5 * (all + some).value()));
}

TEST_CASE("plan: blocks side by side exchange half as much") {
  Workload work = gpt3();
  const Seconds twice = step_time(work, {})->tensor_exchange;
  work.shape.parallel_blocks = true;
  CHECK(step_time(work, {})->tensor_exchange.value() == doctest::Approx(0.5 * twice.value()));
}

TEST_CASE("product: a precision that the machine lacks is no faster") {
  Machine a100 = machine();
  a100.fp8_gain = 1.7;
  const MatrixProduct p{8192, 8192, 8192};
  a100.fastest = Precision::bf16;
  CHECK(product_time(p, a100, Precision::fp4) == product_time(p, a100));
  a100.fastest = Precision::fp4;
  CHECK(product_time(p, a100, Precision::fp4) < product_time(p, a100, Precision::fp8));
}

TEST_CASE("collectives: on a torus latency grows with its sides") {
  Links torus = machine().links;
  torus.per_node = 4096;
  Links ring = torus;
  torus.torus = 3;
  const Bytes nothing{};
  CHECK(one_pass(nothing, group_of(4096, 1, torus), torus).value() == doctest::Approx(45e-6));
  CHECK(one_pass(nothing, group_of(4096, 1, ring), ring) >
        one_pass(nothing, group_of(4096, 1, torus), torus));
}

TEST_CASE("collectives: tokens that stay on the node do not wait for the network") {
  const Links links = machine().links;
  const Bytes size{1e9};
  const Seconds inside = all_to_all(size, group_of(8, 1, links), links);
  const Seconds across = all_to_all(size, group_of(64, 1, links), links);
  CHECK(across > inside);
  CHECK(all_to_all(size, group_of(64, 1, links), links, 0.5) < across);
  CHECK(all_to_all(size, group_of(1, 1, links), links) == Seconds{});
}

TEST_CASE("step: a family without measurements has declared numbers and a wide interval") {
  const StepTime step = *step_time(gpt3(), {});
  CHECK(step.high() / step.total == doctest::Approx(std::exp(0.45)));
  CHECK(step.total / step.low() == doctest::Approx(std::exp(0.45)));
}

TEST_CASE("step: more recomputation takes more time and less memory") {
  Workload work = gpt3();
  work.software.attention = Attention::classic;
  Seconds time{};
  Bytes memory{1e300};
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
    work.plan.recompute = recompute;
    const Seconds longer = step_time(work, {})->total;
    const Bytes less = memory_use(work, {})->total;
    CHECK(longer > time);
    CHECK(less < memory);
    time = longer;
    memory = less;
  }
}

TEST_CASE("memory: activations of a layer are those of Korthikanti's formulas") {
  Workload work = gpt3();
  work.plan.pipeline = 1;
  work.plan.virtual_stages = 1;
  work.software.attention = Attention::classic;
  const double sbh = 2048.0 * 12288;
  // 34 sbh / t with tensor and sequence parallelism and the core of attention left out.
  CHECK(memory_use(work, {})->activations.value() == doctest::Approx(96 * 34 * sbh / 8));
  // sbh (10 + 24 / t + 5 a s / (h t)) without either.
  work.plan.sequence_parallel = false;
  work.plan.recompute = Recompute::none;
  CHECK(memory_use(work, {})->activations.value() ==
        doctest::Approx(96 * sbh * (10 + 24.0 / 8 + 5.0 * 96 * 2048 / (12288.0 * 8))));
}

TEST_CASE("memory: each stage of ZeRO holds less") {
  Workload work = gpt3();
  work.plan.data = 8;
  Bytes least{1e300};
  work.plan.pipeline = work.plan.virtual_stages = 1;
  for (const Sharding sharding :
       {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::parameters}) {
    work.plan.sharding = sharding;
    const Bytes state = memory_use(work, {})->state;
    CHECK(state < least);
    least = state;
  }
}

TEST_CASE("memory: a pipeline keeps gradients whole until the step ends") {
  Workload work = gpt3();
  work.plan.data = 8;
  work.plan.sharding = Sharding::optimizer;
  const Bytes held = memory_use(work, {})->total;
  work.plan.sharding = Sharding::gradients;
  CHECK(memory_use(work, {})->total == held);
  // Alone: weights in two bytes, the rest cut; the largest gradient is whole while it is made.
  work.plan.pipeline = work.plan.virtual_stages = 1;
  const MemoryUse use = *memory_use(work, {});
  const double all = 96 * layer_shards(work.shape, 8).parameters() + 51200.0 * 12288 / 8;
  CHECK(use.state.value() == doctest::Approx(all * (2 + 16.0 / 8)));
  CHECK(use.gathered.value() == doctest::Approx(4 * layer_shards(work.shape, 8).parameters()));
}
