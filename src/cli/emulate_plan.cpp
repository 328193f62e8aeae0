#include "axs/cli/emulate_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/config/trace.h"
#include "axs/net/link_presets.h"

namespace axs::cli {
namespace {

/// The last byte of an address, and the third.
constexpr std::size_t addresses_max = 254;

/// A cut and its end, where the time of it is stated.
/// Behind what comes earlier or at the same time.
void add_command(std::vector<live::TimedCommand>& script, live::TimedCommand command) {
  const auto behind = std::ranges::upper_bound(script, command.at, {}, &live::TimedCommand::at);
  script.insert(behind, std::move(command));
}

void add_fault(const catalog::Fault& fault, Emulation& emulation) {
  const auto* cut = std::get_if<catalog::CutLink>(&fault.what);
  const auto* at = std::get_if<Duration>(&fault.at);
  if (cut == nullptr || at == nullptr) {
    ++emulation.faults_left_out;
    return;
  }
  auto& script = emulation.underlay.script;
  add_command(script, {Instant{} + *at, live::CutLink{cut->link, std::nullopt}});
  add_command(script, {Instant{} + *at + cut->lasts, live::HealLink{cut->link, std::nullopt}});
}

}  // namespace

Result<Emulation> measured_link(const std::string& files) {
  const auto comma = files.find(',');
  if (comma == files.npos)
    return Error{Errc::invalid, "--trace: \"" + files + "\", want DELAY,CAPACITY, two files"};
  auto delays = AXS_TRY(config::read_delay_trace(files.substr(0, comma)));
  auto capacity = AXS_TRY(config::read_capacity_trace(files.substr(comma + 1)));
  const net::PipeConfig pipe = net::measured(std::move(delays), std::move(capacity));
  catalog::Scenario scenario;
  scenario.name = "trace";
  scenario.sites = {{.name = "a"}, {.name = "b"}};
  const fabric::LinkPlan link{.id = LinkId{0},
                              .name = "a-b trace",
                              .a = SiteId{0},
                              .b = SiteId{1},
                              .forth = pipe,
                              .back = pipe,
                              .forth_forecast = {},
                              .back_forecast = {}};
  return emulation_of(std::move(scenario), {link});
}

Emulation emulation_of(catalog::Scenario scenario, std::vector<fabric::LinkPlan> links) {
  Emulation emulation{std::move(scenario), std::move(links), {}, 0};
  emulation.underlay.seed = emulation.scenario.seed;
  for (const fabric::LinkPlan& link : emulation.links)
    emulation.underlay.links.push_back({.id = link.id,
                                        .name = link.name,
                                        .a = link.a,
                                        .b = link.b,
                                        .forth = {link.forth, link.forth_forecast},
                                        .back = {link.back, link.back_forecast}});
  for (const catalog::Fault& fault : emulation.scenario.faults) add_fault(fault, emulation);
  return emulation;
}

Result<> use_namespaces(Emulation& emulation) {
  const auto& sites = emulation.scenario.sites;
  auto& links = emulation.underlay.links;
  if (sites.size() > addresses_max || links.size() > addresses_max)
    return Error{Errc::invalid,
                 fmt::format("{} sites and {} links, want at most {} of each in namespaces",
                             sites.size(), links.size(), addresses_max)};
  for (std::uint32_t i = 0; i < sites.size(); ++i)
    emulation.underlay.tun_sites.push_back(
        {SiteId{i}, emulate_prefix + sites[i].name, fmt::format("10.77.0.{}", i + 1)});
  for (std::size_t i = 0; i < links.size(); ++i) {
    links[i].a_address = fmt::format("10.77.{}.1", i + 1);
    links[i].b_address = fmt::format("10.77.{}.2", i + 1);
  }
  return Ok{};
}

Result<> use_ports(Emulation& emulation, std::uint16_t first) {
  auto& links = emulation.underlay.links;
  if (first != 0 && first + 2 * links.size() > 65'536)
    return Error{Errc::invalid, fmt::format("--first-port: {}, and {} links take two each: want "
                                            "them to end at 65535",
                                            first, links.size())};
  if (first == 0) return Ok{};
  for (std::size_t i = 0; i < links.size(); ++i) {
    links[i].a_end.port = static_cast<std::uint16_t>(first + 2 * i);
    links[i].b_end.port = static_cast<std::uint16_t>(first + 2 * i + 1);
  }
  return Ok{};
}

}  // namespace axs::cli
