#pragma once

#include <optional>
#include <vector>

#include "axs/plan/outer_sync.h"

namespace axs::plan {

/// By how much the loss at the end was above that of data parallel, as a share of it, in the
/// nearest published run that was at least as hard: a model no larger, as many replicas or more, a
/// period as long or longer. Nothing if there is none. Exchanged in 4 bits and with one step of
/// overlap, tuned outer optimiser (Streaming DiLoCo, tables 5 and 6; C4, Chinchilla-optimal); eight
/// replicas from the scaling laws (arXiv 2503.09799), uncompressed.
std::optional<double> published_loss_gap(double parameters, std::size_t replicas,
                                         std::uint32_t period);

/// What a link is expected to be for some time.
struct LinkSpell {
  RingLink link;
  Seconds lasts{};
};

/// An exchange that may be proposed.
struct OuterOption {
  OuterSync sync;
  double loss_gap = 0;  ///< as published, see `published_loss_gap`

  bool operator==(const OuterOption&) const = default;
};

/// All whose published loss gap is not above `loss_gap_max`, the least harmful to the loss first:
/// the shortest period, then the shortest overlap, then the most bits.
std::vector<OuterOption> outer_options(double parameters, std::uint32_t layers, std::size_t sites,
                                       double loss_gap_max);

struct OuterGoal {
  double utilisation = 0.95;
  double loss_gap_max = 0.02;
};

struct OuterChoice {
  OuterSync sync;
  double utilisation = 0;  ///< mean over the forecast
  double loss_gap = 0;     ///< as published, see `published_loss_gap`
};

/// The first of the options that reaches the goal. If nothing does, an error that names the best
/// that was found.
Result<OuterChoice> choose_outer(const OuterJob& job, const std::vector<LinkSpell>& forecast,
                                 const OuterGoal& goal);

}  // namespace axs::plan
