// SGP4 against the verification set of Vallado et al. 2006, which the Python package sgp4 ships.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "axs/orbit/sgp4.h"
#include "axs/orbit/tle.h"

using namespace axs;
using namespace axs::orbit;

namespace {

std::filesystem::path folder;

/// The folder of the package sgp4 in one of the tool folder's Python environments, or nothing.
std::filesystem::path find_package() {
  namespace fs = std::filesystem;
  for (const char* environment : {"venv-test", "venv-peers"}) {
    const fs::path lib = fs::path{AXS_TOOLS} / environment / "lib";
    if (!fs::exists(lib)) continue;
    for (const auto& python : fs::directory_iterator{lib}) {
      const fs::path package = python.path() / "site-packages" / "sgp4";
      if (fs::exists(package / "SGP4-VER.TLE") && fs::exists(package / "tcppver.out"))
        return package;
    }
  }
  return {};
}

struct Expected {
  double minutes;
  Vec3 position_km;
  Vec3 velocity_km_s;
};

/// The reference's states by catalogue number. A number that comes twice keeps its first block.
std::map<int, std::vector<Expected>> read_states() {
  std::map<int, std::vector<Expected>> states;
  std::ifstream file{folder / "tcppver.out"};
  std::vector<Expected>* block = nullptr;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words{line};
    Expected e{};
    if (line.find("xx") != std::string::npos) {
      int number = 0;
      words >> number;
      block = states.contains(number) ? nullptr : &states[number];
    } else if (words >> e.minutes >> e.position_km.x >> e.position_km.y >> e.position_km.z >>
               e.velocity_km_s.x >> e.velocity_km_s.y >> e.velocity_km_s.z) {
      if (block != nullptr) block->push_back(e);
    }
  }
  return states;
}

struct Satellite {
  int number;
  Sgp4 sgp4;
};

struct Refused {
  int number;
  std::string why;
};

struct Set {
  std::vector<Satellite> satellites;
  std::vector<Refused> refused;
};

/// The sets of the file whose lines we accept. The file has comments, and times behind each line 2;
/// some of its sets have wrong checksums on purpose.
Set read_set() {
  Set set;
  std::ifstream file{folder / "SGP4-VER.TLE"};
  std::string one;
  for (std::string line; std::getline(file, line);) {
    if (line[0] == '1') one = line.substr(0, 69);
    if (line[0] != '2') continue;
    const int number = std::stoi(line.substr(2, 5));
    const auto elements = parse_tle(one + "\n" + line.substr(0, 69), "SGP4-VER.TLE");
    const auto sgp4 = elements ? prepare(elements->front().elements) : elements.error();
    if (sgp4)
      set.satellites.push_back({number, *sgp4});
    else
      set.refused.push_back({number, sgp4.error().what});
  }
  return set;
}

}  // namespace

TEST_CASE("vectors: near the earth within a millimetre, in deep space within a centimetre") {
  const auto states = read_states();
  int compared = 0;
  double worst_km = 0, worst_km_s = 0;
  const Set set = read_set();
  for (const Satellite& satellite : set.satellites) {
    for (const Expected& e : states.at(satellite.number)) {
      const TemeState got = propagate(satellite.sgp4, e.minutes);
      INFO(satellite.number, " at ", e.minutes);
      const double limit_km = satellite.sgp4.deep ? 1e-5 : 1e-6;
      CHECK(norm(got.position_km - e.position_km) < limit_km);
      CHECK(norm(got.velocity_km_s - e.velocity_km_s) < limit_km / 100);
      worst_km = std::max(worst_km, norm(got.position_km - e.position_km));
      worst_km_s = std::max(worst_km_s, norm(got.velocity_km_s - e.velocity_km_s));
      ++compared;
    }
  }
  std::printf("%zu satellites, %d states, worst %.1e m and %.1e m/s\n", set.satellites.size(),
              compared, worst_km * 1e3, worst_km_s * 1e3);
  CHECK(set.satellites.size() == 30);
  CHECK(set.refused.size() == 3);
}

TEST_CASE("vectors: only wrong checksums and misprints are refused") {
  for (const Refused& refused : read_set().refused) {
    INFO(refused.number, ": ", refused.why);
    CHECK((refused.why.find("checksum") != std::string::npos ||
           refused.why.find("eccentricity is") != std::string::npos));
  }
}

TEST_CASE("vectors: the reference's errors come at the same times") {
  struct Failure {
    double minute;  // The first of its span, in steps, at which the reference fails.
    double step;
    OrbitState state;
  };
  const std::map<int, Failure> failures{{22312, {494.2028672, 20, OrbitState::bad_eccentricity}},
                                        {28350, {1560, 120, OrbitState::bad_eccentricity}},
                                        {28872, {55, 5, OrbitState::decayed}},
                                        {29141, {440, 20, OrbitState::decayed}}};
  for (const Satellite& satellite : read_set().satellites) {
    const auto failure = failures.find(satellite.number);
    if (failure == failures.end()) continue;
    const auto [minute, step, state] = failure->second;
    INFO(satellite.number);
    CHECK(propagate(satellite.sgp4, minute).state == state);
    CHECK(propagate(satellite.sgp4, minute - step).state == OrbitState::fine);
  }
}

int main(int argc, char** argv) {
  folder = find_package();
  if (folder.empty()) {
    std::printf("skipped: no Python package sgp4 with its verification set below %s\n", AXS_TOOLS);
    return 77;
  }
  return doctest::Context{argc, argv}.run();
}
