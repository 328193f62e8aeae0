#include "axs/cli/sky_source.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "axs/catalog/places.h"
#include "axs/cli/flag.h"
#include "axs/cli/terminal.h"
#include "axs/config/constellation.h"
#include "axs/config/elements.h"
#include "axs/config/quantity.h"

namespace axs::cli {
namespace {

using catalog::UtcTime;
using Satellites = SkySource::Satellites;

/// Elements are good for days: drag is uncertain.
void warn_of_age(Duration age) {
  const double days = std::fabs(age.seconds()) / 86400;
  if (days > 14)
    print_error(
        fmt::format("the elements are {:.0f} days from --start: positions may be off by "
                    "hundreds of kilometres",
                    days));
}

Result<Satellites> of_elements(const std::string& file) {
  Satellites all;
  const auto usable = AXS_TRY(config::read_usable_elements(file));
  for (const orbit::ElementSet& set : usable.sets) {
    all.names.push_back(orbit::name_of(set));
    all.elements.push_back(set.elements);
  }
  if (usable.left_out > 0)
    print_error(fmt::format("{}: {} of {} satellites are left out; the first: {}", file,
                            usable.left_out, usable.left_out + usable.sets.size(), usable.why));
  return all;
}

Result<Satellites> of_shells(const std::string& file) {
  const config::Constellation constellation = AXS_TRY(config::read_constellation(file));
  Satellites all;
  all.links = constellation.links;
  all.reconfiguration = constellation.reconfiguration;
  all.shells = constellation.shells;
  for (std::size_t s = 0; s < all.shells.size(); ++s) {
    const orbit::Shell& shell = all.shells[s];
    for (const orbit::MeanElements& elements : AXS_TRY(orbit::shell_elements(shell))) {
      const std::size_t index = all.elements.size();
      all.elements.push_back(elements);
      all.names.push_back(fmt::format("{}-{}", s + 1, index));
    }
  }
  return all;
}

}  // namespace

void SkySource::declare(CLI::App& app) {
  CLI::Option* of_shell = app.add_option("--shell", shell, "Shells of satellites: a TOML file");
  CLI::Option* of_file = app.add_option(
      "--elements", elements, "Real satellites: two-line elements, or OMM as JSON or CSV");
  of_shell->excludes(of_file);
  app.add_option("--start", start,
                 "When to begin, like 2025-10-08T12:00:00Z; by default the epoch");
  app.add_option("--duration", duration, "For how long, like 90min or 1d")->capture_default_str();
  app.add_option("--step", step, "How far apart in time to look");
  app.add_option(
         "--min-elevation", min_elevation_deg,
         "Degrees over the horizon from which a satellite counts; by default the file's, or 25 "
         "and 10 for gateways")
      ->check(CLI::Range(0.0, 89.0));
}

Result<Satellites> SkySource::satellites() const {
  if (shell.empty() == elements.empty())
    return Error{Errc::invalid, "want either --shell FILE.toml or --elements FILE"};
  Satellites all = AXS_TRY(shell.empty() ? of_elements(elements) : of_shells(shell));
  if (min_elevation_deg)
    all.links.min_elevation_deg = all.links.gateway_min_elevation_deg = *min_elevation_deg;
  return all;
}

Result<SkySource::Times> SkySource::times(const Satellites& satellites, Duration usual_step) const {
  constexpr Duration longest = seconds(366 * 86400);
  Times times{satellites.elements.front().epoch, {}, usual_step};
  if (!start.empty()) times.start = AXS_TRY(of_flag("--start", catalog::parse_utc(start)));
  if (!elements.empty()) warn_of_age(times.start - satellites.elements.front().epoch);
  times.length = AXS_TRY(of_flag("--duration", config::parse_duration(duration)));
  if (times.length > longest)
    return Error{Errc::invalid, fmt::format("--duration: {}, want at most 366d", duration)};
  if (!step.empty()) times.step = AXS_TRY(of_flag("--step", config::parse_duration(step)));
  if (times.step < milliseconds(1))
    return Error{Errc::invalid, fmt::format("--step: {}, want at least 1ms", step)};
  constexpr std::int64_t steps_max = 1'000'000;
  if (const std::int64_t steps = times.length.ns / times.step.ns; steps > steps_max)
    return Error{Errc::invalid,
                 fmt::format("--duration and --step: {} steps, want at most {}", steps, steps_max)};
  return times;
}

Result<> Satellites::keep(const std::string& part) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].find(part) == std::string::npos) continue;
    elements[kept] = elements[i];
    names[kept++] = names[i];
  }
  if (kept == 0)
    return Error{Errc::invalid, fmt::format("--satellite: no satellite has \"{}\" in its name; the "
                                            "first of {} is \"{}\"",
                                            part, names.size(), names.front())};
  elements.resize(kept);
  names.resize(kept);
  return Ok{};
}

orbit::GroundStation Satellites::station(const orbit::GroundEnd& end) const {
  return orbit::station(links, end.at, end.kind);
}

Result<orbit::Sgp4Batch> Satellites::batch() const {
  std::vector<orbit::Sgp4> prepared;
  for (std::size_t i = 0; i < elements.size(); ++i)
    prepared.push_back(AXS_TRY(of_flag("satellite " + names[i], orbit::prepare(elements[i]))));
  return orbit::Sgp4Batch{std::move(prepared)};
}

Result<orbit::Sky> Satellites::sky(UtcTime at) const {
  if (!shells.empty()) return orbit::Sky::of_shells(shells, links);
  return orbit::Sky::of_elements(elements, at, links);
}

Result<orbit::GroundEnd> station_of(const std::string& flag, const std::string& text) {
  constexpr std::string_view gateway = "gateway:";
  const bool is_gateway = text.starts_with(gateway);
  const std::string place = is_gateway ? text.substr(gateway.size()) : text;
  return orbit::GroundEnd{AXS_TRY(of_flag(flag, catalog::parse_place(place))),
                          is_gateway ? orbit::StationKind::gateway : orbit::StationKind::user};
}

std::string utc_text(UtcTime at) {
  const std::int64_t rounded = at.ns + 500'000;
  std::string text = catalog::format_utc({rounded});
  const std::int64_t second = 1'000'000'000;
  const std::int64_t fraction = ((rounded % second) + second) % second / 1'000'000;
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, fraction);
}

}  // namespace axs::cli
