#include "axs/learn/trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "axs/core/rng.h"
#include "axs/host/file.h"
#include "axs/learn/checkpoint.h"
#include "axs/learn/test_folder.h"

using namespace axs;
using namespace axs::learn;

namespace {

std::shared_ptr<const Corpus> some_corpus() {
  auto corpus = std::make_shared<Corpus>();
  corpus->source = "test";
  for (int i = 0; i < 6'000; ++i) {
    const std::string line = "for item in range(" + std::to_string(i % 97) + "): print(item)\n";
    corpus->training.insert(corpus->training.end(), line.begin(), line.end());
    if (i % 50 == 0) corpus->validation.insert(corpus->validation.end(), line.begin(), line.end());
  }
  return corpus;
}

TrainerOptions small_options() {
  TrainerOptions options;
  options.shape = {
      .layers = 1, .width = 32, .heads = 2, .kv_heads = 1, .hidden = 64, .context = 16};
  options.learning_rate = {.peak = 1e-2, .floor = 1e-3, .warmup = 5, .steps = 60};
  options.seed = 3;
  options.shards = 2;
  options.shard = 1;
  options.sequences = 4;
  return options;
}

std::string why_not_loaded(const std::string& path, TrainerOptions options) {
  auto trainer = *Trainer::create(some_corpus(), options);
  const auto before = std::vector<float>(trainer.parameters().begin(), trainer.parameters().end());
  const auto loaded = load_checkpoint(path, trainer);
  REQUIRE_FALSE(loaded);
  CHECK(std::ranges::equal(before, trainer.parameters()));
  return loaded.error().what;
}

}  // namespace

TEST_CASE("trainer: it learns a text with a pattern") {
  auto trainer = *Trainer::create(some_corpus(), small_options());
  const double before = trainer.validation_loss();
  CHECK(before == doctest::Approx(std::log(256.0)).epsilon(0.01));
  double training = 0;
  for (int i = 0; i < 60; ++i) training = trainer.step();
  CHECK(trainer.validation_loss() < 0.6 * before);
  CHECK(training < 0.6 * before);
  CHECK(trainer.steps() == 60);
  CHECK(trainer.next_sequence() == 240);
}

TEST_CASE("trainer: validation does not depend on the batch it is read in") {
  auto options = small_options();
  auto four = *Trainer::create(some_corpus(), options);
  options.sequences = 7;
  auto seven = *Trainer::create(some_corpus(), options);
  CHECK(four.validation_loss() == doctest::Approx(seven.validation_loss()).epsilon(1e-6));
}

TEST_CASE("trainer: the learning rate warms up and follows a cosine down") {
  const LearningRate rate{.peak = 1e-3, .floor = 1e-4, .warmup = 100, .steps = 2'000};
  CHECK(rate.at(0) == doctest::Approx(1e-3 / 101));
  CHECK(rate.at(99) == doctest::Approx(1e-3 * 100 / 101));
  CHECK(rate.at(100) == doctest::Approx(1e-3));
  CHECK(rate.at(1'050) == doctest::Approx(5.5e-4));
  CHECK(rate.at(2'000) == doctest::Approx(1e-4));
  CHECK(rate.at(9'999) == doctest::Approx(1e-4));
}

TEST_CASE("checkpoint: a restarted trainer goes on bit for bit") {
  const TestFolder folder;
  const std::string path = folder.path() + "/worker.safetensors";
  const auto corpus = some_corpus();
  auto straight = *Trainer::create(corpus, small_options());
  for (int i = 0; i < 10; ++i) straight.step();
  const CheckpointExtras extras{{{"momentum", {1, 2, 3}}}, {{"round", "7"}}};
  REQUIRE(save_checkpoint(path, straight, extras));
  std::vector<double> losses;
  for (int i = 0; i < 10; ++i) losses.push_back(straight.step());

  auto resumed = *Trainer::create(corpus, small_options());
  const auto loaded = load_checkpoint(path, resumed);
  REQUIRE(loaded);
  CHECK(loaded->tensors == extras.tensors);
  CHECK(loaded->notes == extras.notes);
  CHECK(resumed.steps() == 10);
  for (const double loss : losses) CHECK(resumed.step() == loss);
  CHECK(std::ranges::equal(resumed.parameters(), straight.parameters()));
}

TEST_CASE("checkpoint: what does not fit the trainer is refused, by name") {
  const TestFolder folder;
  const std::string path = folder.path() + "/worker.safetensors";
  const auto trainer = *Trainer::create(some_corpus(), small_options());
  REQUIRE(save_checkpoint(path, trainer));
  auto options = small_options();
  options.seed = 4;
  CHECK(why_not_loaded(path, options) == path + ": axs.seed \"3\", want \"4\"");
  options = small_options();
  options.shard = 0;
  CHECK(why_not_loaded(path, options) == path + ": axs.shard \"1\", want \"0\"");
  options = small_options();
  options.shape.hidden = 32;
  CHECK(why_not_loaded(path, options).find("axs.shape") != std::string::npos);
  CHECK(why_not_loaded(folder.path() + "/none", small_options()) ==
        folder.path() + "/none: No such file or directory (ENOENT)");
}

TEST_CASE("checkpoint: no damaged byte and no torn file is taken for good") {
  const TestFolder folder;
  const std::string path = folder.path() + "/worker.safetensors";
  const auto trainer = *Trainer::create(some_corpus(), small_options());
  REQUIRE(save_checkpoint(path, trainer, {{}, {{"round", "7"}}}));
  const auto good = *host::read_file(path, 1 << 24);
  const std::string damaged_path = folder.path() + "/damaged";
  auto target = *Trainer::create(some_corpus(), small_options());
  const auto loads = [&](const ByteVector& bytes) {
    REQUIRE(host::write_file_atomically(damaged_path, bytes, host::FileAccess::everyone));
    return load_checkpoint(damaged_path, target).has_value();
  };
  CHECK(loads(good));
  Rng rng{1};
  for (int i = 0; i < 60; ++i) {
    auto bytes = good;
    // Half of the flips go into the header, which is small.
    const std::size_t at = rng.below(i % 2 == 0 ? 1'000 : bytes.size());
    bytes[at] ^= static_cast<std::uint8_t>(1U << rng.below(8));
    CAPTURE(at);
    if (loads(bytes)) {
      // Only what carries no meaning may change: a description that the reader does not need.
      CHECK(at < 1'000);
      CHECK(std::ranges::equal(target.parameters(), trainer.parameters()));
    }
    bytes = good;
    bytes.resize(rng.below(bytes.size()));
    CHECK_FALSE(loads(bytes));
  }
}
