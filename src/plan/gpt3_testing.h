#pragma once

#include "axs/plan/workload.h"

/// For tests and benchmarks: GPT-3 175B, and what it was trained on. Nothing outside them includes
/// this.
namespace axs::plan::testing {

inline ModelShape gpt3_shape() {
  return {.layers = 96,
          .hidden = 12288,
          .heads = 96,
          .kv_heads = 96,
          .head_width = 128,
          .feed_forward = 49152,
          .vocabulary = 51200};
}

/// On A100, eight to a node.
inline Workload gpt3_on_a100() {
  Workload work;
  work.shape = gpt3_shape();
  work.plan.tensor = 8;
  work.plan.pipeline = 8;
  work.plan.sequence = 2048;
  work.accelerator = {.name = "A100-80",
                      .family = "A100",
                      .peak = FlopsPerSecond{312e12},
                      .memory_rate = BytesPerSecond{2039e9},
                      .memory = Bytes{80e9},
                      .multiprocessors = 108,
                      .scale_up = BytesPerSecond{300e9},
                      .per_node = 8,
                      .power = Watts{400},
                      .rated_power = Watts{400}};
  work.network = {.node_rate = BytesPerSecond{200e9}, .rails = 8};
  return work;
}

}  // namespace axs::plan::testing
