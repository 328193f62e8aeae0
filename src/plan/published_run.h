#pragma once

#include <optional>
#include <string>

#include "axs/plan/facts.h"
#include "axs/plan/workload.h"

namespace axs::plan {

/// How fast a run was, where a table prints that beside the time of a step or in its place.
struct Throughput {
  std::optional<double> tokens_per_second{};  ///< of all devices
  std::optional<FlopsPerSecond> flops{};      ///< of a device
  std::string convention{};                   ///< what they count: "model", "hardware", ...
  std::optional<double> model_share{};        ///< MFU: of the peak, nothing counted twice
  std::optional<double> hardware_share{};     ///< HFU: what is computed again counts too
  std::string unreadable{};                   ///< the first of these cells that is no number

  bool is_told() const {
    return tokens_per_second || flops || model_share || hardware_share || !unreadable.empty();
  }
};

/// A training run as a table has it: what the table leaves out is empty.
struct PublishedRun {
  std::uint32_t line = 0;
  std::string source;
  std::string model;
  std::string accelerator;
  std::string recompute;  ///< "none", "selective" or "full", as people write that
  std::string precision;  ///< "bf16", "fp16", "fp8", "fp4", as people write that
  std::string notes;
  bool sequence_parallel = false;
  bool hybrid_sharding = false;  ///< states are cut within a node
  std::optional<double> parameters_billion;
  std::optional<double> batch_tokens;  ///< where a table counts the global batch so
  std::optional<std::uint32_t> layers, hidden, heads, feed_forward, vocabulary;
  std::optional<std::uint32_t> sequence, global_batch, micro_batch, devices;
  std::optional<std::uint32_t> tensor, pipeline, data, virtual_stages, expert, context, zero_stage;
  std::optional<Seconds> step;
  std::optional<Bytes> memory;
  Throughput throughput{};
  std::string unreadable;  ///< the first cell that is no number where one is wanted
};

/// What was run, with the catalogue's facts where the table leaves something out. Micro-batch and
/// parallel plan that nobody tells are the fastest that fit, or, where none fits, the fastest of
/// those that need little more than the least; what could not have been kept was computed again.
/// The error is why the run cannot be predicted.
Result<Workload> workload_of(const PublishedRun& run, const Facts& facts);

/// False: how the devices were used is a guess.
bool tells_plan(const PublishedRun& run);

/// Why one of the run's figures should not be believed; empty if it may be.
std::string suspicion(const PublishedRun& run, const Facts& facts, Figure figure);

}  // namespace axs::plan
