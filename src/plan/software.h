#pragma once

#include "axs/core/units.h"

namespace axs::plan {

/// classic: batched products with the scores in memory, softmax and mask fused (Megatron). unfused:
/// each operation on the scores by itself. flash1, flash2, flash3: Dao et al. 2022, Dao 2023, Shah
/// et al. 2024 (or cuDNN's of that time), which is flash2 on all but Hopper.
enum class Attention { classic, unfused, flash1, flash2, flash3 };

constexpr bool is_flash(Attention attention) {
  return attention != Attention::classic && attention != Attention::unfused;
}
/// Of what is not a matrix product: fused by hand, compiled by torch.compile, or one by one.
/// Written out: norms, rotation and gates in operations of PyTorch, which are counted one by one.
enum class Pointwise { fused, compiled, eager, written_out };
/// What selective recomputation leaves out: the attention core (Korthikanti et al. 2022), or every
/// other product and what lies between (torchtitan).
enum class Selective { attention, half_the_products };
/// What a figure of memory counts. layers: tensors of the layers only. tensors: all of them.
/// reserved: what the framework's allocator holds. device: all that is in use on the device.
enum class MemoryFigure { layers, tensors, reserved, device };

/// Facts of the training software, not fits: catalog/software.toml has them with their sources. The
/// defaults are those of Megatron-Core and alike since 2023.
struct Software {
  Attention attention = Attention::flash2;
  Pointwise pointwise = Pointwise::fused;
  Selective selective = Selective::attention;
  /// To add the gradient of a parameter to what earlier micro-batches gave; 0 where the product
  /// that makes the gradient adds by itself.
  double accumulation_bytes = 0;
  Seconds host_per_step{15e-3};  ///< clipping, loading, logging
  /// Each launch waits until the device has done the one before (CUDA_LAUNCH_BLOCKING).
  bool launches_block = false;
  /// To launch the kernels of a layer, forward and backward, for one micro-batch: as in Sailor's
  /// profile of GPT-Neo 2.7B at micro-batch 1 on four devices.
  Seconds host_per_layer{3.2e-3};
  bool stops_early = false;          ///< the last product of a layer is not computed again
  bool overlaps_tensor = false;      ///< half of the tensor exchange runs beside products
  bool sends_once_per_node = false;  ///< what several experts of a node want of a token
  /// Two micro-batches pass each other: tokens of one travel while the other computes.
  bool hides_experts = false;
  double expert_bytes = 2;            ///< of a number sent to an expert or back, in the mean
  bool overlaps_data = true;          ///< gradients are exchanged during the backward pass
  double gradient_bytes = 2;          ///< of a gradient that devices exchange; at least 4 to shards
  bool partitioned_transfers = true;  ///< each tensor rank sends its part of what stages exchange
  /// ZeRO-2 and ZeRO-3 cut among the devices of a node, and nodes exchange gradients (hybrid
  /// sharding, Zhao et al. 2023, section 3.2.2).
  bool shards_within_node = false;
  bool single_rail_sharding = false;  ///< ZeRO-3 of 2021: one NIC of eight, 2-byte gradients
  bool gathers_logits = false;        ///< each tensor rank has all logits, in several copies
  double state_bytes = 18;            ///< of a parameter: weights, gradient, optimiser
  double logit_bytes = 8;             ///< kept for each logit
  double tensor_workspace_bytes = 0;  ///< per token and hidden unit, with tensor parallelism
  bool dropout = true;                ///< masks are kept
  bool keeps_fp8_inputs = true;       ///< products in fp8 keep their inputs in one byte
  MemoryFigure memory_figure = MemoryFigure::tensors;
  /// A replica is one device: neither layers nor tensors nor sequences are cut, nothing is computed
  /// again, and replicas share the optimiser alone.
  bool replicas_only = false;
  bool fitted = false;  ///< someone has looked at runs of it
};

}  // namespace axs::plan
