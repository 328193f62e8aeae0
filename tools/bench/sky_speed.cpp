// sky_speed FILE REPETITIONS EPOCHS: how many states per second of processor time the propagator
// makes of the element sets in FILE, at each level of vector instructions, and what this
// processor's arithmetic could make at best. One JSON object to standard output.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "axs/orbit/sgp4_batch.h"
#include "axs/orbit/tle.h"
#include "processor_time.h"
#include "sky_peak.h"

namespace {

using namespace axs;
using namespace axs::orbit;

/// A pack that counts what the kernel asks of the processor's arithmetic.
struct Counted {
  static constexpr std::size_t width = 1;
  static inline long operations = 0;
  Pack1 pack;

  Counted() = default;
  Counted(double all) : pack{all} {}
  Counted(Pack1 p) : pack{p} {}
  static Counted load(const double* from) { return Pack1::load(from); }
  void store(double* to) const { pack.store(to); }

  friend Counted operator+(Counted a, Counted b) { return ++operations, a.pack + b.pack; }
  friend Counted operator-(Counted a, Counted b) { return ++operations, a.pack - b.pack; }
  friend Counted operator*(Counted a, Counted b) { return ++operations, a.pack * b.pack; }
  friend Counted fma(Counted a, Counted b, Counted c) {
    return ++operations, fma(a.pack, b.pack, c.pack);
  }
  friend Counted fms(Counted a, Counted b, Counted c) {
    return ++operations, fms(a.pack, b.pack, c.pack);
  }
  friend Counted fnma(Counted a, Counted b, Counted c) {
    return ++operations, fnma(a.pack, b.pack, c.pack);
  }
  friend Counted max(Counted a, Counted b) { return ++operations, max(a.pack, b.pack); }
  friend unsigned within(Counted a, Counted low, Counted high) {
    return operations += 2, within(a.pack, low.pack, high.pack);
  }
  friend Counted select_odd(Counted bits, Counted a, Counted b) {
    return operations += 2, select_odd(bits.pack, a.pack, b.pack);
  }
  friend Counted negate_by_bit1(Counted bits, Counted a) {
    return operations += 3, negate_by_bit1(bits.pack, a.pack);
  }
};

long operations_per_state() {
  const Sgp4Block block{};
  TemeBlock states{};
  std::uint16_t broken = 0;
  sgp4_kernel::run_all<Counted>({.blocks = &block,
                                 .count = 1,
                                 .day = 0,
                                 .minute = 0,
                                 .minutes_max = 1,
                                 .earth_radius_km = 1,
                                 .speed_km_s = 1,
                                 .states = &states,
                                 .broken = &broken});
  return Counted::operations / static_cast<long>(block_lanes);
}

std::vector<Sgp4> read(const char* path) {
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::vector<Sgp4> satellites;
  const auto sets = parse_tle(text, path);
  if (!sets) fmt::print(stderr, "{}\n", sets.error().what), std::exit(2);
  for (const ElementSet& set : *sets)
    if (const auto satellite = prepare(set.elements)) satellites.push_back(*satellite);
  return satellites;
}

double states_per_second(const Sgp4Batch& batch, int epochs) {
  const catalog::UtcTime start = batch.satellites()[0].epoch;
  TemeStates states;
  batch.propagate(start, states);
  const double begin = processor_seconds();
  for (int epoch = 0; epoch < epochs; ++epoch) batch.propagate(start + seconds(60) * epoch, states);
  return static_cast<double>(states.size()) * epochs / (processor_seconds() - begin);
}

double peak_operations() {
  const double begin = processor_seconds();
  const double operations = peak();
  return operations / (processor_seconds() - begin);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::vector<Sgp4> satellites = read(argv[1]);
  const int repetitions = std::atoi(argv[2]), epochs = std::atoi(argv[3]);
  fmt::print("{{\"satellites\": {}, \"operations_per_state\": {}", satellites.size(),
             operations_per_state());
  std::vector<double> peaks;
  for (int i = 0; i < repetitions; ++i) peaks.push_back(peak_operations());
  fmt::print(", \"peak\": [{}]", fmt::join(peaks, ", "));
  for (const SimdLevel level : simd_levels) {
    if (level > simd_level()) continue;
    const Sgp4Batch batch{satellites, level};
    std::vector<double> rates;
    const bool narrow = level == SimdLevel::scalar;
    for (int i = 0; i < repetitions; ++i)
      rates.push_back(states_per_second(batch, narrow ? 1 + epochs / 20 : epochs));
    fmt::print(", \"{}\": [{}]",
               narrow                     ? "scalar"
               : level == SimdLevel::avx2 ? "avx2"
                                          : "avx512",
               fmt::join(rates, ", "));
  }
  fmt::print("}}\n");
}
