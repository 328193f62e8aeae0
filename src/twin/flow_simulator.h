#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "axs/core/time.h"
#include "axs/core/units.h"
#include "axs/twin/deadlines.h"
#include "axs/twin/fair_share.h"
#include "axs/twin/flow_scene.h"

namespace axs::twin {

/// Flows as fluids: at every instant each has its weighted max-min fair rate, strict ones first, as
/// if sources knew it at once. There are no packets, no queues and no slow start; the time that the
/// last packet takes over the route is added at the end. docs/design/016-flow-twin.md says when
/// that is a good model. Time is whole nanoseconds, ties are broken by order, so the same calls
/// give the same bits.
class FlowSimulator {
 public:
  /// LinkId is the index in `links`.
  explicit FlowSimulator(std::vector<FlowLink> links);

  /// What follows happens at now(). No link comes twice on a route; flows on one without links
  /// wait.
  RouteId add_route(std::span<const LinkId> links);
  void set_route(RouteId route, std::span<const LinkId> links);
  /// 0: the link is cut, flows over it wait.
  void set_rate(LinkId link, BytesPerSecond rate);
  /// For what ends from now on.
  void set_delay(LinkId link, Duration delay) { links_[link.value].delay = delay; }
  void start(const Flow& flow);

  /// Goes on to the next end of a flow and returns it; or, if there is none until then, to `until`.
  std::optional<FlowEnd> next(Instant until);

  Instant now() const { return now_; }
  std::uint64_t flows() const { return flows_; }  ///< That have started and not ended.
  /// Of a flow of weight 1 on the route, without a cap; nothing if there is none.
  std::optional<BytesPerSecond> rate(RouteId route, Precedence precedence = Precedence::fair);

 private:
  struct Pending {
    double end;  ///< What its bundle will have served, per weight, when the flow ends.
    std::uint64_t flow;
    std::uint32_t weight;
  };
  /// Flows on the same route with the same cap per weight.
  struct Bundle {
    double level{};   ///< Bytes per second and weight since `since`.
    double served{};  ///< Bytes per weight until then.
    Instant since{};
    RouteId route{};
    double cap{};
    std::uint64_t weight{};
    std::vector<Pending> pending;  ///< A heap, the first to end on top.
  };
  struct Tier {
    FairShare shares;
    std::vector<Bundle> bundles;  ///< By BundleId.
    Deadlines deadlines;
  };
  struct Member {
    Precedence precedence;
    double cap;
    BundleId bundle;
  };
  struct Route {
    std::vector<LinkId> links;
    std::vector<Member> members;  ///< In order of (precedence, cap).
  };

  static bool later(const Pending& a, const Pending& b);
  Tier& tier(Precedence precedence) { return tiers_[static_cast<std::size_t>(precedence)]; }
  BundleId bundle_for(const Flow& flow);
  std::vector<Member>::iterator find(Route& route, Precedence precedence, double cap);
  void settle();
  bool settle(Tier& tier);
  void hand_down(LinkId link);
  void refresh(Tier& tier, BundleId id);
  void bring_up_to_date(Bundle& bundle) const;
  Instant first_end(const Bundle& bundle) const;
  FlowEnd end_flow(Precedence precedence);
  void drop(Precedence precedence, BundleId id);
  Duration transit(const Route& route) const;

  std::vector<FlowLink> links_;
  std::vector<Route> routes_;
  std::array<Tier, 2> tiers_;  ///< By Precedence.
  Instant now_{};
  std::uint64_t flows_{};
};

/// All of a scene that passes validate(), until its last flow has ended or nothing moves any more:
/// how each flow ended, in that order. Flows that wait for ever are not in it.
std::vector<FlowEnd> play_flows(const FlowScene& scene);

}  // namespace axs::twin
