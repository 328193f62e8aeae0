#include "axs/cli/sky_lasers.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "axs/cli/sky_scan.h"
#include "axs/orbit/laser_windows.h"

namespace axs::cli {
namespace {

using orbit::LaserWindow;

/// Once per quarter of a minute a network in orbit changes its paths anyway.
constexpr Duration usual_step = seconds(15);

Result<std::vector<LaserWindow>> find(const SkySource& source, const orbit::Sky& sky,
                                      const SkySource::Times& times) {
  orbit::LaserScan scan{sky, {times.start, times.length, times.step}};
  Progress progress{"looking along the lasers"};
  AXS_TRY(finish(scan, progress, source.duration, "windows of lasers"));
  return scan.windows();
}

}  // namespace

void SkyLasersCommand::declare(CLI::App& app) {
  source_.declare(app);
  app.add_option("--satellite", satellite_, "Only lasers of satellites with this in their name");
  format_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs sky lasers --shell data/starlink-4408.toml --duration 100min --satellite 1-17\n"
      "  axs sky lasers --elements data/leo-53-550.tle --csv\n"
      "CARRIES is when a beam that opens has been acquired. Lasers are those of +Grid in shells,\n"
      "of a matching at --start for real satellites.");
}

Result<ExitCode> SkyLasersCommand::run() {
  const auto satellites = AXS_TRY(source_.satellites());
  const auto times = AXS_TRY(source_.times(satellites, usual_step));
  const orbit::Sky sky = AXS_TRY(satellites.sky(times.start));
  const auto wanted = [&](const orbit::Laser& laser) {
    const auto named = [&](std::uint32_t satellite) {
      return satellites.names[satellite].find(satellite_) != std::string::npos;
    };
    return named(laser.a) || named(laser.b);
  };
  Rows rows{{{"a", "SATELLITE"},
             {"b", "SATELLITE"},
             {"opens", "OPENS"},
             {"carries", "CARRIES"},
             {"closes", "CLOSES"},
             {"duration_s", "SECONDS"},
             {"min_km", "MIN [km]"},
             {"max_km", "MAX [km]"}},
            {}};
  for (const LaserWindow& window : AXS_TRY(find(source_, sky, times))) {
    const orbit::Laser& laser = sky.lasers()[window.laser];
    if (!wanted(laser)) continue;
    const auto acquired = window.opens + sky.options().lasers.acquisition;
    const auto carries = window.before ? window.opens : std::min(acquired, window.closes);
    rows.rows.push_back({satellites.names[laser.a], satellites.names[laser.b],
                         utc_text(window.opens), utc_text(carries), utc_text(window.closes),
                         Decimal{(window.closes - window.opens).seconds(), 1},
                         Decimal{window.shortest_km, 0}, Decimal{window.longest_km, 0}});
  }
  std::fputs(format_.text(rows, "windows").c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
