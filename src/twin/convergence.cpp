#include "axs/twin/convergence.h"

#include <algorithm>

namespace axs::twin {

namespace {

/// A path is believed after so many answers in a row: net/path_monitor.
constexpr std::int64_t answers_in_a_row = 3;
constexpr std::int64_t handshake_flights = 4;

template <class Visit>
void for_each_pair(const Twin& world, const Visit& visit) {
  for (const SiteId from : world.topology().sites())
    for (const SiteId to : world.topology().sites())
      if (from != to) visit(from, to);
}

std::optional<std::string> unsettled(const Twin& world, SiteId from, SiteId to) {
  const std::string pair = std::to_string(from.value) + ">" + std::to_string(to.value);
  if (world.agent(from) == nullptr) return "site " + std::to_string(from.value) + " has no agent";
  if (!world.has_keys(from, to)) return pair + " has no keys";
  const net::PathMonitor& monitor = world.agent(from)->monitor(to);
  const auto& paths = world.topology().paths(from, to);
  for (const net::CandidatePath& path : paths)
    if (!monitor.up(path.id)) return pair + " path " + std::to_string(path.id.value) + " is down";
  for (const auto& route : monitor.routes())
    if (!route || !world.crosses(from, paths[route->primary.value]))
      return pair + " has traffic without a living path";
  return std::nullopt;
}

/// How long a path that works may take to be believed in: a hello that is answered, of which one
/// may be lost, and then answers to faster ones. A path of two links rises when both of them have.
Duration rise(const net::PathMonitor* monitor, const net::CandidatePath& path) {
  constexpr net::PathMonitor::Config usual{};
  Duration interval = usual.idle;
  if (monitor != nullptr) interval = std::max(interval, monitor->hello_interval(path.id));
  const Duration round_trip = 2 * path.nominal;
  return path.hops * (2 * interval + 2 * round_trip + answers_in_a_row * usual.active);
}

}  // namespace

std::optional<std::string> unsettled(const Twin& world) {
  std::optional<std::string> first;
  for_each_pair(world, [&](SiteId from, SiteId to) {
    if (!first) first = unsettled(world, from, to);
  });
  return first;
}

Duration settling_limit(const Twin& world) {
  Duration handshake{}, hellos{};
  for_each_pair(world, [&](SiteId from, SiteId to) {
    const fabric::Site* agent = world.agent(from);
    for (const net::CandidatePath& path : world.topology().paths(from, to)) {
      if (!world.has_keys(from, to))
        handshake = std::max(handshake, TunnelEnd::retry_max + handshake_flights * path.nominal);
      hellos = std::max(hellos, rise(agent != nullptr ? &agent->monitor(to) : nullptr, path));
    }
  });
  return handshake + hellos;
}

}  // namespace axs::twin
