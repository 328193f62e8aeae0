// The main() of a fuzz program that every compiler can build: it runs the seeds of its target and
// a fixed number of mutations of them, always the same ones, and watches how much memory each
// takes. With a folder it writes the seeds there, for libFuzzer; with a file it runs that input.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>

#include "mutate.h"
#include "target.h"

namespace {

using namespace axs;
using namespace axs::fuzz;

std::size_t held = 0;
std::size_t most_held = 0;

void* allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc{};
  held += malloc_usable_size(memory);
  most_held = std::max(most_held, held);
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) held -= std::min(held, malloc_usable_size(memory));
  std::free(memory);
}

/// What crashed is in the file that this names, for another run under a debugger.
void keep(const ByteVector& input) {
  std::ofstream{"crash.input", std::ios::binary}.write(reinterpret_cast<const char*>(input.data()),
                                                       static_cast<std::streamsize>(input.size()));
}

bool run(const ByteVector& input) {
  const std::size_t before = most_held = held;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  const std::size_t took = most_held - before;
  const std::size_t bound = target.memory_base + input.size() * target.memory_per_byte;
  if (took <= bound) return true;
  keep(input);
  std::fprintf(stderr, "%zu bytes of input took %zu bytes of memory, want at most %zu\n",
               input.size(), took, bound);
  return false;
}

int run_all(const std::vector<ByteVector>& seeds) {
  for (const ByteVector& seed : seeds)
    if (!run(seed)) return 1;
  if (!run({})) return 1;
  Rng rng{1};
  const char* const save = std::getenv("AXS_FUZZ_KEEP");  // Slow: writes each input first.
  for (std::size_t i = 0; i < target.mutations; ++i) {
    const ByteVector input = mutated(seeds, rng);
    if (save != nullptr) keep(input);
    if (!run(input)) return 1;
  }
  std::printf("%zu seeds, %zu mutations\n", seeds.size(), target.mutations);
  return 0;
}

int write_seeds(const std::filesystem::path& folder, const std::vector<ByteVector>& seeds) {
  for (std::size_t i = 0; i < seeds.size(); ++i)
    std::ofstream{folder / ("seed-" + std::to_string(i)), std::ios::binary}.write(
        reinterpret_cast<const char*>(seeds[i].data()),
        static_cast<std::streamsize>(seeds[i].size()));
  return 0;
}

int run_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return file && run({text.begin(), text.end()}) ? 0 : 1;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}

int main(int argc, char** argv) {
  const std::vector<ByteVector> seeds = target.seeds();
  if (argc < 2) return run_all(seeds);
  return std::filesystem::is_directory(argv[1]) ? write_seeds(argv[1], seeds) : run_file(argv[1]);
}
