#include "axs/learn/evaluation.h"

#include <algorithm>

namespace axs::learn {

namespace {
constexpr std::size_t part_tokens = 16'384;
}

Evaluation::Evaluation(std::shared_ptr<const Corpus> corpus, Model& model, Extent extent)
    : corpus_{std::move(corpus)}, model_{model}, context_{model.shape().context} {
  const std::size_t all = (corpus_->validation.size() - 1) / context_;
  const std::size_t wanted = std::max<std::size_t>(1, part_tokens / context_);
  windows_ = extent == Extent::whole ? all : std::min(all, wanted);
  stride_ = all / windows_;
}

void Evaluation::advance() {
  const std::size_t count = std::min(model_.max_sequences(), windows_ - next_);
  Batch batch;
  for (std::size_t i = next_; i < next_ + count; ++i) {
    const auto begin =
        corpus_->validation.begin() + static_cast<std::ptrdiff_t>(i * stride_ * context_);
    const auto end = begin + static_cast<std::ptrdiff_t>(context_);
    batch.inputs.insert(batch.inputs.end(), begin, end);
    batch.targets.insert(batch.targets.end(), begin + 1, end + 1);
  }
  sum_ += model_.loss(batch) * static_cast<double>(count);
  next_ += count;
}

void Evaluator::drop() {
  asked_.clear();
  current_.reset();
}

std::optional<train::Evaluated> Evaluator::advance(
    const std::function<std::vector<float>()>& parameters) {
  if (!current_) {
    if (!model_)
      model_ = std::make_unique<Model>(options_.shape, options_.sequences, options_.seed);
    std::ranges::copy(parameters(), model_->parameters().begin());
    current_.emplace(corpus_, *model_,
                     asked_.front().whole ? Evaluation::Extent::whole : Evaluation::Extent::part);
  }
  current_->advance();
  if (!current_->done()) return std::nullopt;
  const train::Evaluated outcome{current_->loss(), current_->tokens()};
  current_.reset();
  asked_.pop_front();
  return outcome;
}

}  // namespace axs::learn
