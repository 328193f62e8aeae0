#include "axs/cli/sky_paths.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "axs/cli/output_of.h"
#include "axs/cli/progress.h"
#include "axs/config/quantity.h"
#include "axs/orbit/fibre.h"
#include "axs/orbit/route.h"
#include "axs/report/assets.h"
#include "axs/report/line_chart.h"
#include "axs/report/page.h"
#include "axs/report/text.h"
#include "axs/report/world_map.h"

namespace axs::cli {
namespace {

using orbit::Sky;
using Moment = SkyWay::Moment;
using Way = SkyWay::Way;

/// A part of the time, over which one assignment of lasers is good.
struct Part {
  Duration begin, end;
};

/// Shells keep their grid. Real satellites drift apart within hours, and are matched anew.
std::vector<Part> parts_of(const SkySource::Satellites& satellites, const SkySource::Times& times) {
  constexpr Duration matched_for = seconds(6 * 3600);
  if (!satellites.shells.empty()) return {{{}, times.length}};
  const std::int64_t steps = std::max<std::int64_t>(1, matched_for.ns / times.step.ns);
  std::vector<Part> parts;
  for (Duration t{}; t < times.length; t += steps * times.step)
    parts.push_back({t, std::min(t + steps * times.step, times.length)});
  return parts;
}

/// The best path of every moment.
void follow_every_moment(const Sky& sky, Part part, Way& way, Progress& progress) {
  const auto from = sky.station(way.from.at, way.from.kind);
  const auto to = sky.station(way.to.at, way.to.kind);
  for (Duration t = part.begin; t < part.end; t += way.times.step) {
    const auto path = orbit::SkyGraph{sky, way.times.start + t}.shortest(from, to);
    way.moments.push_back(path ? Moment{t, 2 * path->one_way, path->satellites}
                               : Moment{t, {}, {}});
    progress.show(t.seconds() / way.times.length.seconds());
  }
}

/// Paths that are chosen at the sky's marks and kept until the next.
Result<> follow_between_marks(const Sky& sky, Part part, Way& way, Progress& progress) {
  const std::array pairs{orbit::GroundPair{way.from, way.to}};
  const Duration length = part.end - part.begin;
  const auto histories = AXS_TRY(orbit::routes_over_time(
      sky, pairs, {.start = way.times.start + part.begin, .length = length, .step = way.times.step},
      [&](double share) {
        progress.show((part.begin + scaled(length, share)).seconds() / way.times.length.seconds());
      }));
  for (const auto& sample : histories[0].samples) {
    const auto& satellites = histories[0].paths[sample.path];
    Moment moment{part.begin + sample.at, {}, satellites};
    if (!satellites.empty()) moment.round_trip = 2 * sample.one_way;
    way.moments.push_back(std::move(moment));
  }
  return Ok{};
}

/// A stretch of time over one path.
struct Stretch {
  Duration begin, end;
  Duration shortest, longest;
  const std::vector<std::uint32_t>* satellites;
};

std::vector<Stretch> stretches(const Way& way) {
  std::vector<Stretch> all;
  for (const Moment& moment : way.moments) {
    const Duration rtt = moment.round_trip.value_or(Duration{});
    if (all.empty() || *all.back().satellites != moment.satellites)
      all.push_back({moment.at, moment.at, rtt, rtt, &moment.satellites});
    Stretch& last = all.back();
    last.end = std::min(moment.at + way.times.step, way.times.length);
    last.shortest = std::min(last.shortest, rtt);
    last.longest = std::max(last.longest, rtt);
  }
  return all;
}

Result<Duration> interval_of(const std::string& flag, const std::string& text) {
  const auto interval = config::parse_duration(text);
  if (!interval) return Error{Errc::invalid, flag + ": " + interval.error().what};
  if (*interval == Duration{} || *interval > orbit::sky_interval_max)
    return Error{Errc::invalid, fmt::format("{}: {}, want it above 0 and at most 60s", flag, text)};
  return *interval;
}

std::string names_of(const Way& way, const std::vector<std::uint32_t>& satellites) {
  std::vector<std::string> names;
  for (const std::uint32_t satellite : satellites) names.push_back(way.satellites.names[satellite]);
  return fmt::format("{}", fmt::join(names, " "));
}

double milli(Duration d) {
  return d.seconds() * 1e3;
}

/// One or two sentences for people.
std::string in_short(const Way& way) {
  const auto all = stretches(way);
  Duration shortest = Duration{std::numeric_limits<std::int64_t>::max()}, longest{}, without{};
  for (const Stretch& stretch : all) {
    if (stretch.satellites->empty()) {
      without = without + (stretch.end - stretch.begin);
      continue;
    }
    shortest = std::min(shortest, stretch.shortest);
    longest = std::max(longest, stretch.longest);
  }
  const std::string bound =
      fmt::format("light in vacuum along the ground would take {:.2f} ms", milli(way.light));
  if (longest == Duration{}) return "no path at any time; " + bound;
  std::string text = fmt::format("round trip {:.2f} to {:.2f} ms, {} changes of path; {}",
                                 milli(shortest), milli(longest), all.size() - 1, bound);
  if (without > Duration{}) text += fmt::format("; no path for {:.1f} s", without.seconds());
  return text;
}

std::string head_of(const SkyWay& flags, const Way& way) {
  const std::string between = report::escaped(flags.from) + " – " + report::escaped(flags.to);
  return fmt::format("<h1>{}</h1>\n<p>{} satellites, from {} for {}: {}.</p>\n", between,
                     way.satellites.names.size(), catalog::format_utc(way.times.start),
                     report::escaped(flags.source.duration), in_short(way));
}

std::string chart_of(const Way& way) {
  report::LineChart chart{.label = "Round trip over time",
                          .x_unit = "seconds",
                          .y_unit = "ms",
                          .points = {},
                          .floor = milli(way.light),
                          .floor_name = "light in vacuum along the ground"};
  for (const Moment& moment : way.moments)
    chart.points.emplace_back(moment.at.seconds(), moment.round_trip
                                                       ? milli(*moment.round_trip)
                                                       : std::numeric_limits<double>::quiet_NaN());
  return "<div class=\"panel\"><h3>Round trip</h3>" + chart.svg() + "</div>\n";
}

Result<std::string> map_of(const SkyWay& flags, const Way& way) {
  const orbit::Sgp4Batch batch = AXS_TRY(way.satellites.batch());
  report::WorldMap map{report::land_rings()};
  for (const Stretch& stretch : stretches(way)) {
    if (stretch.satellites->empty()) continue;
    const catalog::UtcTime at = way.times.start + stretch.begin;
    const orbit::EarthRotation rotation{at};
    std::vector<catalog::GeoPoint> line{way.from.at};
    for (const std::uint32_t satellite : *stretch.satellites)
      line.push_back(orbit::place_below(
          rotation.to_ecef(orbit::propagate(batch.satellites()[satellite], at).position_km)));
    line.push_back(way.to.at);
    map.track(line, names_of(way, *stretch.satellites));
  }
  map.mark(way.from.at, flags.from);
  map.mark(way.to.at, flags.to);
  return "<div class=\"panel\"><h3>Paths</h3>" + map.svg("Paths over the satellites") + "</div>\n";
}

Result<std::string> page_of(const SkyWay& flags, const Way& way) {
  const std::string map = AXS_TRY(map_of(flags, way));
  return report::page(flags.from + " – " + flags.to, head_of(flags, way) + chart_of(way) + map);
}

Rows exact_rows(const Way& way) {
  Rows rows{{{"t_ns", ""}, {"rtt_ns", ""}}, {}};
  for (const Moment& moment : way.moments)
    rows.rows.push_back({moment.at.ns, moment.round_trip ? Cell{moment.round_trip->ns} : Cell{}});
  return rows;
}

Rows readable_rows(const Way& way) {
  Rows rows{{{"", "TIME"}, {"", "RTT [ms]"}, {"", "SATELLITES"}}, {}};
  for (const Moment& moment : way.moments)
    rows.rows.push_back({utc_text(way.times.start + moment.at),
                         moment.round_trip ? Cell{Decimal{milli(*moment.round_trip), 3}} : Cell{},
                         static_cast<std::int64_t>(moment.satellites.size())});
  return rows;
}

Rows stretch_rows(const Way& way) {
  Rows rows{{{"begin", "BEGIN"},
             {"end", "END"},
             {"min_rtt_ms", "MIN RTT [ms]"},
             {"max_rtt_ms", "MAX RTT [ms]"},
             {"hops", "SATELLITES"},
             {"satellites", "OVER"}},
            {}};
  for (const Stretch& stretch : stretches(way)) {
    const bool path = !stretch.satellites->empty();
    const auto rtt = [&](Duration d) { return path ? Cell{Decimal{milli(d), 2}} : Cell{}; };
    rows.rows.push_back({utc_text(way.times.start + stretch.begin),
                         utc_text(way.times.start + stretch.end), rtt(stretch.shortest),
                         rtt(stretch.longest),
                         static_cast<std::int64_t>(stretch.satellites->size()),
                         names_of(way, *stretch.satellites)});
  }
  return rows;
}

}  // namespace

void SkyWay::declare(CLI::App& app) {
  source.declare(app);
  app.add_option(
         "--from", from,
         "A place: latitude and longitude, or a city's code; gateway: before it if a gateway "
         "is there")
      ->required();
  app.add_option("--to", to, "Another place")->required();
  app.add_option("--reconfigure", reconfigure,
                 "Choose paths anew at these intervals only, like 15s; by default as the file of "
                 "shells says, or at any time");
  app.add_option("--html", html, "Draw the round trip over time and a map, into this file");
  format.declare(app);
}

Result<Way> SkyWay::find(Duration usual_step) const {
  Way way{};
  way.satellites = AXS_TRY(source.satellites());
  way.from = AXS_TRY(station_of("--from", from));
  way.to = AXS_TRY(station_of("--to", to));
  way.times = AXS_TRY(source.times(way.satellites, usual_step));
  if (way.times.length == Duration{}) return Error{Errc::invalid, "--duration: 0, want it above 0"};
  way.light = 2 * orbit::surface_light_delay(way.from.at, way.to.at);
  auto interval = way.satellites.reconfiguration;
  if (!reconfigure.empty()) interval = AXS_TRY(interval_of("--reconfigure", reconfigure));
  if (interval) way.satellites.links.reconfiguration = *interval;
  Progress progress{"following the paths"};
  for (const Part part : parts_of(way.satellites, way.times)) {
    const Sky sky = AXS_TRY(way.satellites.sky(way.times.start + part.begin));
    if (interval)
      AXS_TRY(follow_between_marks(sky, part, way, progress));
    else
      follow_every_moment(sky, part, way, progress);
  }
  return way;
}

Result<ExitCode> SkyWay::tell(Duration usual_step, Rows (*rows_of)(const Way&),
                              const std::string& name) const {
  const auto page = AXS_TRY(output_of("--html", html));
  const Way way = AXS_TRY(find(usual_step));
  if (page) {
    const std::string drawn = AXS_TRY(page_of(*this, way));
    AXS_TRY(page->write(drawn));
  }
  std::fputs(format.text(rows_of(way), name).c_str(), stdout);
  if (!format.json && !format.csv) fmt::print("{}\n", in_short(way));
  return ExitCode::done;
}

void SkyPathsCommand::declare(CLI::App& app) {
  way_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs sky paths --shell data/starlink-4408.toml --from sfo --to fra --duration 10min\n"
      "  axs sky paths --elements data/leo-53-550.tle --from 37.77,-122.42 --to 50.11,8.68 --html "
      "paths.html");
}

Result<ExitCode> SkyPathsCommand::run() {
  return way_.tell(seconds(1), stretch_rows, "paths");
}

void SkyRttCommand::declare(CLI::App& app) {
  way_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs sky rtt --shell data/kuiper-630.toml --from 14.6042,120.9822 --to "
      "38.913811,121.602322 --duration 200s --step 100ms --csv\n"
      "  axs sky rtt --shell data/starlink-4408.toml --from sfo --to fra --duration 10min --html "
      "rtt.html");
}

Result<ExitCode> SkyRttCommand::run() {
  const bool for_programs = way_.format.csv || way_.format.json;
  return way_.tell(seconds(10), for_programs ? exact_rows : readable_rows, "samples");
}

}  // namespace axs::cli
