#pragma once

#include <optional>
#include <string>

#include "axs/plan/facts.h"
#include "axs/plan/workload.h"

namespace axs::plan {

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
  std::optional<double> parameters_billion;
  std::optional<std::uint32_t> layers, hidden, heads, feed_forward, vocabulary;
  std::optional<std::uint32_t> sequence, global_batch, micro_batch, devices;
  std::optional<std::uint32_t> tensor, pipeline, data, virtual_stages, expert, context, zero_stage;
  std::optional<Seconds> step;
  std::optional<Bytes> memory;
  std::string unreadable;  ///< the first cell that is no number where one is wanted
};

/// The facts that hold for a source.
const SoftwareFacts& software_of(const std::string& source, const Facts& facts);

/// What was run, with the catalogue's facts where the table leaves something out. Micro-batch and
/// parallel plan that nobody tells are the fastest that fit. The error is why the run cannot be
/// predicted.
Result<Workload> workload_of(const PublishedRun& run, const Facts& facts);

/// False: how the devices were used is a guess.
bool tells_plan(const PublishedRun& run);

/// Why one of the run's figures should not be believed; empty if it may be.
std::string suspicion(const PublishedRun& run, const Facts& facts, Figure figure);

}  // namespace axs::plan
