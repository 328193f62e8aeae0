#include "axs/twin/exchange.h"

#include <algorithm>

#include "axs/core/wire.h"
#include "axs/net/directions.h"
#include "axs/twin/flow_simulator.h"

namespace axs::twin {

namespace {

std::vector<FlowLink> directions(const net::Topology& topology,
                                 std::span<const fabric::LinkPlan> links) {
  std::vector<FlowLink> found;
  for (const fabric::LinkPlan& plan : links) {
    const net::UnderlayLink& link = topology.links()[plan.id.value];
    for (const bool back : {false, true}) {
      const bool traced = !plan.forth.delays.one_way.empty();
      const fabric::Wire wire = fabric::wire_at(plan, back, {});
      found.push_back({.rate = wire.up ? (back ? link.rate_ba : link.rate_ab) : BytesPerSecond{},
                       .delay = traced ? link.nominal : wire.one_way});
    }
  }
  return found;
}

Duration delay_of(const std::vector<LinkId>& way, const std::vector<FlowLink>& links) {
  Duration sum{};
  for (const LinkId id : way)
    sum += links[id.value].rate.value() > 0 ? links[id.value].delay : seconds(1'000'000);
  return sum;
}

}  // namespace

Result<Exchange> exchange(const catalog::Scenario& scenario,
                          std::span<const fabric::LinkPlan> links, std::uint64_t bytes) {
  const net::Topology topology = fabric::topology_of(scenario);
  FlowScene scene{.name = scenario.name, .links = directions(topology, links)};
  Exchange result;
  for (const SiteId from : topology.sites())
    for (const SiteId to : topology.sites()) {
      if (from == to || topology.paths(from, to).empty()) continue;
      const auto& paths = topology.paths(from, to);
      const auto& best = *std::ranges::min_element(paths, {}, [&](const auto& path) {
        return delay_of(way(topology, from, path), scene.links);
      });
      const auto id = static_cast<std::uint32_t>(result.transfers.size());
      scene.routes.push_back(way(topology, from, best));
      scene.events.push_back({Instant{}, Flow{.id = id, .route = {id}, .bytes = bytes}});
      result.transfers.push_back({from, to, best.id});
    }
  AXS_TRY(validate(scene));
  const std::vector<FlowEnd> ends = play_flows(scene);
  if (ends.size() < result.transfers.size())
    return Error{Errc::unavailable,
                 scenario.name + ": a transfer has no link that works at the start, want one"};
  Instant sent;
  for (const FlowEnd& end : ends) {
    result.transfers[end.flow].took = end.arrived_at - Instant{};
    result.took = std::max(result.took, end.arrived_at - Instant{});
    sent = std::max(sent, end.sent_at);
  }
  for (std::uint32_t i = 0; i < scene.links.size(); ++i)
    result.loads.push_back({.link = {i / 2}, .back = i % 2 == 1});
  for (const auto& route : scene.routes)
    for (const LinkId id : route) result.loads[id.value].bytes += bytes;
  for (std::uint32_t i = 0; i < scene.links.size(); ++i)
    if (result.loads[i].bytes > 0)
      result.loads[i].busy = static_cast<double>(result.loads[i].bytes) /
                             scene.links[i].rate.value() / (sent - Instant{}).seconds();
  result.digest = sha256(to_wire(ends));
  return result;
}

}  // namespace axs::twin
