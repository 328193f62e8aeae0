#include "axs/config/training_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>

#include "axs/config/text_file.h"
#include "axs/plan/names.h"

namespace axs::config {

namespace {

using plan::PublishedRun;

constexpr std::uint64_t file_max = 64u << 20;
constexpr double gibibyte = 1073741824.0;
constexpr std::uint32_t whole_max = 1u << 24;
/// Of a run: notes are some sentences.
constexpr std::size_t record_max = 64u << 10;

/// The records of a text with their first lines. A quoted cell may have commas, quotes and line
/// ends.
class Records {
 public:
  Records(std::string_view text, const std::string& file) : rest_{text}, file_{file} {}

  /// False: there are no more.
  Result<bool> next(std::vector<std::string>& cells) {
    cells.clear();
    first_line_ = line_;
    least_rest_ = rest_.size() - std::min(rest_.size(), record_max);
    if (rest_.empty()) return false;
    while (!take_cell(cells.emplace_back())) {
    }
    if (!problem_.empty())
      return Error{Errc::invalid, fmt::format("{}:{}: {}", file_, first_line_, problem_)};
    return true;
  }
  std::uint32_t line() const { return first_line_; }

 private:
  /// True at the end of the record.
  bool take_cell(std::string& cell) {
    bool quoted = false;
    while (rest_.size() > least_rest_) {
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
    if (!rest_.empty())
      problem_ = fmt::format("a row of over {} bytes; is a quote left open?", record_max);
    else if (quoted)
      problem_ = "a quote that nothing closes";
    return true;
  }

  std::string_view rest_;
  const std::string& file_;
  std::size_t least_rest_ = 0;  ///< where the record must have ended
  std::string problem_;         ///< why it is not whole
  std::uint32_t line_ = 1;
  std::uint32_t first_line_ = 1;
};

/// Bytes of a character in UTF-8 by its first one; 0 if that begins none.
std::size_t length_of(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte < 0xC2 || byte > 0xF4) return 0;
  return byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Whether that byte may come second: no longer form than needed, no half of a pair, none above
/// 10FFFF (RFC 3629, section 4).
bool may_follow(char first, char second) {
  const auto byte = static_cast<unsigned char>(second);
  switch (static_cast<unsigned char>(first)) {
    case 0xE0:
      return byte >= 0xA0;
    case 0xED:
      return byte < 0xA0;
    case 0xF0:
      return byte >= 0x90;
    case 0xF4:
      return byte < 0x90;
    default:
      return true;
  }
}

/// Of the characters that ISO 6429 has as commands: terminals would obey them.
bool is_control(std::string_view character) {
  const auto last = static_cast<unsigned char>(character.back());
  if (character.size() == 1) return last < 0x20 || last == 0x7F;
  return character.size() == 2 && character.front() == '\xC2' && last < 0xA0;
}

/// Ends of lines and tabs become spaces; other commands, and bytes that are no UTF-8, question
/// marks.
std::string readable(std::string_view text) {
  const auto follows = [](char c) { return (c & 0xC0) == 0x80; };
  std::string valid;
  while (!text.empty()) {
    const char first = text.front();
    const std::size_t length = length_of(first);
    const std::string_view rest = text.substr(1, std::max<std::size_t>(length, 1) - 1);
    const bool whole = length > 0 && rest.size() + 1 == length;
    const bool good = whole && std::ranges::all_of(rest, follows) &&
                      (length == 1 || may_follow(first, rest.front()));
    const std::string_view character = text.substr(0, good ? length : 1);
    const bool is_space = first == '\n' || first == '\r' || first == '\t';
    valid += is_space ? " " : !good || is_control(character) ? "?" : character;
    text.remove_prefix(character.size());
  }
  return valid;
}

/// Under the name of its column.
struct Cell {
  const std::string& column;
  const std::string& text;
};
using Set = std::function<void(PublishedRun&, const Cell&)>;

/// The first one is remembered.
void unreadable(std::string& first, const Cell& cell, std::string_view want) {
  if (first.empty())
    first = fmt::format("{} \"{}\", want {}", cell.column, readable(cell.text.substr(0, 40)), want);
}

/// What people write where they know nothing.
bool is_blank(std::string_view text) {
  constexpr std::array blank{"", "-", "--", "?", "n/a", "na", "none", "null", "unknown", "auto"};
  std::string plain;
  for (const char c : text)
    if (c != ' ') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::find(blank, plain) != blank.end();
}

/// Without spaces around it.
std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Without "about" before it, and what a bracket says after it: "~300", "128 (1M tokens)".
std::string_view without_remarks(std::string_view text) {
  text = trimmed(text);
  for (const std::string_view about : {"~", "\xE2\x89\x88"})
    if (text.starts_with(about)) text.remove_prefix(about.size());
  const std::size_t bracket = text.find(" (");
  return trimmed(bracket != std::string_view::npos && bracket > 0 && text.ends_with(')')
                     ? text.substr(0, bracket)
                     : text);
}

/// "1,024" without its comma; what is no such number as it is: "0,456" may be a fraction.
std::string without_commas(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::size_t first = text.find(',');
  bool is_counted = first >= 1 && first <= 3 && text.front() != '0';
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool separates = first <= i && (text.size() - i) % 4 == 0;
    is_counted = is_counted && (separates ? text[i] == ',' : is_digit(text[i]));
    if (!separates) digits += text[i];
  }
  return is_counted ? digits : std::string{text};
}

std::optional<double> number(std::string& problem, const Cell& cell, double least, double most,
                             std::string_view want) {
  if (is_blank(cell.text)) return std::nullopt;
  const std::string text = without_commas(without_remarks(cell.text));
  double value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most)
    return value;
  unreadable(problem, cell, want);
  return std::nullopt;
}

/// Of what is never 0. The limits keep errors of predictions readable.
std::optional<double> positive(std::string& problem, const Cell& cell) {
  return number(problem, cell, 1e-9, 1e9, "a number from 1e-9 to 1e9");
}

Set text(std::string PublishedRun::* member) {
  return [member](PublishedRun& run, const Cell& cell) { run.*member = readable(cell.text); };
}

Set whole(std::optional<std::uint32_t> PublishedRun::* member) {
  return [member](PublishedRun& run, const Cell& cell) {
    const auto value = number(run.unreadable, cell, 0, whole_max, "a number from 0 to 16777216");
    if (!value) return;
    const auto rounded = static_cast<std::uint32_t>(*value);
    if (rounded == *value)
      run.*member = rounded;
    else
      unreadable(run.unreadable, cell, "a whole number");
  };
}

/// A number of the throughput in a unit.
template <class T>
Set throughput(std::optional<T> plan::Throughput::* member, double unit) {
  return [member, unit](PublishedRun& run, const Cell& cell) {
    if (const auto value = positive(run.throughput.unreadable, cell))
      run.throughput.*member = T{*value * unit};
  };
}

/// "45", "45 %" or 0.45: no run that anybody publishes has a share below one in a hundred.
Set share(std::optional<double> plan::Throughput::* member) {
  return [member](PublishedRun& run, const Cell& cell) {
    std::string_view text = trimmed(cell.text);
    const bool is_percent = text.ends_with('%');
    if (is_percent) text = trimmed(text.substr(0, text.size() - 1));
    const std::string plain{text};
    const auto value = positive(run.throughput.unreadable, {cell.column, plain});
    if (value) run.throughput.*member = *value < 1 && !is_percent ? *value : *value * 0.01;
  };
}

/// "8K" tokens are 8,192.
void set_sequence(PublishedRun& run, const Cell& cell) {
  static const Set set = whole(&PublishedRun::sequence);
  const std::string_view text = without_remarks(cell.text);
  const bool in_kibi = text.size() > 1 && (text.ends_with('K') || text.ends_with('k'));
  const std::string bare{in_kibi ? text.substr(0, text.size() - 1) : text};
  set(run, in_kibi ? Cell{cell.column, bare} : cell);
  if (in_kibi && run.sequence) *run.sequence *= 1024;
}

/// PyTorch's FSDP cuts what ZeRO's third stage cuts, Megatron's distributed optimiser what the
/// first one does.
void set_zero_stage(PublishedRun& run, const Cell& cell) {
  static const Set set = whole(&PublishedRun::zero_stage);
  static const std::map<std::string, std::string, std::less<>> stages{
      {"fsdp", "3"},    {"fsdp2", "3"},  {"hsdp", "3"},
      {"distopt", "1"}, {"y", "1"},      {"distributedoptimizer", "1"},
      {"zero0", "0"},   {"zero1", "1"},  {"zero2", "2"},
      {"zero3", "3"},   {"stage1", "1"}, {"stage2", "2"},
      {"stage3", "3"}};
  const auto stage = stages.find(plan::plain_name(without_remarks(cell.text)));
  run.hybrid_sharding = stage != stages.end() && stage->first == "hsdp";
  set(run, stage == stages.end() ? cell : Cell{cell.column, stage->second});
}

using Columns = std::map<std::string, Set, std::less<>>;

/// That every table has.
const Columns& wanted_columns() {
  using Run = PublishedRun;
  static const Columns all{
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
      {"seq_len", set_sequence},
      {"global_batch", whole(&Run::global_batch)},
      {"micro_batch", whole(&Run::micro_batch)},
      {"n_gpus", whole(&Run::devices)},
      {"tp", whole(&Run::tensor)},
      {"pp", whole(&Run::pipeline)},
      {"dp", whole(&Run::data)},
      {"vpp", whole(&Run::virtual_stages)},
      {"ep", whole(&Run::expert)},
      {"cp", whole(&Run::context)},
      {"zero_stage", set_zero_stage},
      {"seq_parallel",
       [](Run& run, const Cell& cell) {
         constexpr std::array yes{"y", "Y", "yes", "Yes", "true", "True", "on", "1"};
         constexpr std::array no{"n", "N", "no", "No", "false", "False", "off", "0"};
         const std::string_view text = trimmed(cell.text);
         run.sequence_parallel = std::ranges::find(yes, text) != yes.end();
         if (!run.sequence_parallel && !is_blank(text) && std::ranges::find(no, text) == no.end())
           unreadable(run.unreadable, cell, "y or n");
       }},
      {"model_params_B",
       [](Run& run, const Cell& cell) {
         run.parameters_billion =
             number(run.unreadable, cell, 0, 1e9, "a number from 0 to 1000000000");
       }},
      {"step_time_s",
       [](Run& run, const Cell& cell) {
         if (const auto value = positive(run.unreadable, cell)) run.step = Seconds{*value};
       }},
      {"peak_mem_gib", [](Run& run, const Cell& cell) {
         if (const auto value = positive(run.unreadable, cell))
           run.memory = Bytes{*value * gibibyte};
       }}};
  return all;
}

/// What is wrong in these matters only where a time follows from them.
const Columns& further_columns() {
  using plan::Throughput;
  static const Columns all{{"tokens_per_s", throughput(&Throughput::tokens_per_second, 1)},
                           {"achieved_tflops_per_gpu", throughput(&Throughput::flops, 1e12)},
                           {"mfu_pct", share(&Throughput::model_share)},
                           {"hfu_pct", share(&Throughput::hardware_share)},
                           {"flops_convention", [](PublishedRun& run, const Cell& cell) {
                              run.throughput.convention = readable(cell.text);
                            }}};
  return all;
}

/// What to do with the cells of a column; nothing if nobody knows it.
Set set_of(const std::string& column) {
  for (const Columns* const columns : {&wanted_columns(), &further_columns()})
    if (const auto found = columns->find(column); found != columns->end()) return found->second;
  return {};
}

/// What to do with each cell of a record.
Result<std::vector<Set>> read_header(const std::vector<std::string>& names,
                                     const std::string& file) {
  for (const auto& [name, set] : wanted_columns())
    if (std::ranges::find(names, name) == names.end())
      return Error{Errc::invalid, fmt::format("{}:1: no column {}", file, name)};
  std::vector<Set> sets;
  for (const std::string& name : names) {
    sets.push_back(set_of(name));
    if (sets.back() && std::ranges::count(names, name) > 1)
      return Error{Errc::invalid, fmt::format("{}:1: column {} comes twice", file, name)};
  }
  return sets;
}

PublishedRun read_run(const std::vector<std::string>& names, const std::vector<Set>& sets,
                      const std::vector<std::string>& cells) {
  PublishedRun run;
  if (cells.size() != names.size())
    run.unreadable = fmt::format("{} cells, want {} as in the header", cells.size(), names.size());
  for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i)
    if (sets[i]) sets[i](run, {names[i], cells[i]});
  return run;
}

}  // namespace

Result<std::vector<PublishedRun>> parse_training_runs(std::string_view text,
                                                      const std::string& file) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // Spreadsheets begin with it.
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  Records records{text, file};
  std::vector<std::string> names;
  std::vector<std::string> cells;
  if (!AXS_TRY(records.next(names)))
    return Error{Errc::invalid, fmt::format("{}: empty, want a header and a run per line", file)};
  const std::vector<Set> sets = AXS_TRY(read_header(names, file));
  std::vector<PublishedRun> runs;
  while (AXS_TRY(records.next(cells))) {
    if (cells.size() == 1 && cells[0].empty()) continue;
    runs.push_back(read_run(names, sets, cells));
    runs.back().line = records.line();
  }
  if (runs.empty())
    return Error{Errc::invalid, fmt::format("{}: a header without runs, want one per line", file)};
  return runs;
}

Result<std::vector<PublishedRun>> read_training_runs(const std::string& file) {
  return parse_training_runs(AXS_TRY(read_text_file(file, "training runs", file_max)), file);
}

}  // namespace axs::config
