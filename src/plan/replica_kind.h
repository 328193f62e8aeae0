#pragma once

#include <cstdint>
#include <vector>

#include "axs/plan/node_widths.h"
#include "axs/plan/pipeline_cut.h"

namespace axs::plan {

/// A way to build a replica: a pipeline, cut into stages. It ends `fill` + (m - 1) × `bottleneck`
/// after the step's start with m micro-batches, exchange and optimiser included, stretched by the
/// stragglers among all nodes if every replica has as many.
struct ReplicaKind {
  std::vector<PlannedStage> stages;
  std::vector<TypeUse> uses;  ///< in order of types
  Seconds fill{};
  Seconds bottleneck{};

  std::uint32_t devices() const;
  Seconds end(std::int64_t micro_batches) const {
    return fill + (static_cast<double>(micro_batches) - 1) * bottleneck;
  }
  /// Most micro-batches that end within `limit`, of `wanted` ones.
  std::int64_t capacity(Seconds limit, std::int64_t wanted) const;
};

/// Of every type.
bool uses_no_more(const ReplicaKind& a, const ReplicaKind& b);

/// Builds the kinds for a method and a number of replicas. What it builds depends on the job, the
/// types and these two, and of the number of devices only in that there are enough, so that what a
/// fleet can do a larger one can as well.
class KindBuilder {
 public:
  /// Stages one after the other that are alike.
  struct Segment {
    std::uint32_t type;
    std::uint32_t width;  ///< which of those of the type
    std::uint32_t stages;
  };

  /// A replica that it makes up may use `most` devices of each type.
  KindBuilder(const Job& job, const std::vector<DeviceType>& types, const Method& method,
              ReplicaRange replicas, std::vector<std::uint32_t> most,
              const Calibration& calibration);

  /// Of one type and tensor width, those that no other is better than, smallest first.
  std::vector<ReplicaKind> pure(std::uint32_t type);
  /// Of two or three runs of stages that differ in type or width. Their stage counts are few,
  /// because a fleet that needs long mixed pipelines has devices enough for long pure ones.
  std::vector<ReplicaKind> mixed(const std::vector<std::uint32_t>& types);
  /// Of stages some of which are at other sites, one of each cut that is looked at; none if the
  /// model does not fit.
  std::vector<ReplicaKind> spanning(const std::vector<Segment>& segments,
                                    std::vector<LinkTransfers> links) const;
  /// How many widths are possible on a type, and what a stage of one costs.
  std::uint32_t width_count(std::uint32_t type) const {
    return static_cast<std::uint32_t>(costs_[type].size());
  }
  const StageCost& cost_in(const Segment& segment) const {
    return costs_[segment.type][segment.width];
  }
  /// With these very stages. Nothing: a width is not possible, or they hold another number of
  /// layers or more than fit.
  std::optional<ReplicaKind> of(const std::vector<PlannedStage>& stages) const;

  const Method& method() const { return method_; }
  Seconds fixed() const { return fixed_; }
  /// What each device of a stage uses in a replica of so many micro-batches.
  Bytes memory(const ReplicaGroup& group, std::size_t stage) const;
  double spread(std::uint32_t type) const;
  /// Of a stage of one of the kinds.
  const StageCost& cost(const PlannedStage& stage) const;
  /// By type.
  const std::vector<NodeWidths>& widths() const { return widths_; }

 private:
  struct Pipeline {
    std::vector<Segment> segments;
    std::vector<const StageCost*> costs;  ///< of each stage
    std::vector<LinkTransfers> links;
  };

  const StageCost* find_cost(const PlannedStage& stage) const;
  std::vector<TypeUse> uses_of(const std::vector<Segment>& segments) const;
  bool has_enough(const std::vector<Segment>& segments) const;
  bool is_of_a_ladder(const Segment& segment, const std::vector<Segment>& segments) const;
  void add(const std::vector<Segment>& segments, std::vector<ReplicaKind>& kinds);
  Pipeline pipeline_of(const std::vector<Segment>& segments,
                       std::vector<LinkTransfers> links) const;
  std::vector<ReplicaKind> cuts_of(const Pipeline& pipeline) const;
  void extend(const std::vector<std::uint32_t>& types, std::vector<Segment>& segments,
              std::vector<ReplicaKind>& kinds);
  void with_stage_counts(std::vector<Segment> segments, std::size_t from,
                         std::vector<ReplicaKind>& kinds);
  ReplicaKind kind_of(const Pipeline& pipeline, const PipelineCut& cut) const;

  Method method_;
  std::uint32_t layers_;
  double micro_batches_;  ///< of the step: a replica has no more in flight
  bool replicas_only_;
  ReplicaRange replicas_;
  std::vector<std::uint32_t> most_;  ///< devices of a replica, by type
  double stragglers_;
  Seconds fixed_{};
  std::vector<NodeWidths> widths_;             ///< by type
  std::vector<std::vector<StageCost>> costs_;  ///< by type, the narrowest first
};

/// Who made the kinds of the replicas at each site of a fleet; null: there are none.
using BuilderOfSite = std::vector<const KindBuilder*>;

/// Without those that another one beats, with no more devices of any type; smallest first.
std::vector<ReplicaKind> undominated(std::vector<ReplicaKind> kinds);

}  // namespace axs::plan
