#include "axs/orbit/coverage.h"

#include <doctest/doctest.h>

#include <limits>

#include "axs/orbit/shell.h"

using namespace axs;
using namespace axs::orbit;

TEST_CASE("coverage: each cell sees what its middle sees, one satellite after the other") {
  const catalog::UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");
  std::vector<Sgp4> satellites;
  for (const MeanElements& e : *shell_elements({.epoch = noon,
                                                .planes = 5,
                                                .slots = 6,
                                                .inclination_deg = 80,
                                                .mean_motion = mean_motion_at(800)}))
    satellites.push_back(*prepare(e));
  const Sgp4Batch batch{satellites};
  for (const double range_km : {std::numeric_limits<double>::infinity(), 1700.0}) {
    Coverage coverage{12, {{}, 15, range_km}};
    const std::vector<catalog::UtcTime> times{noon, noon + seconds(600), noon + seconds(1300)};
    for (const catalog::UtcTime at : times) coverage.add(batch, at);
    for (std::size_t row = 0; row < coverage.rows(); ++row)
      for (std::size_t column = 0; column < coverage.columns(); ++column) {
        const double longitude = (static_cast<double>(column) + 0.5) * 15 - 180;
        const GroundPoint middle = ground_point({coverage.latitude_deg(row), longitude});
        double sum = 0, covered = 0;
        std::uint32_t least = 1000;
        for (const catalog::UtcTime at : times) {
          std::uint32_t seen = 0;
          for (const Sgp4& satellite : satellites) {
            const Vec3 ecef = EarthRotation{at}.to_ecef(propagate(satellite, at).position_km);
            seen += elevation_deg(middle, ecef) >= 15 && look(middle, ecef).range_km <= range_km;
          }
          sum += seen, covered += seen > 0, least = std::min(least, seen);
        }
        REQUIRE(coverage.mean(row, column) == doctest::Approx(sum / 3));
        REQUIRE(coverage.share(row, column) == doctest::Approx(covered / 3));
        REQUIRE(coverage.least(row, column) == least);
      }
  }
}
