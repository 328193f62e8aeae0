// A file of two-line elements. What is accepted can be propagated, or says why not.
#include <cmath>
#include <fstream>
#include <string>

#include "axs/orbit/sgp4.h"
#include "axs/orbit/tle.h"
#include "target.h"

namespace axs::fuzz {
namespace {

/// The checksum of a line, so that mutations get past it: the digits and one for each minus.
void correct(std::string& line) {
  if (line.size() < 69 || (line[0] != '1' && line[0] != '2')) return;
  int sum = 0;
  for (std::size_t i = 0; i < 68; ++i) {
    if (line[i] >= '0' && line[i] <= '9') sum += line[i] - '0';
    sum += line[i] == '-' ? 1 : 0;
  }
  line[68] = static_cast<char>('0' + sum % 10);
}

std::vector<ByteVector> seeds() {
  std::ifstream file{AXS_SOURCE_DIR "/data/leo-53-550.tle"};
  std::vector<ByteVector> all;
  std::string line, text;
  while (all.size() < 10 && std::getline(file, line)) {
    text += line + "\n";
    if (line.starts_with("2 ")) all.push_back(bytes_of(std::exchange(text, {})));
  }
  AXS_ASSERT(!all.empty());
  return all;
}

void parse(std::string_view text) {
  const auto sets = orbit::parse_tle(text, "fuzz");
  if (!sets) return;
  AXS_ASSERT(!sets->empty());
  for (const orbit::ElementSet& set : *sets) {
    const auto prepared = orbit::prepare(set.elements);
    if (!prepared) continue;
    for (const double minutes : {-1440.0, 0.0, 90.0, 1e6}) {
      const orbit::TemeState state = orbit::propagate(*prepared, minutes);
      if (state.state == orbit::OrbitState::fine)
        AXS_ASSERT(std::isfinite(state.position_km.x + state.velocity_km_s.x));
    }
  }
}

void run(ByteView input) {
  parse(text_of(input));
  std::string corrected, line;
  for (const char c : text_of(input)) {
    if (c != '\n') {
      line += c;
      continue;
    }
    correct(line);
    corrected += line + "\n";
    line.clear();
  }
  parse(corrected);
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 40'000, .memory_base = 1 << 16, .memory_per_byte = 64};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
