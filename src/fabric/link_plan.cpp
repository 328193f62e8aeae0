#include "axs/fabric/link_plan.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "axs/net/link_presets.h"
#include "axs/orbit/fibre.h"
#include "axs/orbit/route.h"
#include "axs/orbit/shell.h"
#include "axs/orbit/sky.h"

namespace axs::fabric {

namespace {

using catalog::Link;
using catalog::LinkKind;
using catalog::Scenario;

Duration ground_delay(const Scenario& scenario, const Link& link) {
  if (link.one_way) return *link.one_way;
  return orbit::fibre_delay(scenario.sites[link.a.value].at, scenario.sites[link.b.value].at,
                            link.route_factor);
}

/// What a path through the sky takes more than light along the ground, about: up, down and round
/// corners.
constexpr double sky_stretch = 1.2;

/// Before anything is measured.
Duration nominal_delay(const Scenario& scenario, const Link& link) {
  if (link.kind != LinkKind::leo) return ground_delay(scenario, link);
  return scaled(
      orbit::surface_light_delay(scenario.sites[link.a.value].at, scenario.sites[link.b.value].at),
      sky_stretch);
}

net::PipeConfig pipe_of(const Scenario& scenario, const Link& link, BytesPerSecond rate) {
  net::PipeConfig pipe;
  if (link.kind == LinkKind::leo)
    pipe = net::leo(net::LeoTerminal::gateway, Duration{}, rate);
  else if (link.kind == LinkKind::trace)
    pipe = net::measured({link.trace.delay_step, link.trace.one_way},
                         {link.trace.rate_step, link.trace.bytes_per_second});
  else
    pipe = net::fibre(ground_delay(scenario, link), rate);
  if (link.jitter) pipe.jitter = {.mean = *link.jitter, .max = *link.jitter * 5};
  if (link.loss) pipe.loss = *link.loss;
  return pipe;
}

LinkPlan plan_link(const Scenario& scenario, LinkId id) {
  const Link& link = scenario.links[id.value];
  return {.id = id,
          .name = link_name(scenario, id),
          .a = link.a,
          .b = link.b,
          .forth = pipe_of(scenario, link, link.rate_ab),
          .back = pipe_of(scenario, link, link.rate_ba),
          .forth_forecast = {},
          .back_forecast = {}};
}

/// The links through the sky, both directions of each: forth at 2i, back at 2i + 1.
std::vector<orbit::GroundPair> sky_pairs(const Scenario& scenario) {
  std::vector<orbit::GroundPair> pairs;
  for (const Link& link : scenario.links) {
    if (link.kind != LinkKind::leo) continue;
    const auto a = scenario.sites[link.a.value].at, b = scenario.sites[link.b.value].at;
    pairs.push_back({{a}, {b}});
    pairs.push_back({{b}, {a}});
  }
  return pairs;
}

Result<> forecast_sky(const Scenario& scenario, std::span<const orbit::MeanElements> satellites,
                      const orbit::RouteClock& clock, std::vector<LinkPlan>& plans) {
  const auto pairs = sky_pairs(scenario);
  if (pairs.empty()) return Ok{};
  orbit::SkyOptions options;
  options.min_elevation_deg = scenario.sky->min_elevation_deg;
  const auto sky = AXS_TRY(orbit::Sky::of_elements(satellites, scenario.sky->start, options));
  auto histories = AXS_TRY(orbit::routes_over_time(sky, pairs, clock));
  std::size_t next = 0;
  for (LinkPlan& plan : plans) {
    if (scenario.links[plan.id.value].kind != LinkKind::leo) continue;
    plan.forth_forecast = std::move(histories[next++].samples);
    plan.back_forecast = std::move(histories[next++].samples);
  }
  return Ok{};
}

}  // namespace

Result<std::vector<LinkPlan>> plan_links(const Scenario& scenario,
                                         std::span<const orbit::MeanElements> satellites,
                                         Duration horizon, Duration step) {
  std::vector<LinkPlan> plans;
  for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
    plans.push_back(plan_link(scenario, LinkId{i}));
    (void)AXS_TRY(net::validate(plans.back().forth, "link " + plans.back().name));
    (void)AXS_TRY(net::validate(plans.back().back, "link " + plans.back().name));
  }
  if (!scenario.sky) return plans;
  const orbit::RouteClock clock{
      .start = scenario.sky->start, .speed = scenario.sky->speed, .length = horizon, .step = step};
  (void)AXS_TRY(forecast_sky(scenario, satellites, clock, plans));
  return plans;
}

namespace {

/// When a direction changes its satellites.
std::vector<Duration> changes_of(const net::Handover& handover,
                                 const catalog::LinkForecast& forecast, Duration horizon) {
  std::vector<Duration> changes;
  for (std::size_t i = 1; i < forecast.size() && forecast[i].at < horizon; ++i)
    if (forecast[i].path != forecast[i - 1].path) changes.push_back(forecast[i].at);
  if (forecast.empty() && handover.period > Duration{})
    for (Duration at = handover.phase; at < horizon; at += handover.period) changes.push_back(at);
  return changes;
}

void add_breaks(const net::PipeConfig& pipe, const catalog::LinkForecast& forecast,
                Duration horizon, std::vector<net::PlannedBreak>& breaks) {
  if (pipe.handover.loss <= 0 || pipe.handover.length <= Duration{}) return;
  for (const Duration at : changes_of(pipe.handover, forecast, horizon))
    breaks.push_back({at, at + pipe.handover.length});
}

std::vector<net::PlannedBreak> merged(std::vector<net::PlannedBreak> breaks) {
  std::ranges::sort(breaks, {}, &net::PlannedBreak::from);
  std::vector<net::PlannedBreak> merged;
  for (const net::PlannedBreak& next : breaks)
    if (merged.empty() || next.from > merged.back().until)
      merged.push_back(next);
    else
      merged.back().until = std::max(merged.back().until, next.until);
  return merged;
}

}  // namespace

std::vector<net::LinkBreaks> planned_breaks(std::span<const LinkPlan> links, Duration horizon) {
  std::vector<net::LinkBreaks> planned;
  for (const LinkPlan& link : links) {
    std::vector<net::PlannedBreak> breaks;
    add_breaks(link.forth, link.forth_forecast, horizon, breaks);
    add_breaks(link.back, link.back_forecast, horizon, breaks);
    if (!breaks.empty()) planned.push_back({link.id, merged(std::move(breaks))});
  }
  return planned;
}

net::HandoverPlan handover_plan(std::vector<net::LinkBreaks> breaks, const catalog::Site& site) {
  net::HandoverPlan plan{.links = std::move(breaks), .epoch = Instant{} + site.clock.offset};
  plan.drift = std::max(plan.drift, std::fabs(site.clock.drift_ppm) * 1e-6);
  return plan;
}

net::Topology topology_of(const Scenario& scenario) {
  std::vector<SiteId> sites;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) sites.push_back(SiteId{i});
  std::vector<net::UnderlayLink> links;
  for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
    const Link& link = scenario.links[i];
    links.push_back({.id = LinkId{i},
                     .a = link.a,
                     .b = link.b,
                     .nominal = nominal_delay(scenario, link),
                     .rate_ab = link.rate_ab,
                     .rate_ba = link.rate_ba});
  }
  auto topology = net::Topology::make(std::move(sites), std::move(links));
  AXS_ASSERT(topology.has_value());  // A scenario's links join two of its own sites.
  return *std::move(topology);
}

Wire wire_at(const LinkPlan& link, bool back, Duration at) {
  const catalog::LinkForecast& forecast = back ? link.back_forecast : link.forth_forecast;
  const net::PipeConfig& pipe = back ? link.back : link.forth;
  if (!pipe.delays.one_way.empty()) return {pipe.delays.at(Instant{} + at)};
  if (forecast.empty()) return {pipe.delay};
  const auto next = std::ranges::upper_bound(forecast, at, {}, &catalog::DelaySample::at);
  const catalog::DelaySample& sample = next == forecast.begin() ? *next : *std::prev(next);
  return {sample.one_way, sample.up};
}

std::string link_name(const Scenario& scenario, LinkId id) {
  const Link& link = scenario.links[id.value];
  return scenario.sites[link.a.value].name + "-" + scenario.sites[link.b.value].name + " " +
         std::string{enum_name(link.kind)};
}

Result<std::vector<orbit::MeanElements>> shell_satellites(const catalog::WalkerShell& shell,
                                                          catalog::UtcTime epoch) {
  return orbit::shell_elements({.epoch = epoch,
                                .planes = shell.planes,
                                .slots = shell.per_plane,
                                .inclination_deg = shell.inclination_deg,
                                .mean_motion = orbit::mean_motion_at(shell.altitude.value() / 1000),
                                .walker_f = shell.phasing});
}

}  // namespace axs::fabric
