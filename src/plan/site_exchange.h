#pragma once

#include <vector>

#include "axs/plan/outer_choice.h"

namespace axs::plan {

/// How long a fragment is under way in a share of the time.
struct FragmentTime {
  Seconds exchange{};
  double share = 1;
};

/// One way for sites to exchange, and by how much it makes each step longer. The cost is that of
/// outer_cost() with nothing sent during the backward pass, for a step has many of them, in the
/// mean over as many steps of each spell as it has time: a spell in which steps are longer has
/// fewer, so that the mean is rather too high.
struct SiteExchange {
  OuterOption how;
  std::vector<FragmentTime> forecast;

  /// Of a step that takes `step` at the slowest site.
  Seconds exposed(Seconds step) const;
  /// Never shorter for a longer step.
  Seconds after(Seconds step) const { return step + exposed(step); }
  /// The longest step that takes `limit` with the exchange; 0 if the links alone need longer.
  Seconds step_within(Seconds limit) const;

 private:
  /// Further steps that hide a fragment. No more than there are until the next one leaves.
  double hidden_steps() const;
  double fragments_per_step() const;
};

}  // namespace axs::plan
