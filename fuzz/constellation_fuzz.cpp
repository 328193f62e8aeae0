// A file of shells. One that is accepted has satellites that can be made, and links with limits.
#include <fstream>
#include <string>

#include "axs/config/constellation.h"
#include "target.h"

namespace axs::fuzz {
namespace {

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  for (const char* name : {"/data/kuiper-630.toml", "/data/starlink-4408.toml"}) {
    std::ifstream file{std::string{AXS_SOURCE_DIR} + name};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    AXS_ASSERT(!text.empty());
    all.push_back(bytes_of(text));
  }
  return all;
}

void run(ByteView input) {
  const auto constellation = config::parse_constellation(text_of(input), "fuzz.toml");
  if (!constellation) return;
  AXS_ASSERT(!constellation->shells.empty());
  AXS_ASSERT(constellation->links.min_elevation_deg >= 0);
  for (const orbit::Shell& shell : constellation->shells)
    AXS_ASSERT(orbit::shell_elements(shell).has_value());
}

}  // namespace

// A shell may have a hundred thousand satellites in a few bytes.
const Target target{.seeds = seeds, .mutations = 4'000, .memory_base = 64 << 20};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
