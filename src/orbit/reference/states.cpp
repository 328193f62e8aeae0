// orbit_states FILE wgs72|wgs84 NS...: for every time (nanoseconds of UTC since 1970) and every set
// of the file, seven doubles to standard output: state, position in km, velocity in km/s.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "axs/orbit/sgp4_batch.h"
#include "axs/orbit/tle.h"

using namespace axs::orbit;

namespace {

void write(const TemeState& s) {
  const std::array<double, 7> row{static_cast<double>(s.state),
                                  s.position_km.x,
                                  s.position_km.y,
                                  s.position_km.z,
                                  s.velocity_km_s.x,
                                  s.velocity_km_s.y,
                                  s.velocity_km_s.z};
  std::fwrite(row.data(), sizeof(double), row.size(), stdout);
}

axs::Result<std::vector<Sgp4>> read(const char* path, const Gravity& gravity) {
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::vector<Sgp4> satellites;
  for (const ElementSet& set : AXS_TRY(parse_tle(text, path)))
    satellites.push_back(AXS_TRY(prepare(set.elements, gravity)));
  return satellites;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  auto satellites = read(argv[1], argv[2] == std::string{"wgs84"} ? wgs84 : wgs72);
  if (!satellites) {
    std::fprintf(stderr, "%s\n", satellites.error().what.c_str());
    return 1;
  }
  const Sgp4Batch batch{std::move(*satellites)};
  TemeStates states;
  for (int i = 3; i < argc; ++i) {
    batch.propagate({std::atoll(argv[i])}, states);
    for (std::size_t satellite = 0; satellite < states.size(); ++satellite)
      write(states[satellite]);
  }
  return 0;
}
