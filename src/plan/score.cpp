#include "axs/plan/score.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "axs/plan/published_software.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

/// Of a cut that is guessed, and of software without a run in the fit: as wide as of accelerators
/// that were never fitted, exp(0.45). In exp(0.3) lay seven of ten runs of the second set and of
/// the third one, as they were first predicted.
constexpr double unseen_spread = 1.568;

/// Linear between the two nearest of a sorted list.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// As many bytes of a text, or some fewer: no character is cut.
std::string beginning(const std::string& text, std::size_t most) {
  std::size_t end = std::min(most, text.size());
  while (end > 0 && end < text.size() && (text[end] & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

/// The name that people give the source, or the beginning of its own.
std::string short_name(const PublishedRun& run, const Facts& facts) {
  if (run.source.find_first_not_of(' ') == std::string::npos) return "no source";
  const SoftwareFacts& software = software_of(run.source, facts);
  return software.match.empty() ? beginning(run.source, 40) : software.name;
}

/// An error if the run's columns cannot all be true. Tables round batches, but not those that they
/// cut themselves. Publications count positions, padding and embeddings or leave them out, which
/// makes a factor of 1.4 of a small model, and may count what a mixture has or what a token meets.
Result<> check_columns(const PublishedRun& run, const Workload& work) {
  constexpr double far = 2;
  ParallelPlan plan = work.plan;
  if (run.micro_batch) plan.global_batch = run.global_batch.value_or(plan.global_batch);
  AXS_TRY(check(work.shape, plan));
  const double told = run.parameters_billion.value_or(0) * 1e9;
  const double all = parameters(work.shape);
  if (told > 0 && (told > far * all || far * told < active_parameters(work.shape)))
    return Error{Errc::unavailable, "model_params_B " + rounded(told / 1e9) + ", want about the " +
                                        rounded(all / 1e9) + " of this shape"};
  return Ok{};
}

/// What software that nobody has looked at and mixtures take longer than their parts.
double unexplained_share(const PublishedRun& run, const Workload& work, const Facts& facts) {
  const double of_experts =
      work.shape.is_mixture() ? facts.software.back().unexplained_of_mixtures : 0;
  return software_of(run.source, facts).unexplained + of_experts;
}

/// The figures of the run that may be compared, or why there is none.
Result<RunScore> score_run(const PublishedRun& run, const std::string& source, const Facts& facts) {
  const std::string untold = "neither time nor memory";
  if (!run.unreadable.empty()) return Error{Errc::unavailable, run.unreadable};
  const std::string bad_time = tells_time(run) ? suspicion(run, facts, Figure::time) : untold;
  const std::string bad_memory = run.memory ? suspicion(run, facts, Figure::memory) : untold;
  if (!bad_time.empty() && !bad_memory.empty())
    return Error{Errc::unavailable, bad_time == untold ? bad_memory : bad_time};
  const Workload work = AXS_TRY(workload_of(run, facts));
  AXS_TRY(check_columns(run, work));
  RunScore score{.line = run.line, .source = source, .model = run.model, .step = {}, .memory = {}};
  if (bad_memory.empty()) score.measured_memory = run.memory;
  if (bad_time.empty()) {
    const auto time = published_time(run, work, facts);
    if (time) score.measured_step = *time;
    if (!time && !score.measured_memory) return time.error();
  }
  score.step = AXS_TRY(step_time(work, facts.calibration));
  score.step.unexplained = unexplained_share(run, work, facts) * score.step.total;
  score.step.total += score.step.unexplained;
  if (!tells_plan(run) || !work.software.fitted)
    score.step.spread = std::max(score.step.spread, unseen_spread);
  score.memory = AXS_TRY(memory_use(work, facts.calibration.memory));
  return score;
}

/// Of the runs that are alike in `zero_shot`; of all sources if none is named.
SourceScore summary(const ScoreTable& table, const std::string& source, bool zero_shot) {
  constexpr double false_fit = -0.03;
  SourceScore sum{
      .source = source.empty() ? "all" : source, .zero_shot = zero_shot, .step = {}, .memory = {}};
  const auto of_source = [&](const auto& entry) {
    return source.empty() || entry.source == source;
  };
  if (!zero_shot)
    sum.left_out = static_cast<std::size_t>(std::ranges::count_if(table.left_out, of_source));
  std::vector<double> step;
  std::vector<double> memory;
  double within = 0;
  for (const RunScore& run : table.runs) {
    if (!of_source(run) || run.step.zero_shot != zero_shot) continue;
    if (const auto measured = run.measured_step) {
      step.push_back(run.step.total / measured->step - 1);
      if (run.step.low() <= measured->step && measured->step <= run.step.high()) within += 1;
    }
    if (run.measured_memory) memory.push_back(run.memory.total / *run.measured_memory - 1);
  }
  if (!step.empty()) sum.within = within / static_cast<double>(step.size());
  sum.false_fits = static_cast<std::size_t>(
      std::ranges::count_if(memory, [](double error) { return error < false_fit; }));
  sum.step = errors_of(std::move(step));
  sum.memory = errors_of(std::move(memory));
  return sum;
}

}  // namespace

Errors errors_of(std::vector<double> relative) {
  if (relative.empty()) return {};
  Errors errors{.count = relative.size(),
                .mean = mean(relative),
                .lowest = *std::ranges::min_element(relative)};
  for (double& error : relative) error = std::abs(error);
  std::ranges::sort(relative);
  errors.mean_size = mean(relative);
  errors.median_size = quantile(relative, 0.5);
  errors.p90_size = quantile(relative, 0.9);
  return errors;
}

ScoreTable score(const std::vector<PublishedRun>& runs, const Facts& facts) {
  ScoreTable table;
  std::vector<std::string> sources;
  for (const PublishedRun& run : runs) {
    const std::string source = short_name(run, facts);
    if (std::ranges::find(sources, source) == sources.end()) sources.push_back(source);
    auto scored = score_run(run, source, facts);
    if (scored)
      table.runs.push_back(*std::move(scored));
    else
      table.left_out.push_back({run.line, source, scored.error().what});
  }
  for (const bool zero_shot : {false, true}) {
    const std::size_t before = table.sources.size();
    for (const std::string& source : sources) {
      const SourceScore sum = summary(table, source, zero_shot);
      if (sum.step.count + sum.memory.count + sum.left_out > 0) table.sources.push_back(sum);
    }
    if (!zero_shot || table.sources.size() > before)
      table.sources.push_back(summary(table, "", zero_shot));
  }
  return table;
}

}  // namespace axs::plan
