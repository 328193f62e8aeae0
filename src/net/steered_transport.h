#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/gradient_use.h"
#include "axs/net/routing.h"
#include "axs/net/transport.h"

namespace axs::net {

/// A Transport whose bulk obeys the controller: what an order grants it on several paths is a
/// lease. It ends by this site's own clock when no later order renews it, so a controller that is
/// dead or out of reach leaves nothing behind. On a path that goes down it ends at once and for
/// good. Without a lease bulk takes its route, as fast as that is found to carry.
class SteeredTransport {
 public:
  using Event = Transport::Event;
  using Action = Transport::Action;

  explicit SteeredTransport(const Transport::Config& config) : transport_{config} {}

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const;

  /// An order that the PathMonitor has taken: from now on its lease holds and no earlier one. False
  /// if no honest controller grants such a thing; then there is none.
  bool obey(Instant now, const RouteOrder& order, std::vector<Action>& actions);
  /// Fills in what only the transport knows.
  void describe(Instant now, LinkReport& report);
  /// True once when so much bulk has begun to wait that the controller should hear of it now, and
  /// again whenever that has doubled.
  bool has_news();

  /// True once after a lease has ended because no order had renewed it.
  bool lapsed() { return std::exchange(lapsed_, false); }

  /// What bulk holds now.
  const SpreadSet& lease() const { return lease_; }
  const Transport& transport() const { return transport_; }

 private:
  void lapse(Instant now, std::vector<Action>& actions);
  void set(Instant now, SpreadSet lease, std::vector<Action>& actions);

  Transport transport_;
  GradientUse gradients_;
  SpreadSet lease_{.traffic = TrafficClass::bulk, .paths = {}};
  Instant lease_ends_{};
  bool lapsed_ = false;
  std::uint64_t told_ = 0;  ///< Bytes that waited when the controller was told.
};

static_assert(Policy<SteeredTransport>);

}  // namespace axs::net
