#include "axs/twin/flow_simulator.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "axs/core/assert.h"

namespace axs::twin {

namespace {

std::vector<BytesPerSecond> rates(const std::vector<FlowLink>& links) {
  std::vector<BytesPerSecond> all;
  for (const FlowLink& link : links) {
    AXS_ASSERT(is_link_rate(link.rate));
    all.push_back(link.rate);
  }
  return all;
}

void apply(FlowSimulator& simulator, const SceneEvent& event) {
  if (const auto* flow = std::get_if<Flow>(&event.what))
    simulator.start(*flow);
  else if (const auto* change = std::get_if<RateChange>(&event.what))
    simulator.set_rate(change->link, change->rate);
  else if (const auto* detour = std::get_if<RouteChange>(&event.what))
    simulator.set_route(detour->route, detour->links);
}

}  // namespace

FlowSimulator::FlowSimulator(std::vector<FlowLink> links)
    : links_{std::move(links)},
      tiers_{Tier{FairShare{rates(links_)}, {}, {}}, Tier{FairShare{rates(links_)}, {}, {}}} {}

RouteId FlowSimulator::add_route(std::span<const LinkId> links) {
  AXS_ASSERT(is_way(links, links_.size()));
  routes_.push_back({{links.begin(), links.end()}, {}});
  return RouteId{static_cast<std::uint32_t>(routes_.size() - 1)};
}

void FlowSimulator::set_route(RouteId id, std::span<const LinkId> links) {
  AXS_ASSERT(id.value < routes_.size() && is_way(links, links_.size()));
  Route& route = routes_[id.value];
  route.links.assign(links.begin(), links.end());
  for (const Member& member : route.members)
    tier(member.precedence).shares.set_path(member.bundle, links);
}

void FlowSimulator::set_rate(LinkId id, BytesPerSecond rate) {
  AXS_ASSERT(id.value < links_.size() && is_link_rate(rate));
  links_[id.value].rate = rate;
  tier(Precedence::strict).shares.set_capacity(id, rate);  // Which settle() hands down.
}

/// The fair flows get what the strict ones leave.
void FlowSimulator::hand_down(LinkId id) {
  const FairShare& strict = tier(Precedence::strict).shares;
  const double left = (strict.capacity(id) - strict.load(id)).value();
  const double rounding = 1e-12 * strict.capacity(id).value();
  tier(Precedence::fair).shares.set_capacity(id, BytesPerSecond{left > rounding ? left : 0});
}

void FlowSimulator::start(const Flow& flow) {
  AXS_ASSERT(flow.bytes > 0 && flow.weight > 0 && flow.rate_cap.value() >= 1);
  AXS_ASSERT(flow.route.value < routes_.size());
  const BundleId id = bundle_for(flow);
  Bundle& bundle = tier(flow.precedence).bundles[id.value];
  bring_up_to_date(bundle);
  const double share = static_cast<double>(flow.bytes) / flow.weight;
  bundle.pending.push_back({bundle.served + share, flow.id, flow.weight});
  std::push_heap(bundle.pending.begin(), bundle.pending.end(), later);
  ++flows_;
}

/// The flow's weight has been added to it.
BundleId FlowSimulator::bundle_for(const Flow& flow) {
  Route& route = routes_[flow.route.value];
  Tier& tier = this->tier(flow.precedence);
  const double cap = flow.rate_cap.value() / flow.weight;
  const auto at = find(route, flow.precedence, cap);
  if (at != route.members.end() && at->precedence == flow.precedence && at->cap == cap) {
    Bundle& bundle = tier.bundles[at->bundle.value];
    bundle.weight += flow.weight;
    tier.shares.set_weight(at->bundle, bundle.weight);
    return at->bundle;
  }
  const BundleId id =
      tier.shares.add({.path = route.links, .cap = BytesPerSecond{cap}, .weight = flow.weight});
  route.members.insert(at, {flow.precedence, cap, id});
  if (id.value >= tier.bundles.size()) tier.bundles.resize(id.value + 1);
  Bundle& bundle = tier.bundles[id.value];
  bundle = {.since = now_,
            .route = flow.route,
            .cap = cap,
            .weight = flow.weight,
            .pending = std::move(bundle.pending)};  // Which is empty, but has its memory.
  return id;
}

std::vector<FlowSimulator::Member>::iterator FlowSimulator::find(Route& route,
                                                                 Precedence precedence,
                                                                 double cap) {
  return std::lower_bound(route.members.begin(), route.members.end(), std::pair{precedence, cap},
                          [](const Member& member, const std::pair<Precedence, double>& wanted) {
                            return std::pair{member.precedence, member.cap} < wanted;
                          });
}

std::optional<FlowEnd> FlowSimulator::next(Instant until) {
  AXS_ASSERT(until >= now_);
  settle();
  const Instant strict = tier(Precedence::strict).deadlines.first_at();
  const Instant fair = tier(Precedence::fair).deadlines.first_at();
  if (std::min(strict, fair) > until) {
    now_ = until;
    return std::nullopt;
  }
  now_ = std::min(strict, fair);
  return end_flow(strict <= fair ? Precedence::strict : Precedence::fair);
}

std::optional<BytesPerSecond> FlowSimulator::rate(RouteId id, Precedence precedence) {
  settle();
  Route& route = routes_[id.value];
  const auto at = find(route, precedence, unlimited.value());
  if (at == route.members.end() || at->precedence != precedence) return std::nullopt;
  return tier(precedence).shares.level(at->bundle);
}

void FlowSimulator::settle() {
  if (settle(tier(Precedence::strict)))
    for (const LinkId link : tier(Precedence::strict).shares.touched_links()) hand_down(link);
  settle(tier(Precedence::fair));
}

/// False if nothing has changed.
bool FlowSimulator::settle(Tier& tier) {
  if (!tier.shares.settle()) return false;
  for (const BundleId id : tier.shares.touched_bundles()) refresh(tier, id);
  return true;
}

/// Takes over a new level and says when the next flow ends.
void FlowSimulator::refresh(Tier& tier, BundleId id) {
  Bundle& bundle = tier.bundles[id.value];
  if (bundle.pending.empty()) return;
  bring_up_to_date(bundle);
  bundle.level = tier.shares.level(id).value();
  tier.deadlines.set(id.value, first_end(bundle));
}

void FlowSimulator::bring_up_to_date(Bundle& bundle) const {
  bundle.served += bundle.level * (now_ - bundle.since).seconds();
  bundle.since = now_;
}

/// The first whole nanosecond at which the flow on top is all sent.
Instant FlowSimulator::first_end(const Bundle& bundle) const {
  const double left = bundle.pending.front().end - bundle.served;
  if (left <= 0) return now_;
  const double ns = left / bundle.level * 1e9;
  constexpr double longest = 0x1p62;
  if (!(ns < longest - static_cast<double>(now_.ns))) return Deadlines::never;
  const auto whole = static_cast<std::int64_t>(ns);
  return now_ + nanoseconds(static_cast<double>(whole) < ns ? whole + 1 : whole);
}

/// Of flows of one bundle that end together, the one with the lowest id is first.
bool FlowSimulator::later(const Pending& a, const Pending& b) {
  return std::pair{a.end, a.flow} > std::pair{b.end, b.flow};
}

FlowEnd FlowSimulator::end_flow(Precedence precedence) {
  Tier& tier = this->tier(precedence);
  const BundleId id{tier.deadlines.first()};
  Bundle& bundle = tier.bundles[id.value];
  std::pop_heap(bundle.pending.begin(), bundle.pending.end(), later);
  const Pending ended = bundle.pending.back();
  bundle.pending.pop_back();
  bundle.weight -= ended.weight;
  --flows_;
  const Instant arrived_at = now_ + transit(routes_[bundle.route.value]);
  if (bundle.pending.empty())
    drop(precedence, id);
  else
    tier.shares.set_weight(id, bundle.weight);
  return {ended.flow, now_, arrived_at};
}

void FlowSimulator::drop(Precedence precedence, BundleId id) {
  Tier& tier = this->tier(precedence);
  const Bundle& bundle = tier.bundles[id.value];
  Route& route = routes_[bundle.route.value];
  route.members.erase(find(route, precedence, bundle.cap));
  tier.shares.remove(id);
  tier.deadlines.set(id.value, Deadlines::never);
}

Duration FlowSimulator::transit(const Route& route) const {
  Duration sum{};
  for (std::size_t i = 0; i < route.links.size(); ++i) {
    const FlowLink& link = links_[route.links[i].value];
    sum += link.delay;
    if (i > 0 && link.rate.value() > 0) sum += from_seconds((packet_size / link.rate).value());
  }
  return sum;
}

std::vector<FlowEnd> play_flows(const FlowScene& scene) {
  FlowSimulator simulator{scene.links};
  for (const auto& route : scene.routes) simulator.add_route(route);
  std::vector<FlowEnd> ends;
  const auto run = [&](Instant until) {
    while (const auto end = simulator.next(until)) ends.push_back(*end);
  };
  for (const SceneEvent& event : scene.events) {
    run(event.at);
    apply(simulator, event);
  }
  run(Instant{INT64_MAX - 1});
  return ends;
}

}  // namespace axs::twin
