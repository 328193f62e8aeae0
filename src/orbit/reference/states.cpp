// orbit_states FILE MINUTES...: for every set of the file and every time, seven doubles to standard
// output: state, position in km, velocity in km/s.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "axs/orbit/sgp4.h"
#include "axs/orbit/tle.h"

int main(int argc, char** argv) {
  using namespace axs::orbit;
  if (argc < 3) return 2;
  std::ifstream file{argv[1]};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const auto sets = parse_tle(text, argv[1]);
  if (!sets) {
    std::fprintf(stderr, "%s\n", sets.error().what.c_str());
    return 1;
  }
  for (const ElementSet& set : *sets) {
    const auto satellite = prepare(set.elements);
    if (!satellite) {
      std::fprintf(stderr, "%s: %s\n", set.name.c_str(), satellite.error().what.c_str());
      return 1;
    }
    for (int i = 2; i < argc; ++i) {
      const TemeState s = propagate(*satellite, std::atof(argv[i]));
      const std::array<double, 7> row{static_cast<double>(s.state),
                                      s.position_km.x,
                                      s.position_km.y,
                                      s.position_km.z,
                                      s.velocity_km_s.x,
                                      s.velocity_km_s.y,
                                      s.velocity_km_s.z};
      std::fwrite(row.data(), sizeof(double), row.size(), stdout);
    }
  }
  return 0;
}
