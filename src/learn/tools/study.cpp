// What outer synchronisation costs in quality: M sites in one process, one after the other, against
// plain data parallelism on the same tokens. Links take no time here except that a merged fragment
// arrives --delay steps after it was sent.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <numeric>
#include <string>
#include <vector>

#include "axs/learn/trainer.h"
#include "axs/train/fragments.h"
#include "axs/train/outer.h"

using namespace axs;
using namespace axs::learn;

namespace {

struct Study {
  std::string data, preset = "llama-shakespeare", sync = "outer";
  std::uint64_t steps = 2'000, seed = 1, period = 15, delay = 0;
  std::uint32_t sites = 3;
  std::size_t sequences = 4, fragments = 1;
  train::OuterRule outer{.learning_rate = 0.7F, .momentum = 0.5F};
  float step_rms = 0;
  float levels = 7;
  double inner_rate = 1e-3, inner_floor = 1e-4;
  AdamWRule inner;
  bool exact = false;
};

/// Plain 4-bit codes, -7..7 times a step of each 256 values: what the wire does to values. The step
/// is a multiple of their root mean square, or, if that is 0, the largest magnitude over `levels`.
class Quantiser {
 public:
  Quantiser(float step_rms, float levels) : step_rms_{step_rms}, levels_{levels} {}

  void apply(std::span<float> values) {
    for (std::size_t begin = 0; begin < values.size(); begin += 256)
      apply_to_block(values.subspan(begin, std::min<std::size_t>(256, values.size() - begin)));
  }

  /// The order-0 entropy of all codes so far, and a bf16 step per block.
  double bits_per_value() const {
    const double total = std::accumulate(counts_.begin(), counts_.end(), 0.0);
    double bits = 16.0 / 256.0;
    for (const double n : counts_)
      if (n > 0) bits -= n / total * std::log2(n / total);
    return bits;
  }

 private:
  float step_of(std::span<const float> block) const {
    float top = 0, squares = 0;
    for (const float v : block) top = std::max(top, std::abs(v)), squares += v * v;
    if (step_rms_ == 0) return top / levels_;
    return step_rms_ * std::sqrt(squares / static_cast<float>(block.size()));
  }

  void apply_to_block(std::span<float> block) {
    const float step = step_of(block);
    if (step == 0) return;
    for (float& v : block) {
      const float code = std::clamp(std::nearbyint(v / step), -7.0F, 7.0F);
      counts_[static_cast<std::size_t>(code + 7.0F)] += 1;
      v = code * step;
    }
  }

  float step_rms_;
  float levels_;
  std::array<double, 15> counts_{};
};

/// The outer loop over the sites, all of whose shared state is kept once, since it is the same bits
/// everywhere.
class OuterLoop {
 public:
  OuterLoop(const Study& study, std::vector<Trainer>& sites)
      : study_{study},
        sites_{sites},
        fragments_{*train::split_into_fragments(parameter_tensors(sites[0].options().shape),
                                                study.fragments)},
        shared_(sites[0].parameters().begin(), sites[0].parameters().end()),
        momentum_(shared_.size()),
        errors_(sites.size(), std::vector<float>(shared_.size())),
        quantiser_{study.step_rms, study.levels} {}

  /// After inner step `step` (from 1): deliver what is due, send what is due.
  void after_step(std::uint64_t step) {
    deliver_until(step);
    const std::uint64_t stride = study_.period / fragments_.size();
    for (std::size_t f = 0; f < fragments_.size(); ++f)
      if (step >= study_.period && step % study_.period == f * stride) send(f, step);
    deliver_until(step);
  }

  /// Everything in flight arrives, then every fragment is merged once more.
  void finish(std::uint64_t step) {
    deliver_until(step + study_.delay);
    for (std::size_t f = 0; f < fragments_.size(); ++f) send(f, step);
    deliver_until(step + study_.delay);
    for (auto& site : sites_) std::ranges::copy(shared_, site.parameters().begin());
  }

  /// What one site has sent to one other, without framing.
  double bytes_sent() const {
    const double bits = study_.exact ? 32.0 : quantiser_.bits_per_value();
    return static_cast<double>(values_sent_) * bits / 8.0;
  }

 private:
  struct InFlight {
    std::uint64_t due;
    std::size_t fragment;
    std::vector<float> merged;             ///< The new shared values.
    std::vector<std::vector<float>> sent;  ///< Per site.
  };

  std::vector<float> gathered(std::span<const float> flat, std::size_t f) const {
    std::vector<float> out(train::fragment_size(fragments_[f]));
    train::gather(flat, fragments_[f], out);
    return out;
  }

  /// What site s sends of the fragment; the error of its code is kept for the next time.
  std::vector<float> encoded_delta(std::size_t s, std::size_t f) {
    auto delta = gathered(shared_, f);
    train::pseudo_gradient(delta, gathered(sites_[s].parameters(), f), delta);
    if (study_.exact) return delta;
    auto error = gathered(errors_[s], f);
    for (std::size_t i = 0; i < delta.size(); ++i) error[i] += delta[i];
    delta = error;
    quantiser_.apply(delta);
    for (std::size_t i = 0; i < delta.size(); ++i) error[i] -= delta[i];
    train::scatter(error, fragments_[f], errors_[s]);
    return delta;
  }

  void send(std::size_t f, std::uint64_t step) {
    std::vector<std::vector<float>> deltas, sent;
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      sent.push_back(gathered(sites_[s].parameters(), f));
      deltas.push_back(encoded_delta(s, f));
    }
    std::vector<float> merged(deltas[0].size());
    train::merge(std::vector<std::span<const float>>(deltas.begin(), deltas.end()),
                 std::vector<std::uint64_t>(sites_.size(), 1), merged);
    auto params = gathered(shared_, f);
    auto momentum = gathered(momentum_, f);
    train::outer_step(params, momentum, merged, study_.outer);
    train::scatter(momentum, fragments_[f], momentum_);
    train::scatter(params, fragments_[f], shared_);
    values_sent_ += merged.size();
    in_flight_.push_back({step + study_.delay, f, std::move(params), std::move(sent)});
  }

  void deliver_until(std::uint64_t step) {
    for (; !in_flight_.empty() && in_flight_.front().due <= step; in_flight_.pop_front()) {
      const auto& arrived = in_flight_.front();
      for (std::size_t s = 0; s < sites_.size(); ++s) {
        auto local = gathered(sites_[s].parameters(), arrived.fragment);
        train::adopt(arrived.merged, arrived.sent[s], local);
        train::scatter(local, fragments_[arrived.fragment], sites_[s].parameters());
      }
    }
  }

  const Study& study_;
  std::vector<Trainer>& sites_;
  std::vector<train::Fragment> fragments_;
  std::vector<float> shared_, momentum_;
  std::vector<std::vector<float>> errors_;
  std::deque<InFlight> in_flight_;
  Quantiser quantiser_;
  std::uint64_t values_sent_{};
};

/// One step of plain data parallelism: the mean of the sites' gradients, in site order, on all.
double step_together(std::vector<Trainer>& sites) {
  double loss = 0;
  for (auto& site : sites) loss += site.compute_gradient();
  std::vector<std::span<const float>> gradients;
  for (auto& site : sites) gradients.emplace_back(site.gradient());
  std::vector<float> mean(gradients[0].size());
  train::merge(gradients, std::vector<std::uint64_t>(sites.size(), 1), mean);
  for (auto& site : sites) {
    std::ranges::copy(mean, site.gradient().begin());
    site.apply_gradient();
  }
  return loss / static_cast<double>(sites.size());
}

double step_apart(std::vector<Trainer>& sites) {
  double loss = 0;
  for (auto& site : sites) loss += site.step();
  return loss / static_cast<double>(sites.size());
}

Result<std::vector<Trainer>> make_sites(const Study& study) {
  auto corpus = std::make_shared<const Corpus>(
      AXS_TRY(study.data.empty() ? read_default_corpus() : read_corpus(study.data)));
  TrainerOptions options;
  options.shape = AXS_TRY(preset_shape(study.preset));
  options.learning_rate.steps = study.steps;
  options.learning_rate.peak = study.inner_rate;
  options.learning_rate.floor = study.inner_floor;
  options.optimiser = study.inner;
  options.seed = study.seed;
  options.shards = study.sites;
  options.sequences = study.sequences;
  std::vector<Trainer> sites;
  for (options.shard = 0; options.shard < study.sites; ++options.shard)
    sites.push_back(AXS_TRY(Trainer::create(corpus, options)));
  return sites;
}

/// Bytes that one site sends per step of a ring all-reduce in fp32.
double ring_bytes(const Study& study, std::size_t parameters) {
  return 2.0 * (study.sites - 1.0) / study.sites * 4.0 * static_cast<double>(parameters);
}

int run(const Study& study) {
  auto sites = make_sites(study);
  if (!sites) {
    std::fprintf(stderr, "learn_study: %s\n", sites.error().what.c_str());
    return sites.error().code == Errc::invalid ? 2 : 1;
  }
  const auto began = std::chrono::steady_clock::now();
  const bool together = study.sync == "every-step";
  OuterLoop outer{study, *sites};
  double loss = 0;
  for (std::uint64_t step = 1; step <= study.steps; ++step) {
    loss = together ? step_together(*sites) : step_apart(*sites);
    if (!together && step < study.steps) outer.after_step(step);
  }
  if (!together) outer.finish(study.steps);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double validation = sites->front().validation_loss();
  const double ring = ring_bytes(study, sites->front().parameters().size());
  const double sent =
      together ? ring : outer.bytes_sent() * (study.sites - 1.0) / static_cast<double>(study.steps);
  std::printf("validation %.4f training %.4f bytes/step/site %.0f fewer %.1f seconds %.1f\n",
              validation, loss, sent, ring / sent, took.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Study study;
  CLI::App app{"Validation loss of outer synchronisation against every-step, sites simulated"};
  app.add_option("--data", study.data, "File or folder of text (default: Python's library)");
  app.add_option("--preset", study.preset, "Model preset");
  app.add_option("--sync", study.sync, "How sites agree")
      ->check(CLI::IsMember({"every-step", "outer"}));
  app.add_option("--steps", study.steps, "Inner steps");
  app.add_option("--seed", study.seed, "Seed of parameters and of the order of the text");
  app.add_option("--sites", study.sites, "Sites");
  app.add_option("--sequences", study.sequences, "Sequences per site and step");
  app.add_option("--period", study.period, "Inner steps between merges of one fragment (H)");
  app.add_option("--delay", study.delay, "Steps until a merge arrives");
  app.add_option("--fragments", study.fragments, "Fragments of the model");
  app.add_option("--outer-lr", study.outer.learning_rate, "Outer learning rate");
  app.add_option("--outer-momentum", study.outer.momentum, "Outer Nesterov momentum");
  app.add_option("--step-rms", study.step_rms, "Step of the codes in root mean squares");
  app.add_option("--levels", study.levels, "Else levels up to the largest magnitude, 1 to 7");
  app.add_option("--inner-rate", study.inner_rate, "Inner learning rate after the warm-up");
  app.add_option("--inner-floor", study.inner_floor, "Inner learning rate at the end");
  app.add_option("--beta1", study.inner.beta1, "beta1 of AdamW");
  app.add_flag("--exact", study.exact, "Send fp32 instead of 4-bit codes");
  CLI11_PARSE(app, argc, argv);
  return run(study);
}
