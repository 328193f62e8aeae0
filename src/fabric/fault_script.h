#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/policy.h"

namespace axs::fabric {

/// Says when the faults of a scenario begin and end; the world inflicts them. Times count from the
/// first event.
class FaultScript {
 public:
  /// So many tokens of the budget are merged.
  struct Merged {
    std::uint64_t tokens{};
  };
  using Event = std::variant<Wakeup, Merged>;

  /// `fault` is its place in Scenario::faults.
  struct Begin {
    std::uint32_t fault{};
  };
  struct End {
    std::uint32_t fault{};
  };
  using Action = std::variant<Begin, End>;

  FaultScript(std::vector<catalog::Fault> faults, std::uint64_t budget_tokens, Instant start);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const;

 private:
  struct State {
    std::optional<Instant> begins{};  ///< Known at once for a time; for a share when it is reached.
    std::optional<Instant> ends{};
    bool begun = false;
    bool ended = false;
  };
  void advance(Instant now, std::uint32_t fault, std::vector<Action>& actions);

  std::vector<catalog::Fault> faults_;
  std::uint64_t budget_tokens_;
  std::vector<State> states_;
};

static_assert(Policy<FaultScript>);

}  // namespace axs::fabric
