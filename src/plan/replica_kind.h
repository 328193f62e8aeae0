#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "axs/plan/interleaving.h"
#include "axs/plan/node_widths.h"
#include "axs/plan/pipeline_bound.h"
#include "axs/plan/pipeline_cut.h"

namespace axs::plan {

/// Devices of each type at a site.
using SiteDevices = std::vector<std::uint32_t>;

/// A way to build a replica: a pipeline, cut into stages. It ends `fill` + (m - 1) × `bottleneck`
/// after the step's start with m micro-batches, exchange and optimiser included, stretched by the
/// stragglers among all nodes if every replica has as many; where stages are interleaved, m counts
/// whole rounds.
struct ReplicaKind {
  std::vector<PlannedStage> stages;
  std::vector<TypeUse> uses;  ///< in order of types
  Seconds fill{};
  Seconds bottleneck{};
  std::uint32_t virtual_stages = 1;  ///< of each stage
  std::uint32_t round = 1;           ///< round_of() the stages

  std::uint32_t devices() const;
  Seconds end(std::int64_t micro_batches) const {
    return fill + (static_cast<double>(in_rounds(micro_batches, round)) - 1) * bottleneck;
  }
  /// Whatever it is to do, it ends no later than `other`.
  bool is_never_later_than(const ReplicaKind& other) const;
  /// Most micro-batches that end within `limit`, of `wanted` ones: whole rounds or all.
  std::int64_t capacity(Seconds limit, std::int64_t wanted) const;
};

/// Of every type.
bool uses_no_more(const ReplicaKind& a, const ReplicaKind& b);

/// What kinds have to be for.
struct KindNeed {
  Seconds limit{1e15};             ///< a replica ends within
  std::uint32_t bundles = 1;       ///< at most
  std::int64_t micro_batches = 0;  ///< of all of them together; 0: kinds may do as few as they like
};

/// Builds the kinds for a method and a number of replicas. What it builds depends on the job, the
/// types and these two, and of the number of devices only in that there are enough, so that what a
/// fleet can do a larger one can as well.
class KindBuilder {
 public:
  /// Stages one after the other that are alike.
  struct Segment {
    std::uint32_t type;   ///< of the fleet's or, counted on from their number, which split
    std::uint32_t width;  ///< which of those of the type; a split has one
    std::uint32_t stages;
  };

  /// Kinds that differ only in where layers are cut: of one run of stages, or of two or three of
  /// which neighbours differ in type or width.
  struct Family {
    std::array<Segment, 3> runs{};
    std::uint32_t count = 1;           ///< of the runs
    std::uint32_t virtual_stages = 1;  ///< of each stage; more only of one run
    double stretch = 1;                ///< by stragglers
    /// Of no kind less; with fewer replicas neither.
    Seconds fill{}, bottleneck{};

    std::span<const Segment> segments() const { return {runs.data(), count}; }
  };
  struct Families {
    std::vector<Family> pure;   ///< of one run
    std::vector<Family> mixed;  ///< of several
  };

  /// A replica that it makes up has a place at one of `sites` at least. Of the splits it knows
  /// those into as many groups as the method's sequences have parts.
  KindBuilder(const Job& job, const std::vector<DeviceType>& types, const Method& method,
              ReplicaRange replicas, std::vector<SiteDevices> sites, const Calibration& calibration,
              const std::vector<SequenceSplit>& splits = {});
  /// The same for another number of replicas and other sites, for less work.
  KindBuilder with(ReplicaRange replicas, std::vector<SiteDevices> sites) const;
  /// The same without splits.
  KindBuilder without_splits() const;

  /// That have kinds which may be among the replicas of a plan that meets the need. Stage counts of
  /// mixed ones are few, because a fleet that needs long mixed pipelines has devices enough for
  /// long pure ones.
  Families families(const std::vector<std::uint32_t>& types, bool mixed, KindNeed need) const;
  /// A kind that is no worse than any of the family, with one stage of each run.
  ReplicaKind least(const Family& family) const;
  /// Those of the families that end a micro-batch within `limit`. Some of them if `stop` says so.
  std::vector<ReplicaKind> cut(const std::vector<Family>& families, Seconds limit,
                               const std::function<bool()>& stop) const;
  /// Of stages some of which are at other sites, one of each cut that is looked at; none if the
  /// model does not fit.
  std::vector<ReplicaKind> spanning(const std::vector<Segment>& segments,
                                    std::vector<LinkTransfers> links) const;
  /// What a stage costs on a type in each width that is possible.
  const std::vector<StageCost>& costs(std::uint32_t type) const { return costs_[type]; }
  const std::vector<SequenceSplit>& splits() const { return splits_; }
  const StageCost& cost_of_split(std::size_t split) const {
    return costs_[widths_.size() + split].front();
  }
  const StageCost& cost_in(const Segment& segment) const {
    return costs_[segment.type][segment.width];
  }
  /// With these very stages. Nothing: a width is not possible, they hold another number of layers
  /// or more than fit, or such stages cannot be interleaved.
  std::optional<ReplicaKind> of(const std::vector<PlannedStage>& stages,
                                std::uint32_t virtual_stages) const;

  const Method& method() const { return method_; }
  Seconds fixed() const { return fixed_; }
  /// Writes down what each device of a stage uses.
  void fill_memory(ReplicaGroup& group, std::size_t stage) const;
  /// Of a stage of one of the kinds.
  const StageCost& cost(const PlannedStage& stage) const;
  /// By type.
  const std::vector<NodeWidths>& widths() const { return widths_; }

 private:
  using Runs = std::array<StageRun, 3>;
  struct Pipeline {
    std::vector<Segment> segments;
    std::vector<const StageCost*> costs;  ///< of each stage
    std::vector<LinkTransfers> links;
    std::uint32_t virtual_stages = 1;
  };

  std::optional<Segment> find(const PlannedStage& stage) const;
  const SequenceSplit* split_of(const Segment& segment) const;
  PlannedStage stage_of(const Segment& segment, std::uint32_t layers) const;
  std::vector<TypeUse> uses_of(std::span<const Segment> segments) const;
  bool has_place(std::span<const Segment> segments) const;
  Runs runs_of(const Family& family) const;
  void bound(Family& family, std::uint32_t fullest) const;
  void add(Family family, Seconds limit, std::vector<Family>& families) const;
  void keep_of_use(const KindNeed& need, Families& families) const;
  Pipeline pipeline_of(std::span<const Segment> segments, std::vector<LinkTransfers> links) const;
  std::vector<ReplicaKind> cuts_of(const Pipeline& pipeline) const;
  PipelineCut chunked(std::uint32_t stages, std::uint32_t virtual_stages) const;
  bool has_room(const Pipeline& pipeline, const PipelineCut& cut) const;
  bool may_interleave(std::uint32_t stages, std::uint32_t virtual_stages) const;
  void add_splits(Seconds limit, std::vector<Family>& families) const;
  void add_pure(std::uint32_t type, Seconds limit, std::vector<Family>& families) const;
  void extend(const std::vector<std::uint32_t>& types, Family begun, Seconds limit,
              std::vector<Family>& families) const;
  double stretch_of(std::span<const Segment> segments) const;
  ReplicaKind kind_of(const Pipeline& pipeline, const PipelineCut& cut) const;

  Method method_;
  std::uint32_t layers_;
  std::uint32_t micro_batches_;  ///< of the step: a replica has no more in flight
  bool replicas_only_;
  ReplicaRange replicas_;
  std::vector<SiteDevices> sites_;  ///< of a replica, at one of them
  double stragglers_;
  Seconds fixed_{};
  std::vector<NodeWidths> widths_;  ///< by type
  std::vector<SequenceSplit> splits_;
  std::vector<std::vector<StageCost>> costs_;  ///< by type, the narrowest first; then of splits
};

/// Who made the kinds of the replicas at each site of a fleet; null: there are none.
using BuilderOfSite = std::vector<const KindBuilder*>;

/// Without those that another one beats, with no more devices of any type; smallest first.
std::vector<ReplicaKind> undominated(std::vector<ReplicaKind> kinds);

}  // namespace axs::plan
