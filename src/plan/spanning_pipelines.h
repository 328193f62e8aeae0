#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "axs/plan/replica_choice.h"
#include "axs/plan/replica_terms.h"
#include "axs/plan/shared_work.h"

namespace axs::plan {

/// Replicas up to which pipelines across sites are built.
inline constexpr std::uint32_t spanning_replicas_max = 8;
/// Of such a pipeline.
inline constexpr std::uint32_t spanning_stages_max = 16;

/// What a link between two sites carries, both ways at once.
struct SiteWay {
  BytesPerSecond rate{};
  Seconds round_trip{};
};

/// What a micro-batch costs each of the two stages beside a link if so many replicas send their
/// `activations` over it at once. In 1F1B the two have two micro-batches on their way: each waits
/// for half of what one takes there and back.
Seconds each_waits(const SiteWay& way, Bytes activations, double replicas);

/// Of the best link between two sites in the slowest spell, for messages of that size. Nothing: in
/// some spell there is none.
std::optional<Seconds> link_waits(const Fleet& fleet, std::uint32_t a, std::uint32_t b,
                                  Bytes activations, double replicas);

/// At each crossing of pipelines like those of the group, if there are `replicas` of them. An error
/// if no link joins two of its sites in a spell.
Result<std::vector<LinkTransfers>> links_of(const Fleet& fleet, const ReplicaGroup& group,
                                            Bytes activations, double replicas);

/// All that the devices of a stage hand on to the next one for a micro-batch.
Bytes activations_of(const StageCost& stage);

/// Pipelines across sites, for a method and a number of replicas: a run of stages of one type and
/// width at each of two or three sites, the same for all replicas, so that gradients are exchanged
/// within sites and only activations go over links. Three runs have the same width. What is looked
/// at depends on the job and on which devices and links there are only in that there are enough.
class SpanningPipelines {
 public:
  using Stop = std::function<bool()>;
  struct Run {
    std::uint32_t site = 0;
    KindBuilder::Segment stages{};
  };
  /// One of them, of which all replicas are.
  struct Found {
    ReplicaKind kind;
    std::vector<Run> runs;
  };
  /// What is no worse than that is looked for.
  struct Reach {
    Seconds time = Seconds{1e15};  ///< of the replicas
    double score = endless;
  };
  /// Is given what may be within reach, and may shorten that.
  using Take = std::function<void(Found, Reach&)>;
  /// What a device adds to the score of a step at least, by site and type.
  using Scores = std::vector<std::vector<ReplicaTerms>>;

  /// They have to outlive this. `builder` is one for just so many replicas.
  SpanningPipelines(const Job& job, const Fleet& fleet, const std::vector<SiteDevices>& devices,
                    const KindBuilder& builder, std::uint32_t replicas, const Scores& scores = {});

  /// All but what is seen to be out of reach.
  void for_each(Reach reach, const Take& take, const Stop& stop) const;
  /// None scores less.
  double least_score() const;
  /// The replicas with their work; `found` must outlive it.
  SharedWork shared(const Found& found) const;
  /// Those that are done first. Nothing: none are within `limit`, on which the result does not
  /// depend otherwise.
  std::optional<Found> shortest(Seconds limit, const Stop& stop) const;

 private:
  static constexpr std::size_t sites_max = 3;

  /// Stages of one type and width at a site.
  struct Option {
    KindBuilder::Segment stage{};
    std::uint32_t tensor = 1;
    std::uint32_t most = 0;  ///< of them for which there is room
    Seconds layer{};
    ReplicaTerms score{};  ///< of such a stage in all replicas
  };
  /// The first runs of a pipeline, and what its bound is made of.
  struct Begun {
    std::array<Run, sites_max> runs{};
    std::size_t count = 0;
    std::uint32_t stages = 0;
    std::uint32_t tensor = 1;  ///< of the last one
    bool are_alike = true;     ///< in width
    double layers_per_second = 0;
    double ahead = 0;  ///< what stages wait for links, in layers of theirs
    Seconds last_layer{}, least_layer{1e15}, links{};
    ReplicaTerms score{};

    std::span<const Run> all() const { return {runs.data(), count}; }
  };
  struct Looking {
    Reach reach;
    const Take& take;
    const Stop& stop;

    bool may_reach(const Begun& begun, Seconds time) const {
      return time <= reach.time && begun.score.of(time, 0) <= reach.score;
    }
  };

  std::vector<Option> options_at(std::uint32_t site, const Scores& scores) const;
  Seconds quickest(std::uint32_t tensor) const;
  Begun with(Begun begun, std::uint32_t site, const Option& option, std::uint32_t stages) const;
  void extend(const Begun& begun, Looking& looking) const;
  void add_runs(const Begun& begun, std::uint32_t site, Looking& looking) const;
  void look_at(const Begun& begun, Looking& looking) const;
  /// Without further runs.
  Seconds bound(const Begun& begun) const;
  Seconds bound_with_more(const Begun& begun) const;
  bool has_room(std::span<const Run> runs) const;
  std::optional<Seconds> waits(std::uint32_t a, std::uint32_t b) const {
    return waits_[a * devices_.size() + b];
  }

  const Job& job_;
  const std::vector<SiteDevices>& devices_;
  const KindBuilder& builder_;
  std::uint32_t replicas_;
  std::int64_t micro_batches_;                 ///< of a step
  std::vector<std::vector<Option>> options_;   ///< by sites
  std::vector<std::optional<Seconds>> waits_;  ///< by pairs of sites
};

/// No replicas across sites, up to `replicas` of them, do a step's micro-batches in less; `layer`
/// is what a layer of one takes in the quickest stage.
Seconds spanning_bound(std::int64_t micro_batches, std::uint32_t layers, Seconds layer,
                       std::uint32_t replicas);

}  // namespace axs::plan
