#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "axs/learn/corpus.h"
#include "axs/learn/model.h"
#include "axs/learn/trainer.h"
#include "axs/train/worker_protocol.h"

namespace axs::learn {

/// The validation loss of a copy of some parameters, in slices, so that a worker can listen in
/// between: the text in windows of one context without overlap, as Trainer::validation_loss().
class Evaluation {
 public:
  /// whole: all windows of the validation text; part: about 16,000 tokens of it, always the same.
  enum class Extent { whole, part };

  Evaluation(std::shared_ptr<const Corpus> corpus, Model& model, Extent extent);

  /// Reads the next windows, at most the model's largest batch.
  void advance();
  bool done() const { return next_ >= windows_; }
  /// The mean loss, and over how many tokens; once done.
  double loss() const { return sum_ / static_cast<double>(windows_); }
  std::uint64_t tokens() const { return windows_ * context_; }

 private:
  std::shared_ptr<const Corpus> corpus_;
  Model& model_;
  std::size_t context_;
  std::size_t windows_;
  std::size_t stride_;  ///< From one window to the next, in windows.
  std::size_t next_ = 0;
  double sum_ = 0;
};

/// The evaluations that a worker was asked for, one after the other.
class Evaluator {
 public:
  Evaluator(std::shared_ptr<const Corpus> corpus, const TrainerOptions& options)
      : corpus_{std::move(corpus)}, options_{options} {}

  void ask(const train::Evaluate& message) { asked_.push_back(message); }
  /// Forgets all that was asked for.
  void drop();
  bool busy() const { return !asked_.empty(); }
  /// One slice of the first; its outcome once it is done. `parameters` gives what to evaluate when
  /// it begins.
  std::optional<train::Evaluated> advance(const std::function<std::vector<float>()>& parameters);

 private:
  std::shared_ptr<const Corpus> corpus_;
  TrainerOptions options_;
  std::unique_ptr<Model> model_;  ///< Once something was to be evaluated.
  std::deque<train::Evaluate> asked_;
  std::optional<Evaluation> current_;
};

}  // namespace axs::learn
