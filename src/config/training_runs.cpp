#include "axs/config/training_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

#include "axs/config/text_file.h"

namespace axs::config {

namespace {

using plan::PublishedRun;

constexpr std::uint64_t file_max = 64u << 20;
constexpr double gibibyte = 1073741824.0;
constexpr std::uint32_t whole_max = 1u << 24;

/// The records of a text with their first lines. A quoted cell may have commas, quotes and line
/// ends.
class Records {
 public:
  explicit Records(std::string_view text) : rest_{text} {}

  bool next(std::vector<std::string>& cells) {
    cells.clear();
    first_line_ = line_;
    if (rest_.empty()) return false;
    while (!take_cell(cells.emplace_back())) {
    }
    return true;
  }
  std::uint32_t line() const { return first_line_; }

 private:
  /// True at the end of the record.
  bool take_cell(std::string& cell) {
    bool quoted = false;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\n') ++line_;
      if (c == '"' && quoted && rest_.starts_with('"')) {
        cell += c;
        rest_.remove_prefix(1);
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && c == ',') {
        return false;
      } else if (!quoted && c == '\n') {
        return true;
      } else if (quoted || c != '\r') {
        cell += c;
      }
    }
    return true;
  }

  std::string_view rest_;
  std::uint32_t line_ = 1;
  std::uint32_t first_line_ = 1;
};

using Set = std::function<void(PublishedRun&, const std::string&)>;

void unreadable(PublishedRun& run, const std::string& cell, std::string_view want) {
  if (run.unreadable.empty())
    run.unreadable = fmt::format("\"{}\", want {}", cell.substr(0, 40), want);
}

std::optional<double> number(PublishedRun& run, const std::string& cell, double most) {
  if (cell.empty()) return std::nullopt;
  double value{};
  const auto [end, problem] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (problem == std::errc{} && end == cell.data() + cell.size() && value >= 0 && value <= most)
    return value;
  unreadable(run, cell, fmt::format("a number from 0 to {:.0f}", most));
  return std::nullopt;
}

Set text(std::string PublishedRun::* member) {
  return [member](PublishedRun& run, const std::string& cell) { run.*member = cell; };
}

Set whole(std::optional<std::uint32_t> PublishedRun::* member) {
  return [member](PublishedRun& run, const std::string& cell) {
    const auto value = number(run, cell, whole_max);
    if (!value) return;
    const auto rounded = static_cast<std::uint32_t>(*value);
    if (rounded == *value)
      run.*member = rounded;
    else
      unreadable(run, cell, "a whole number");
  };
}

const std::map<std::string, Set, std::less<>>& columns() {
  using Run = PublishedRun;
  static const std::map<std::string, Set, std::less<>> all{
      {"source", text(&Run::source)},
      {"model", text(&Run::model)},
      {"gpu_type", text(&Run::accelerator)},
      {"recompute", text(&Run::recompute)},
      {"precision", text(&Run::precision)},
      {"notes", text(&Run::notes)},
      {"layers", whole(&Run::layers)},
      {"hidden", whole(&Run::hidden)},
      {"heads", whole(&Run::heads)},
      {"ffn_hidden", whole(&Run::feed_forward)},
      {"vocab", whole(&Run::vocabulary)},
      {"seq_len", whole(&Run::sequence)},
      {"global_batch", whole(&Run::global_batch)},
      {"micro_batch", whole(&Run::micro_batch)},
      {"n_gpus", whole(&Run::devices)},
      {"tp", whole(&Run::tensor)},
      {"pp", whole(&Run::pipeline)},
      {"dp", whole(&Run::data)},
      {"vpp", whole(&Run::virtual_stages)},
      {"ep", whole(&Run::expert)},
      {"cp", whole(&Run::context)},
      {"zero_stage", whole(&Run::zero_stage)},
      {"seq_parallel", [](Run& run, const auto& cell) { run.sequence_parallel = cell == "y"; }},
      {"model_params_B",
       [](Run& run, const auto& cell) { run.parameters_billion = number(run, cell, 1e9); }},
      {"step_time_s",
       [](Run& run, const auto& cell) {
         if (const auto value = number(run, cell, 1e9); value && *value > 0)
           run.step = Seconds{*value};
       }},
      {"peak_mem_gib", [](Run& run, const auto& cell) {
         if (const auto value = number(run, cell, 1e9); value && *value > 0)
           run.memory = Bytes{*value * gibibyte};
       }}};
  return all;
}

/// What to do with each cell of a record; nothing with those of other columns.
Result<std::vector<Set>> read_header(const std::vector<std::string>& names,
                                     const std::string& file) {
  std::vector<Set> sets;
  std::size_t known = 0;
  for (const std::string& name : names) {
    const auto column = columns().find(name);
    known += column != columns().end();
    sets.push_back(column == columns().end() ? Set{} : column->second);
  }
  if (known == columns().size()) return sets;
  for (const auto& [name, set] : columns())
    if (std::ranges::find(names, name) == names.end())
      return Error{Errc::invalid, fmt::format("{}:1: no column {}", file, name)};
  return Error{Errc::invalid, fmt::format("{}:1: a column comes twice", file)};
}

}  // namespace

Result<std::vector<PublishedRun>> parse_training_runs(std::string_view text,
                                                      const std::string& file) {
  Records records{text};
  std::vector<std::string> names;
  std::vector<std::string> cells;
  if (!records.next(names))
    return Error{Errc::invalid, fmt::format("{}: empty, want a header and a run per line", file)};
  const std::vector<Set> sets = AXS_TRY(read_header(names, file));
  std::vector<PublishedRun> runs;
  while (records.next(cells)) {
    if (cells.size() == 1 && cells[0].empty()) continue;
    if (cells.size() != sets.size())
      return Error{Errc::invalid, fmt::format("{}:{}: {} cells, want {} as in the header", file,
                                              records.line(), cells.size(), sets.size())};
    PublishedRun& run = runs.emplace_back();
    run.line = records.line();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (!sets[i]) continue;
      const bool readable = run.unreadable.empty();
      sets[i](run, cells[i]);
      if (readable && !run.unreadable.empty()) run.unreadable = names[i] + " " + run.unreadable;
    }
  }
  return runs;
}

Result<std::vector<PublishedRun>> read_training_runs(const std::string& file) {
  return parse_training_runs(AXS_TRY(read_text_file(file, "training runs", file_max)), file);
}

}  // namespace axs::config
