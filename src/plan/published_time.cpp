#include "axs/plan/published_time.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "axs/plan/names.h"
#include "axs/plan/published_software.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

constexpr const char* token_rate = "tokens_per_s";

/// What a column tells of the time of a step: as its convention counts, and what other conventions
/// would make of it.
struct ToldTime {
  std::string column;
  Seconds step{};
  Seconds least{};
  Seconds most{};
};

ToldTime exactly(const char* column, Seconds step) {
  return {column, step, step, step};
}

/// "6 N D": parameters times tokens.
bool leaves_attention_out(const std::string& convention) {
  const std::string plain = plain_name(convention);
  return plain.ends_with("6n") || says(plain, {"6nd", "noattention"});
}

/// The share of the attention's operations that count: all, though half is masked (Korthikanti et
/// al. 2022; Chowdhery et al. 2022, appendix B), that half, or none.
double attention_counted(const std::string& convention, const SoftwareFacts& software) {
  const std::string plain = plain_name(convention);
  if (leaves_attention_out(convention)) return 0;
  if (says(plain, {"noncausal", "fullattention"})) return 1;
  return software.counts_causal || says(plain, {"causal", "halfattention"}) ? 0.5 : 1;
}

/// Whether what is computed again counts; nothing if nobody tells and it matters.
std::optional<bool> counts_again(const std::string& convention, Recompute recompute) {
  const std::string plain = plain_name(convention);
  // Narayanan et al. 2021 count 96 B s l h², a quarter of it for what is computed again; PaLM, and
  // those who write "6 N + 12 L H Q T" or 72 B s l h², count nothing twice.
  if (says(plain, {"hardware", "hfu", "96b"})) return true;
  if (says(plain, {"model", "mfu", "palm", "6n12", "72b"}) || leaves_attention_out(convention))
    return false;
  if (says(plain, {"inclrecompute", "includingrecompute"})) return true;
  if (plain.empty() && recompute != Recompute::full) return false;
  return std::nullopt;
}

/// Full recomputation passes the layers forward once more, selective one their attention core.
Flops flops_of_token(const Workload& work, Recompute again, double attention) {
  const ModelShape& shape = work.shape;
  const Flops model = training_flops_per_token(shape, attention * work.plan.sequence);
  if (again == Recompute::none) return model;
  const Flops head{6.0 * shape.vocabulary * shape.hidden};
  const bool all = again == Recompute::full;
  return model + (model - (all ? head : training_flops_per_token(shape, 0))) / 3;
}

/// A narrower product is taken to have twice the peak, where the machine has it. Tables of fp8 runs
/// name shares of that peak or of bf16's.
double narrow_gain(const Workload& work) {
  return 1u << static_cast<unsigned>(std::min(work.plan.precision, work.accelerator.fastest));
}

/// All columns but the printed time, for a step of the batch that is told or assumed.
class ToldTimes {
 public:
  ToldTimes(const PublishedRun& run, const Workload& work, const SoftwareFacts& software)
      : work_{work},
        told_{run.throughput},
        attention_{attention_counted(told_.convention, software)},
        tokens_{static_cast<double>(run.global_batch.value_or(work.plan.global_batch)) *
                work.plan.sequence} {}

  std::vector<ToldTime> all() const {
    std::vector<ToldTime> times;
    const FlopsPerSecond peak = narrow_gain(work_) * work_.accelerator.peak;
    if (told_.tokens_per_second)
      times.push_back(exactly(token_rate, Seconds{tokens_ / *told_.tokens_per_second}));
    if (const auto again = counts_again(told_.convention, work_.plan.recompute);
        told_.flops && again)
      times.push_back(at("achieved_tflops_per_gpu", *told_.flops, *again));
    if (told_.model_share) times.push_back(share_of(peak * *told_.model_share, "mfu_pct", false));
    if (told_.hardware_share)
      times.push_back(share_of(peak * *told_.hardware_share, "hfu_pct", true));
    return times;
  }

 private:
  Seconds time(FlopsPerSecond rate, Recompute again, double attention) const {
    return flops_of_token(work_, again, attention) * tokens_ / (rate * devices(work_.plan));
  }
  /// What is computed again may not be told, so that it does not count for a contradiction.
  /// Some count the embedding too ("6 N"). Operations of mixtures are known roughly: latent
  /// attention, layers that predict more tokens.
  ToldTime at(const char* column, FlopsPerSecond rate, bool again) const {
    const double rough = work_.shape.is_mixture() ? 1.25 : 1;
    const Flops embedding{6.0 * work_.shape.vocabulary * work_.shape.hidden};
    return {column, time(rate, again ? work_.plan.recompute : Recompute::none, attention_),
            time(rate, Recompute::none, 0) / rough,
            (time(rate, again ? Recompute::full : Recompute::none, 1) +
             embedding * tokens_ / (rate * devices(work_.plan))) *
                rough};
  }
  ToldTime share_of(FlopsPerSecond rate, const char* column, bool again) const {
    ToldTime told = at(column, rate, again);
    told.most = narrow_gain(work_) * told.most;
    return told;
  }

  const Workload& work_;
  const Throughput& told_;
  double attention_;
  double tokens_;
};

std::string in_words(const ToldTime& told) {
  const std::string range = told.least < told.most ? " to " + rounded(told.most.value()) : "";
  return told.column + " " + rounded(told.least.value()) + range + " s";
}

/// The first two that no convention brings together; empty if there are none.
std::string contradiction(const std::vector<ToldTime>& times) {
  constexpr double rounding = 1.1;
  for (std::size_t i = 0; i < times.size(); ++i)
    for (std::size_t k = i + 1; k < times.size(); ++k)
      if (times[i].least > rounding * times[k].most || times[k].least > rounding * times[i].most)
        return "columns contradict each other: a step takes by " + in_words(times[i]) + ", by " +
               in_words(times[k]);
  return {};
}

/// What no device can do; empty if nothing is.
std::string impossible(const Throughput& told, const Workload& work) {
  const FlopsPerSecond peak = narrow_gain(work) * work.accelerator.peak;
  const auto above = [](const char* column, double seen, double most, std::string_view of) {
    return std::string{column} + " " + rounded(seen) + ", want at most " + rounded(most) +
           std::string{of};
  };
  for (const auto& [column, share] :
       {std::pair{"mfu_pct", told.model_share}, std::pair{"hfu_pct", told.hardware_share}})
    if (share && *share > 1) return above(column, 100 * *share, 100, "");
  if (told.flops && *told.flops > peak)
    return above("achieved_tflops_per_gpu", told.flops->value() / 1e12, peak.value() / 1e12,
                 ", the peak of " + work.accelerator.name);
  return {};
}

/// Why the time cannot be told from what is told.
std::string why_untold(const PublishedRun& run) {
  if (!run.throughput.unreadable.empty()) return run.throughput.unreadable;
  return "flops_convention \"" + run.throughput.convention + "\", want model or hardware";
}

}  // namespace

bool tells_time(const PublishedRun& run) {
  return run.step || run.throughput.is_told();
}

Result<PublishedTime> published_time(const PublishedRun& run, const Workload& work,
                                     const Facts& facts) {
  AXS_ASSERT(tells_time(run));
  if (const std::string problem = impossible(run.throughput, work); !problem.empty())
    return Error{Errc::unavailable, problem};
  std::vector<ToldTime> times;
  if (run.step) times.push_back(exactly(PublishedTime::printed, *run.step));
  std::ranges::copy(ToldTimes{run, work, software_of(run.source, facts)}.all(),
                    std::back_inserter(times));
  if (times.empty()) return Error{Errc::unavailable, why_untold(run)};
  const ToldTime& first = times.front();
  const std::string problem = contradiction(times);
  if (!problem.empty()) return Error{Errc::unavailable, problem};
  // What operations tell goes with one plan; a guessed one on both sides would compare guesses.
  if (!tells_plan(run) && first.column != PublishedTime::printed && first.column != token_rate)
    return Error{Errc::unavailable, first.column + " tells a time, but tp or pp is not told"};
  return PublishedTime{first.step, first.column};
}

}  // namespace axs::plan
