#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/plan/machine.h"
#include "axs/plan/model_shape.h"
#include "axs/plan/parallel_plan.h"
#include "axs/plan/prices.h"
#include "axs/plan/software.h"

/// What the planner knows of the world: the files of catalog/, which say where each fact is from.
namespace axs::plan {

struct AcceleratorFacts {
  Accelerator accelerator;
  std::vector<std::string> names;  ///< plain ones, under which tables have it
  BytesPerSecond node_rate{};      ///< of a node's network, where a description does not say
  /// For rent, energy with it. Empty where no price has a source: the job has to name one.
  std::optional<DollarsPerSecond> price;
};

/// The software behind published runs.
struct SoftwareFacts {
  std::string name;
  std::string match;               ///< in the source of a run; empty: all sources
  std::vector<std::string> names;  ///< that and what else a source has, plain ones
  Software software;
  std::optional<BytesPerSecond> node_rate;
  std::optional<std::uint32_t> rails;
  bool sequence_parallel = true;        ///< with tensor parallelism, whatever a table says
  bool splits_batch_by_stages = false;  ///< into as many micro-batches as there are stages
  bool balances_parameters = false;     ///< of stages; the embedding counts
  bool ends_are_layers = false;         ///< embedding and head have the place of a layer each
  Sharding sharding = Sharding::none;   ///< where a table does not say
  /// Its own models have blocks side by side and sliding windows; beside them it ran Megatron's.
  bool changes_blocks = false;
  Recompute recompute = Recompute::none;  ///< where a table does not say
  bool recomputes_modules = false;        ///< some parts of layers, if need be, not all
  bool counts_causal = false;             ///< half of the attention, in the FLOP/s that it prints
  /// What a step takes longer than its parts: fitted, of software that nobody has looked at.
  double unexplained = 0;
  double unexplained_of_mixtures = 0;  ///< the same of experts; of the last entry, for all
};

/// A model whose table does not print its shape, or not all of it.
struct KnownShape {
  std::string model;
  std::vector<std::string> names;  ///< plain ones
  ModelShape shape;
};
/// A model whose embedding is narrower than its layers.
struct KnownEmbedding {
  std::string model;
  std::uint32_t width = 1;
};
/// Runs whose table does not print how they are cut in time.
struct KnownSchedule {
  std::string source;
  std::string model;
  std::uint32_t micro_batch = 1;
  std::uint32_t virtual_layers = 0;  ///< of a virtual stage; 0: not interleaved
};
enum class Figure { time, memory };
/// A run that its own table contradicts.
struct Suspect {
  std::string source;
  std::string model;
  std::string accelerator;
  std::uint32_t devices = 1;
  std::uint32_t sequence = 1;
  Figure figure = Figure::time;
  std::string reason;
};

struct Facts {
  std::vector<AcceleratorFacts> accelerators;
  std::vector<SoftwareFacts> software;  ///< the first that matches holds, the last one matches all
  std::vector<KnownShape> shapes;
  std::vector<KnownEmbedding> embeddings;
  std::vector<KnownSchedule> schedules;
  std::vector<Suspect> suspects;
  Calibration calibration;
};

}  // namespace axs::plan
