#include "axs/config/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "axs/config/text_file.h"

namespace axs::config {

namespace {

constexpr std::uint64_t file_max = 256u << 20;
constexpr std::string_view header = "t_ms,mbit_per_s";
constexpr Duration delay_step = milliseconds(10);
constexpr double delay_max_ms = 60'000;
constexpr double rate_max_mbps = 1e6;
constexpr std::int64_t time_max_ms = 86'400'000;
/// Each of its milliseconds takes memory, whatever the file says of it.
constexpr std::int64_t mahimahi_max_ms = 3'600'000;
constexpr std::int64_t opportunity_bytes = 1'500;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// The lines of a text that say something, with their numbers.
class Lines {
 public:
  Lines(std::string_view text, const std::string& file) : rest_{text}, file_{file} {}

  std::optional<std::string_view> next() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      const std::string_view line = trimmed(rest_.substr(0, end));
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (!line.empty()) return seen_ = line;
    }
    return std::nullopt;
  }
  Error wrong(std::string_view wanted) const {
    const bool tail = seen_.size() > 40;
    return {Errc::invalid, fmt::format("{}:{}: \"{}{}\", want {}", file_, number_,
                                       seen_.substr(0, 40), tail ? "..." : "", wanted)};
  }
  Error empty(std::string_view wanted) const {
    return {Errc::invalid, fmt::format("{}: no line with a number, want {}", file_, wanted)};
  }

 private:
  std::string_view rest_;
  const std::string& file_;
  std::string_view seen_;
  std::size_t number_ = 0;
};

template <class Number>
std::optional<Number> number_in(std::string_view text, Number most) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = problem == std::errc{} && end == text.data() + text.size();
  if (!whole || !(value >= 0 && value <= most)) return std::nullopt;
  return value;
}

Result<net::CapacityTrace> parse_rates(Lines& lines) {
  constexpr std::string_view wanted = "a time in ms, a comma and a rate from 0 to 1000000 Mb/s";
  constexpr std::string_view steps = "equal steps from time 0 on";
  net::CapacityTrace trace;
  std::optional<std::int64_t> step;
  while (const auto line = lines.next()) {
    const auto comma = line->find(',');
    if (comma == line->npos) return lines.wrong(wanted);
    const auto at = number_in<std::int64_t>(trimmed(line->substr(0, comma)), time_max_ms);
    const auto rate = number_in<double>(trimmed(line->substr(comma + 1)), rate_max_mbps);
    if (!at || !rate) return lines.wrong(wanted);
    const auto count = static_cast<std::int64_t>(trace.bytes_per_second.size());
    if (count == 1) step = *at;
    if (count == 0 ? *at != 0 : *step == 0 || *at != count * *step) return lines.wrong(steps);
    trace.bytes_per_second.push_back(static_cast<std::int64_t>(*rate * 1e6 / 8 + 0.5));
  }
  if (!step) return lines.empty("two lines or more below the header");
  trace.step = milliseconds(*step);
  return trace;
}

Result<net::CapacityTrace> parse_opportunities(Lines& lines, std::string_view first) {
  constexpr std::string_view wanted =
      "the header t_ms,mbit_per_s, or a whole number of milliseconds, at most an hour and no less "
      "than the one before";
  net::CapacityTrace trace{.step = milliseconds(1), .bytes_per_second = {}};
  std::vector<std::int64_t>& rates = trace.bytes_per_second;
  for (std::optional line{first}; line; line = lines.next()) {
    const auto at = number_in<std::int64_t>(*line, mahimahi_max_ms);
    // What may leave at the end of a millisecond was carried during it.
    const std::size_t place = at && *at > 0 ? static_cast<std::size_t>(*at) - 1 : 0;
    if (!at || place + 1 < rates.size()) return lines.wrong(wanted);
    rates.resize(place + 1);
    rates[place] += opportunity_bytes * 1'000;
  }
  return trace;
}

}  // namespace

Result<net::DelayTrace> parse_delay_trace(std::string_view text, const std::string& file) {
  constexpr std::string_view wanted = "a delay from 0 to 60000 ms";
  Lines lines{text, file};
  net::DelayTrace trace{.step = delay_step, .one_way = {}};
  while (const auto line = lines.next()) {
    const auto ms = number_in<double>(*line, delay_max_ms);
    if (!ms) return lines.wrong(wanted);
    trace.one_way.push_back(from_seconds(*ms / 1e3));
  }
  if (trace.one_way.empty()) return lines.empty(wanted);
  return trace;
}

Result<net::CapacityTrace> parse_capacity_trace(std::string_view text, const std::string& file) {
  Lines lines{text, file};
  const auto first = lines.next();
  if (!first) return lines.empty("a capacity");
  auto trace = AXS_TRY(*first == header ? parse_rates(lines) : parse_opportunities(lines, *first));
  AXS_TRY(net::validate(trace, file));
  return trace;
}

Result<net::DelayTrace> read_delay_trace(const std::string& file) {
  return parse_delay_trace(AXS_TRY(read_text_file(file, "delay trace", file_max)), file);
}

Result<net::CapacityTrace> read_capacity_trace(const std::string& file) {
  return parse_capacity_trace(AXS_TRY(read_text_file(file, "capacity trace", file_max)), file);
}

}  // namespace axs::config
