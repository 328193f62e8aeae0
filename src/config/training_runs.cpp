#include "axs/config/training_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "axs/config/text_file.h"
#include "axs/config/told_number.h"
#include "axs/plan/names.h"

namespace axs::config {

namespace {

using plan::PublishedRun;

constexpr std::uint64_t file_max = 64u << 20;
constexpr double gibibyte = 1073741824.0;
constexpr std::uint32_t whole_max = 1u << 24;
constexpr double kibi = 1024;
constexpr double mebi = 1024 * 1024;
constexpr std::array lengths{Unit{"k", kibi}, Unit{"m", mebi}, Unit{"tokens", 1}};
constexpr std::array billions{Unit{"b", 1}, Unit{"m", 1e-3}, Unit{"t", 1e3}};
constexpr std::array seconds{Unit{"s", 1}, Unit{"sec", 1}, Unit{"seconds", 1}, Unit{"ms", 1e-3}};
constexpr std::array token_rates{Unit{"k", 1e3}, Unit{"m", 1e6}, Unit{"tokenss", 1},
                                 Unit{"toks", 1}};
constexpr std::array teraflops{Unit{"tflops", 1}, Unit{"tflopss", 1}, Unit{"tflop", 1},
                               Unit{"pflops", 1e3}};
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

std::optional<double> number(std::string& problem, const Cell& cell, double least, double most,
                             std::string_view want, Units units = {}) {
  if (is_blank(cell.text)) return std::nullopt;
  const auto value = told_number(cell.text, units);
  if (value && *value >= least && *value <= most) return value;
  unreadable(problem, cell, want);
  return std::nullopt;
}

/// Of what is never 0. The limits keep errors of predictions readable.
std::optional<double> positive(std::string& problem, const Cell& cell, Units units = {}) {
  return number(problem, cell, 1e-9, 1e9, "a number from 1e-9 to 1e9", units);
}

Set text(std::string PublishedRun::* member) {
  return [member](PublishedRun& run, const Cell& cell) { run.*member = readable(cell.text); };
}

constexpr std::array things{Unit{"gpus", 1},  Unit{"devices", 1},   Unit{"chips", 1},
                            Unit{"seqs", 1},  Unit{"sequences", 1}, Unit{"samples", 1},
                            Unit{"layers", 1}};

Set whole(std::optional<std::uint32_t> PublishedRun::* member, Units units = things) {
  return [member, units](PublishedRun& run, const Cell& cell) {
    const auto value =
        number(run.unreadable, cell, 0, whole_max, "a number from 0 to 16777216", units);
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
Set throughput(std::optional<T> plan::Throughput::* member, double unit, Units units) {
  return [member, unit, units](PublishedRun& run, const Cell& cell) {
    if (const auto value = positive(run.throughput.unreadable, cell, units))
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

/// In sequences or, as "4M tokens", in tokens: as many sequences as these are follows when the row
/// is read.
void set_batch(PublishedRun& run, const Cell& cell) {
  static const Set set = whole(&PublishedRun::global_batch);
  constexpr std::array tokens{Unit{"m", mebi}, Unit{"mtokens", mebi}, Unit{"milliontokens", mebi},
                              Unit{"tokens", 1}};
  if (!told_number(cell.text, things)) run.batch_tokens = told_number(cell.text, tokens);
  if (!run.batch_tokens) set(run, cell);
}

/// PyTorch's FSDP cuts what ZeRO's third stage cuts, Megatron's distributed optimiser what the
/// first one does. Nothing if the words tell no stage.
std::optional<std::uint32_t> stage_in_words(const std::string& plain) {
  using plan::says;
  if (says(plain, {"hsdp", "hybridshard", "mics", "zero3", "stage3", "fsdp", "full"})) return 3;
  if (says(plain, {"zero2", "stage2", "shardgradop"})) return 2;
  if (says(plain, {"zero1", "stage1", "distopt", "distributedopti", "optimizerst"})) return 1;
  if (says(plain, {"zero0", "ddp"}) || plain == "n" || plain == "no" || plain == "false") return 0;
  return plain == "y" || plain == "yes" || plain == "true" ? std::optional{1u} : std::nullopt;
}
void set_zero_stage(PublishedRun& run, const Cell& cell) {
  static const Set set = whole(&PublishedRun::zero_stage);
  const std::string plain = plan::plain_name(cell.text);
  run.hybrid_sharding = plan::says(plain, {"hsdp", "hybridshard", "mics"});
  run.zero_stage = stage_in_words(plain);
  if (plan::says(plain, {"offload", "infinity"}))
    unreadable(run.unreadable, cell, "states on the devices");
  else if (!run.zero_stage)
    set(run, cell);
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
      {"seq_len", whole(&Run::sequence, lengths)},
      {"global_batch", set_batch},
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
             number(run.unreadable, cell, 0, 1e9, "a number from 0 to 1000000000", billions);
       }},
      {"step_time_s",
       [](Run& run, const Cell& cell) {
         if (const auto value = positive(run.unreadable, cell, seconds)) run.step = Seconds{*value};
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
  static const Columns all{
      {"tokens_per_s", throughput(&Throughput::tokens_per_second, 1, token_rates)},
      {"achieved_tflops_per_gpu", throughput(&Throughput::flops, 1e12, teraflops)},
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
  const plan::Throughput& told = run.throughput;
  if (!run.batch_tokens && !run.global_batch && run.step && told.tokens_per_second)
    run.batch_tokens = run.step->value() * *told.tokens_per_second;
  if (run.batch_tokens && run.sequence.value_or(0) > 0)
    run.global_batch = static_cast<std::uint32_t>(*run.batch_tokens / *run.sequence + 0.5);
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
