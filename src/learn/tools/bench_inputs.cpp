// What another trainer needs to compute the same job as our workers, for tools/bench/ddp.py: the
// initial parameters as an exported model, the text, and where each sequence of each step and site
// begins in it.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "axs/learn/export.h"
#include "axs/learn/trainer.h"

using namespace axs;
using namespace axs::learn;

namespace {

constexpr std::uint32_t sites = 3;
constexpr std::size_t sequences = 4;

Result<> write(const std::string& path, const void* data, std::size_t size) {
  std::ofstream file{path, std::ios::binary};
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  if (!file.flush()) return Error{Errc::unavailable, path + ": cannot be written"};
  return Ok{};
}

Result<> write_inputs(const std::string& folder, const std::string& data, std::uint64_t seed,
                      std::uint64_t steps) {
  const auto shape = AXS_TRY(preset_shape("llama-shakespeare"));
  const auto corpus = std::make_shared<const Corpus>(
      AXS_TRY(data.empty() ? read_default_corpus() : read_corpus(data)));
  const TrainerOptions options{.shape = shape,
                               .optimiser = {},
                               .learning_rate = {},
                               .seed = seed,
                               .shards = sites,
                               .sequences = sequences};
  Trainer trainer = AXS_TRY(Trainer::create(corpus, options));
  (void)AXS_TRY(export_model(folder + "/initial", shape, trainer.parameters()));
  auto batcher = AXS_TRY(
      Batcher::create(corpus->training, {.seed = seed, .shards = sites, .context = shape.context}));
  std::vector<std::uint64_t> positions;
  for (std::uint64_t n = 0; n < steps * sequences; n += sequences)
    for (std::uint32_t site = 0; site < sites; ++site)
      for (std::uint64_t i = n; i < n + sequences; ++i)
        positions.push_back(batcher.position(site, i));
  (void)AXS_TRY(write(folder + "/positions", positions.data(), positions.size() * 8));
  (void)AXS_TRY(write(folder + "/training", corpus->training.data(), corpus->training.size()));
  return write(folder + "/validation", corpus->validation.data(), corpus->validation.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: learn_bench_inputs FOLDER DATA SEED STEPS; DATA may be empty\n");
    return 2;
  }
  const auto written = write_inputs(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10),
                                    std::strtoull(argv[4], nullptr, 10));
  if (!written) std::fprintf(stderr, "learn_bench_inputs: %s\n", written.error().what.c_str());
  return written ? 0 : 1;
}
