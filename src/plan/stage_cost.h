#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "axs/plan/fleet.h"
#include "axs/plan/job.h"
#include "axs/plan/memory.h"
#include "axs/plan/sequence_split.h"
#include "axs/plan/step_time.h"
#include "axs/plan/training_plan.h"
#include "axs/plan/workload.h"

namespace axs::plan {

/// More micro-batches than any pipeline holds at once.
inline constexpr double many_micro_batches = 1e9;

/// Where in a pipeline a stage is.
struct StagePlace {
  bool first = true;
  bool last = true;
  double in_flight = 1;  ///< micro-batches whose activations it holds

  bool alone() const { return first && last; }
};
/// With 1F1B, for a replica of so many micro-batches; interleaved if there are several chunks of
/// layers on each stage.
StagePlace place_of(std::size_t stage, std::size_t stages,
                    double micro_batches = many_micro_batches, std::uint32_t virtual_stages = 1);

/// A function of layers that is a line.
template <class T>
struct Line {
  T none{};
  T layer{};

  T at(double layers) const { return none + layers * layer; }
};

/// What stages of one device type and tensor width cost, for any number of layers, if `replicas`
/// replicas share the gradients. The numbers are those of step_time() and memory_use(), so that
/// there is one model of cost: both are linear in the layers of a stage but for the exchange at the
/// end of a step, which is asked for.
class StageCost {
 public:
  /// An error if the job does not go with the width.
  static Result<StageCost> of(const Job& job, const Method& method, const DeviceType& type,
                              std::uint32_t tensor, ReplicaRange replicas,
                              const Calibration& calibration);
  /// Of a stage whose sequences unlike groups share.
  static Result<StageCost> of(const Job& job, const Method& method,
                              const std::vector<DeviceType>& types, const SequenceSplit& split,
                              ReplicaRange replicas, const Calibration& calibration);
  /// The same for another number of replicas, for less work.
  StageCost with_replicas(ReplicaRange replicas) const;

  /// One for each type of a split, in its order, or this one. What is said of memory and the
  /// workload is that of the first.
  std::span<const StageCost> parts() const;
  std::uint32_t tensor() const { return model_->work.plan.tensor; }
  /// Of a stage: `tensor` ones for each part of a sequence.
  std::uint32_t devices() const;
  Seconds fixed() const { return model_->fixed; }
  double spread() const;
  /// Of a node, that a stage fills.
  double nodes() const;
  /// Of a micro-batch.
  const LayerTime& layer() const { return model_->micro_batch.layer; }

  /// A micro-batch, less what is sent to the stages beside it.
  Line<Seconds> time(StagePlace place) const;
  /// What each device uses.
  Line<Bytes> memory(StagePlace place) const;
  /// What a step of so many micro-batches is made of, as if all stages were alike; nothing for a
  /// range.
  StepTime step(std::uint32_t layers, StagePlace place, std::uint32_t micro_batches) const;
  /// What memory() is made of; of a split, on the fullest devices.
  MemoryUse memory_parts(std::uint32_t layers, StagePlace place) const;
  /// One stage with so many layers and nothing else.
  Workload workload(std::uint32_t layers) const { return with({layers}, replicas_.least); }
  /// That fit, 0 if none does.
  std::uint32_t most_layers(StagePlace place) const;
  /// That each device lacks if so many stages have the same number of layers, in a replica of so
  /// many micro-batches.
  Bytes missing(std::uint32_t stages, double micro_batches) const;
  /// What a micro-batch costs a stage by what it exchanges with one beside it. Stages that are not
  /// alike are on different nodes: the slower one's network counts.
  Seconds transfers_with(const StageCost& beside) const;
  /// Exchange of gradients and shards as far as it is exposed, and the optimiser; nothing for a
  /// range.
  Seconds tail(std::uint32_t layers, StagePlace place) const;
  /// No stage beside others that has `layers` layers or more has a shorter tail.
  Seconds least_tail(std::uint32_t layers) const;

 private:
  enum Kind : std::size_t { alone, first, inner, last };

  /// What does not depend on the number of replicas.
  struct Model {
    Workload work;
    SharedFit shared;
    MemoryFit memory;
    MicroBatchTime micro_batch;
    Seconds fixed{};
    double spread = 1;
    std::uint32_t groups = 1;  ///< tensor groups of a stage
  };

  StageCost(std::shared_ptr<const Model> model, ReplicaRange replicas);
  static Result<Model> model_of(Workload work, const Calibration& calibration);
  static StageCost together(std::vector<StageCost> parts);
  static Kind kind_of(StagePlace place);
  void measure_time();
  void measure_tails();
  void measure_memory();
  Workload with(std::vector<std::uint32_t> stage_layers, std::uint32_t replicas) const;
  /// One stage, or a pipeline of three that has such a stage, its number_of().
  Workload with_place(std::uint32_t layers, StagePlace place, std::uint32_t replicas) const;
  static std::uint32_t number_of(StagePlace place);
  StepTime step_of_part(std::uint32_t layers, StagePlace place, std::uint32_t micro_batches) const;
  std::vector<StageTime> times_of(const Workload& work) const;
  std::vector<Seconds> ends_of(const Workload& work, double embeddings) const;

  std::shared_ptr<const Model> model_;
  ReplicaRange replicas_;
  std::uint32_t layers_;
  std::array<Line<Seconds>, 4> times_;
  std::array<Line<Bytes>, 4> memories_;  ///< with one micro-batch in flight
  Bytes kept_{};                         ///< by a layer, for each further one
  Seconds transfers_to_alike_{}, transfers_over_network_{};
  std::array<std::vector<Seconds>, 4> tails_;  ///< by layers
  std::vector<Seconds> least_tails_;           ///< by layers
  std::vector<StageCost> parts_;               ///< of a split
};

/// What a micro-batch costs each of two stages between which it goes over a link between sites.
struct LinkTransfers {
  std::size_t stage = 0;  ///< the later one of the two
  Seconds each{};
};

/// What a micro-batch costs a stage of a pipeline by what it exchanges with those beside it, of
/// which some may be at other sites, each time that it comes by.
Seconds transfers_of(const std::vector<const StageCost*>& stages, std::size_t stage,
                     const std::vector<LinkTransfers>& links = {});

}  // namespace axs::plan
