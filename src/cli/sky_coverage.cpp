#include "axs/cli/sky_coverage.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "axs/cli/output_of.h"
#include "axs/cli/progress.h"
#include "axs/orbit/coverage.h"
#include "axs/report/assets.h"
#include "axs/report/page.h"
#include "axs/report/text.h"
#include "axs/report/world_map.h"

namespace axs::cli {
namespace {

/// Of one ring around the earth.
struct Band {
  double mean = 0;
  std::uint32_t least = UINT32_MAX;
  double share = 0;
};

Band band_of(const orbit::Coverage& coverage, std::size_t row) {
  Band band;
  for (std::size_t column = 0; column < coverage.columns(); ++column) {
    band.mean += coverage.mean(row, column);
    band.share += coverage.share(row, column);
    band.least = std::min(band.least, coverage.least(row, column));
  }
  const auto columns = static_cast<double>(coverage.columns());
  return {band.mean / columns, band.least, band.share / columns};
}

std::string map_of(const orbit::Coverage& coverage) {
  report::WorldGrid grid{coverage.rows(), coverage.columns(), {}, "satellites in sight"};
  for (std::size_t row = 0; row < grid.rows; ++row)
    for (std::size_t column = 0; column < grid.columns; ++column)
      grid.values.push_back(coverage.mean(row, column));
  report::WorldMap map{report::land_rings()};
  map.colour(grid);
  return map.svg("Satellites in sight, mean over time");
}

}  // namespace

void SkyCoverageCommand::declare(CLI::App& app) {
  source_.declare(app);
  app.add_option("--grid", grid_deg_, "Degrees of latitude and longitude of a cell")
      ->check(CLI::Range(0.5, 30.0))
      ->capture_default_str();
  app.add_option("--html", html_, "Draw a map, into this file");
  format_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs sky coverage --shell data/starlink-4408.toml --html coverage.html\n"
      "  axs sky coverage --elements data/leo-53-550.tle --min-elevation 40 --duration 2h --csv");
}

Result<ExitCode> SkyCoverageCommand::run() {
  const double rows_wanted = 180 / grid_deg_;
  if (std::fabs(rows_wanted - std::round(rows_wanted)) > 1e-9)
    return Error{Errc::invalid,
                 fmt::format("--grid: {}, want one that divides 180, like 5 or 7.5", grid_deg_)};
  const auto page = AXS_TRY(output_of("--html", html_));
  const auto satellites = AXS_TRY(source_.satellites());
  const auto times = AXS_TRY(source_.times(satellites, seconds(60)));
  const orbit::Sgp4Batch batch = AXS_TRY(satellites.batch());
  orbit::Coverage coverage{static_cast<std::size_t>(std::lround(180 / grid_deg_)),
                           satellites.station({})};
  Progress progress{"counting satellites"};
  for (Duration t{}; t <= times.length; t = t + times.step) {
    coverage.add(batch, times.start + t);
    progress.show(t.seconds() / std::max(times.length.seconds(), 1e-9));
  }
  Rows rows{{{"latitude_deg", "LATITUDE"},
             {"mean_in_sight", "MEAN IN SIGHT"},
             {"least_in_sight", "LEAST"},
             {"share_of_time", "SHARE OF TIME"}},
            {}};
  for (std::size_t row = 0; row < coverage.rows(); ++row) {
    const Band band = band_of(coverage, row);
    rows.rows.push_back({Decimal{coverage.latitude_deg(row), 1}, Decimal{band.mean, 2},
                         std::int64_t{band.least}, Decimal{band.share, 4}});
  }
  if (page)
    AXS_TRY(page->write(report::page(
        "Coverage", fmt::format("<h1>Coverage</h1>\n<p>{} satellites, above {} degrees, from "
                                "{} for {}.</p>\n<div class=\"panel\">{}</div>\n",
                                satellites.elements.size(), satellites.links.min_elevation_deg,
                                catalog::format_utc(times.start), report::escaped(source_.duration),
                                map_of(coverage)))));
  std::fputs(format_.text(rows, "bands").c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
