#include "axs/plan/layer_time.h"

#include <algorithm>
#include <utility>

#include "axs/core/dmath.h"
#include "axs/plan/collectives.h"
#include "axs/plan/matrix_product.h"
#include "axs/plan/traffic.h"

namespace axs::plan {

namespace {

/// Of a score that takes part in softmax, mask and dropout one by one: Sailor's profile of GPT-Neo
/// 2.7B at micro-batch 16. Forward 45 %.
constexpr double unfused_score_bytes = 130;
/// The fullest expert of a layer over the mean: what a balanced router leaves. Declared.
constexpr double imbalance = 1.1;

struct Passes {
  Seconds forward{};
  Seconds backward{};

  Seconds sum() const { return forward + backward; }
};
Passes operator+(Passes a, Passes b) {
  return {a.forward + b.forward, a.backward + b.backward};
}
Passes operator*(double k, Passes a) {
  return {k * a.forward, k * a.backward};
}

class Layer {
 public:
  Layer(const Workload& workload, const Machine& machine, const SharedFit& fit)
      : shape_{workload.shape},
        plan_{workload.plan},
        software_{workload.software},
        machine_{machine},
        fit_{fit},
        tensor_{static_cast<double>(plan_.tensor)},
        tokens_{micro_batch_tokens(plan_)},
        heads_{heads_here(shape_, tensor_)},
        shards_{layer_shards(shape_, tensor_)},
        widths_{layer_widths(shape_, plan_)},
        mixture_{shape_.mixture_share()} {}

  LayerTime time() const {
    const Passes products = this->products();
    const Passes attention = plan_.share ? shared_attention() : attention_core() + context_ring();
    const Passes pointwise = this->pointwise() + casts();
    const Seconds exchange = tensor_exchange();
    const Seconds experts = expert_exchange(0.5 * (products + attention + pointwise).sum());
    const Seconds forward =
        products.forward + attention.forward + pointwise.forward + exchange + experts;
    LayerTime time{.products = products.sum(),
                   .attention = attention.sum(),
                   .pointwise = pointwise.sum(),
                   .recompute = recompute(forward, 0.5 * (products.forward + pointwise.forward)),
                   .tensor_exchange = 2 * exchange,
                   .expert_exchange = 2 * experts};
    time.host = added_by_host(time.total());
    return time;
  }

 private:
  Seconds product(const MatrixProduct& product) const {
    return product_time(product, machine_, plan_.precision);
  }
  Passes passes(const WeightShard& w, double rows, double batch = 1) const {
    return {
        product({rows, w.outputs, w.inputs, batch}),
        product({rows, w.inputs, w.outputs, batch}) + product({w.inputs, w.outputs, rows, batch})};
  }
  Passes products() const {
    const Passes attention =
        passes(shards_.query_key_value, tokens_) + passes(shards_.attention_out, tokens_);
    const Passes network = passes(shards_.up, tokens_) + passes(shards_.down, tokens_);
    if (!shape_.is_mixture()) return attention + network;
    return attention + (1 - mixture_) * network + mixture_ * experts();
  }

  /// Tokens that a device sends to experts, each as often as it has experts. Whole experts on a
  /// device means that the tensor devices divide the tokens between them.
  double routed_tokens() const {
    return tokens_ * shape_.experts.chosen / (plan_.expert == 1 ? 1 : tensor_);
  }
  /// Router, shared experts, and the routed ones in a batch: each has its part of the tokens.
  Passes experts() const {
    const Experts& experts = shape_.experts;
    const double count = experts.count;
    const double busy = std::min(count / plan_.expert, std::max(routed_tokens(), 1.0));
    Passes time = passes({count, static_cast<double>(shape_.hidden)},
                         plan_.sequence_parallel ? tokens_ / tensor_ : tokens_);
    if (experts.shared > 0)
      for (const WeightShard& w : shared_expert_shards(shape_, tensor_))
        time = time + passes(w, tokens_);
    for (const WeightShard& w : expert_shards(shape_, plan_.expert == 1 ? tensor_ : 1))
      time = time + imbalance * passes(w, routed_tokens() / busy, busy);
    return time;
  }
  /// Of what a token sends to experts of other nodes, if each node gets it once and the experts are
  /// spread evenly: 1 - (1 - 1/n)^k nodes of n, for k experts, and no more than the router allows.
  double sent_once(double nodes) const {
    if (!software_.sends_once_per_node || nodes <= 1) return 1;
    const double chosen = shape_.experts.chosen;
    const double reached = nodes * (1 - dmath::pow(1 - 1 / nodes, chosen));
    const double most = shape_.experts.nodes > 0 ? shape_.experts.nodes : nodes;
    return std::min(reached, most) / chosen;
  }
  /// Of one pass: tokens go to their experts and come back (Lepikhin et al. 2020, section 3.2).
  /// What other micro-batches hide slows them down, as what hides exchanges of shards.
  Seconds expert_exchange(Seconds computing) const {
    if (plan_.expert == 1) return {};
    const Bytes size{software_.expert_bytes * routed_tokens() * shape_.hidden};
    const Group group = group_of(plan_.expert, 1, machine_.links);
    const Seconds once = all_to_all(size, group, machine_.links, sent_once(group.nodes()));
    const Seconds all = 2 * once * mixture_ * imbalance;
    if (!software_.hides_experts) return all * overlapped();
    const Seconds hidden = std::min(all, fit_.hiding * computing);
    return all - hidden + fit_.hiding_cost * hidden;
  }

  bool has_flash() const { return is_flash(software_.attention); }
  double scores() const {
    const double sequence = plan_.sequence;
    return plan_.micro_batch * heads_.queries * sequence * sequence / plan_.context;
  }
  Passes attention_core() const { return has_flash() ? flash() : classic(); }

  /// Dao 2023: five products backward for two forward. Backward, FlashAttention 2 is 1.25 times
  /// slower for each operation and FlashAttention 1 1.6 times, says its figure 4 to 6. Blocks of
  /// 128 are computed whole, so that more than half of the scores are. With a window of w of the s
  /// tokens, all but a triangle of s - w are.
  Passes flash() const {
    constexpr double block = 128;
    const double edge = block / plan_.sequence;
    const double seen = std::min(1.0, static_cast<double>(shape_.window) / plan_.sequence);
    const double unmasked =
        0.5 * (1 + edge) - 0.5 * shape_.window_share() * (1 - seen) * (1 - seen);
    const Flops work{4 * scores() * shape_.head_width * unmasked};
    const Seconds forward = work / attention_rate(machine_, software_, fit_);
    return {forward, backward_of_flash() * forward};
  }
  double backward_of_flash() const {
    return 2.5 * (software_.attention == Attention::flash1 ? 1.6 : 1.25);
  }

  /// Transfers run while a device computes. Backward, all comes once more, with gradients of what
  /// was given back, and gradients of queries, keys and values go home: twice as much.
  Passes shared_attention() const {
    const SequenceShare& share = *plan_.share;
    const Seconds computing =
        plan_.micro_batch * share.attention / attention_rate(machine_, software_, fit_);
    const Seconds exchange = plan_.micro_batch * share.exchanged / machine_.links.device_rate();
    return {std::max(computing, exchange), std::max(backward_of_flash() * computing, 2 * exchange)};
  }

  /// Two batched products, and the scores in memory. 9 and 11 bytes of a score are what Megatron's
  /// fused softmax and its dropout read and write.
  Passes classic() const {
    const bool fused = software_.attention == Attention::classic;
    const double sequence = plan_.sequence;
    const double width = shape_.head_width;
    const double batch = plan_.micro_batch * heads_.queries;
    const Seconds products = product_time({sequence, sequence, width, batch}, machine_) +
                             product_time({sequence, width, sequence, batch}, machine_);
    const Bytes forward{scores() * (fused ? 9 : 0.45 * unfused_score_bytes)};
    const Bytes backward{scores() * (fused ? 11 : 0.55 * unfused_score_bytes)};
    return {products + forward / machine_.memory, 2 * products + backward / machine_.memory};
  }

  /// Keys and values go around a ring (Liu et al. 2023), mostly behind the attention to those that
  /// came before. The exposed shares are round, set by hand.
  Passes context_ring() const {
    if (plan_.context == 1) return {};
    const double context = plan_.context;
    const double width = 2 * heads_.keys * shape_.head_width;
    const Seconds ring = one_pass(Bytes{2 * width * tokens_ * context},
                                  group_of(context, tensor_, machine_.links), machine_.links);
    return {0.3 * ring, 0.6 * ring};
  }

  double traffic_factor() const {
    switch (software_.pointwise) {
      case Pointwise::fused:
        return 1;
      case Pointwise::compiled:
        return 0.5;
      case Pointwise::eager:
      case Pointwise::written_out:
        return fit_.eager_bytes;
    }
    AXS_ASSERT(false);
  }
  /// Forward and backward, of a layer with gates and RMSNorm whose norms, rotation and gates are
  /// operations of PyTorch each: counted in Hugging Face's modeling_llama.py, casts with them.
  std::pair<double, double> written_out() const {
    const double rotated = (heads_.queries + heads_.keys) * shape_.head_width;
    return {84 * widths_.hidden + 10 * widths_.feed_forward + 20 * rotated,
            198 * widths_.hidden + 18 * widths_.feed_forward + 26 * rotated};
  }
  /// Bytes per token, counted in the layer code of Megatron and Hugging Face: norms, residuals and
  /// dropout touch `hidden`, the activation touches the MLP's width, rotation touches q, k and v.
  Passes pointwise() const {
    const double gate = shape_.gated ? 1 : 0;
    const double mlp = widths_.feed_forward;
    const double rotated = 4 * widths_.query_key_value;
    const double permuted = 8 * widths_.routed;
    const double factor = tokens_ * traffic_factor();
    const double norms = shape_.parallel_blocks ? 0.6 : 1;  // One of two, and one sum of three.
    const double hidden = norms * widths_.hidden;
    Bytes forward{factor * (22 * hidden + (4 + 2 * gate) * mlp + rotated + permuted)};
    Bytes backward{factor * (32 * hidden + (6 + 3 * gate) * mlp + rotated + permuted)};
    if (software_.pointwise == Pointwise::written_out && shape_.gated) {
      forward = Bytes{tokens_ * (written_out().first + permuted)};
      backward = Bytes{tokens_ * (written_out().second + permuted)};
    }
    const Bytes gradients{software_.accumulation_bytes * parameters_here(shape_, plan_).total()};
    return {forward / machine_.memory, (backward + gradients) / machine_.memory};
  }

  /// The inputs of each product are read in two bytes and written in one.
  Passes casts() const {
    if (plan_.precision == Precision::bf16) return {};
    const double inputs =
        2 * widths_.hidden + widths_.attended + widths_.feed_forward + widths_.routed;
    const Seconds once = Bytes{3 * tokens_ * inputs} / machine_.memory;
    return {once, 2 * once};
  }

  double overlapped() const { return software_.overlaps_tensor ? 0.5 : 1; }

  /// Of one pass.
  Seconds tensor_exchange() const {
    const TensorMessages messages = tensor_messages(shape_, plan_);
    const Group group = group_of(tensor_, 1, machine_.links);
    return messages.of_a_pass * all_reduce(messages.size, group, machine_.links) * overlapped();
  }

  Seconds recompute(Seconds forward, Seconds half_the_products) const {
    switch (plan_.recompute) {
      case Recompute::none:
        return {};
      case Recompute::full:
        if (!software_.stops_early) return forward;
        return forward -
               (1 - mixture_) * product({tokens_, shards_.down.outputs, shards_.down.inputs}) -
               0.5 * tensor_exchange();
      case Recompute::selective:
        if (!has_flash()) return classic().forward;
        return software_.selective == Selective::half_the_products ? half_the_products : Seconds{};
    }
    AXS_ASSERT(false);
  }

  /// Device and host run side by side, but neither is even: the cube root of the sum of cubes is
  /// near the greater of the two, and 26 % above both where they are equal. Where launches block,
  /// they take turns.
  Seconds added_by_host(Seconds device) const {
    const double passes = plan_.recompute == Recompute::full ? 4.0 / 3.0 : 1.0;
    const double host = machine_.host * passes * software_.host_per_layer.value();
    if (software_.launches_block) return Seconds{host};
    const double d = device.value();
    return Seconds{dmath::cbrt(d * d * d + host * host * host)} - device;
  }

  const ModelShape& shape_;
  const ParallelPlan& plan_;
  const Software& software_;
  const Machine& machine_;
  const SharedFit& fit_;
  double tensor_;
  double tokens_;
  HeadsHere heads_;
  LayerShards shards_;
  LayerWidths widths_;
  double mixture_;  ///< share of the layers
};

}  // namespace

FlopsPerSecond attention_rate(const Machine& machine, const Software& software,
                              const SharedFit& fit) {
  switch (software.attention) {
    case Attention::flash1:
      return machine.attention * fit.flash1;
    case Attention::flash3:
      return machine.attention * machine.flash3_gain;
    default:
      return machine.attention;
  }
}

LayerTime slowest_of(const LayerTime& a, const LayerTime& b) {
  LayerTime slowest = a.total() - a.attention >= b.total() - b.attention ? a : b;
  slowest.attention = std::max(a.attention, b.attention);
  return slowest;
}

LayerTime layer_time(const Workload& workload, const Machine& machine, const SharedFit& fit) {
  return Layer{workload, machine, fit}.time();
}

}  // namespace axs::plan
