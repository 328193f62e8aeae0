// kuiper_test SERIES: the shell, the lasers and the shortest paths against the series of another
// simulator (Hypatia): nanoseconds since the start, round trip in nanoseconds.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "axs/orbit/sky.h"

namespace {

using namespace axs;
using namespace axs::orbit;

struct Sample {
  long long ns;
  double rtt_ns;
};

std::vector<Sample> read_series(const char* path) {
  std::vector<Sample> series;
  std::ifstream file{path};
  char comma = 0;
  for (Sample s{}; file >> s.ns >> comma >> s.rtt_ns;) series.push_back(s);
  return series;
}

/// Kuiper's first shell and its stations as that simulator has them: ground links limited by their
/// length, which is 1,260 km, and not by an elevation.
Sky kuiper_630(catalog::UtcTime epoch) {
  SkyOptions options;
  options.min_elevation_deg = 0;
  const double radius_km = 6378.135, height_km = 630;
  const double cone_km = height_km / std::tan(std::acos(-1.0) / 6);
  options.max_ground_range_km = std::sqrt(cone_km * cone_km + height_km * height_km);
  const double r = radius_km + height_km, low = radius_km + 80;
  options.lasers.acquisition = Duration{};
  options.lasers.max_range_km = 2 * std::sqrt(r * r - low * low);
  return *Sky::of_shell({.epoch = epoch,
                         .planes = 34,
                         .slots = 34,
                         .inclination_deg = 51.9,
                         .mean_motion = 14.80,
                         .eccentricity = 1e-7,
                         .phasing = Phasing::alternate},
                        options);
}

/// The samples at which a series jumps, by more than the satellites' motion explains in one step.
std::vector<std::size_t> jumps(const std::vector<double>& rtt_ns) {
  std::vector<std::size_t> at;
  for (std::size_t i = 1; i < rtt_ns.size(); ++i)
    if (std::fabs(rtt_ns[i] - rtt_ns[i - 1]) > 2e5) at.push_back(i);
  return at;
}

/// Whether both jump as often, and each time within a second (ten samples) of each other.
bool same_changes(const std::vector<std::size_t>& ours, const std::vector<std::size_t>& theirs) {
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                    [](auto a, auto b) { return std::max(a, b) - std::min(a, b) <= 10; });
}

int compare(const std::vector<Sample>& series) {
  const catalog::UtcTime epoch = *catalog::parse_utc("2000-01-01T00:00:00Z");
  const Sky sky = kuiper_630(epoch);
  const GroundStation manila = sky.station({14.6042, 120.9822});
  const GroundStation dalian = sky.station({38.913811, 121.602322});
  double worst = 0;
  std::vector<double> ours, theirs;
  for (const Sample& sample : series) {
    const auto path = SkyGraph{sky, epoch + nanoseconds(sample.ns)}.shortest(manila, dalian);
    ours.push_back(path ? 2.0 * static_cast<double>(path->one_way.ns) : INFINITY);
    theirs.push_back(sample.rtt_ns);
    worst = std::max(worst, std::fabs(ours.back() / theirs.back() - 1));
  }
  const bool changes_agree = same_changes(jumps(ours), jumps(theirs));
  std::printf("%zu samples, worst difference %.4f %%, %zu changes of path %s\n", series.size(),
              100 * worst, jumps(theirs).size(), changes_agree ? "within 1 s" : "DIFFER");
  return worst <= 0.01 && changes_agree && !series.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::ifstream{argv[1]}) {
    std::printf("skipped: no %s\n", argc == 2 ? argv[1] : "series");
    return 77;
  }
  return compare(read_series(argv[1]));
}
