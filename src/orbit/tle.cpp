#include "axs/orbit/tle.h"

#include <charconv>
#include <optional>

namespace axs::orbit {

namespace {

constexpr std::size_t line_length = 69;
constexpr std::size_t name_length = 26;  // 24 characters, and "0 " before them in some files

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// A decimal number and nothing else.
std::optional<double> number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// " 36508-3" is 0.36508e-3: five digits behind an assumed point, then a power of ten.
std::optional<double> assumed_point(std::string_view text) {
  if (text.size() != 8 || (text[6] != '-' && text[6] != '+') || !is_digit(text[7]))
    return std::nullopt;
  if (text[0] != ' ' && text[0] != '+' && text[0] != '-') return std::nullopt;
  for (std::size_t i = 1; i < 6; ++i)
    if (!is_digit(text[i])) return std::nullopt;
  std::string decimal = text[0] == '-' ? "-0." : "0.";
  decimal.append(text.substr(1, 5))
      .append("e")
      .append(text[6] == '-' ? "-" : "")
      .push_back(text[7]);
  double value = 0;
  std::from_chars(decimal.data(), decimal.data() + decimal.size(), value);
  return value;
}

/// The sum of the digits, with 1 for a minus sign, modulo 10.
int checksum(std::string_view line) {
  int sum = 0;
  for (const char c : line.substr(0, line_length - 1))
    sum += is_digit(c) ? c - '0' : c == '-' ? 1 : 0;
  return sum % 10;
}

/// One line of the text and where it stands, for errors.
struct Line {
  std::string_view text;
  std::string_view source;
  int at = 0;

  Error wrong(std::string_view what) const {
    return {Errc::invalid,
            std::string{source} + " line " + std::to_string(at) + ": " + std::string{what}};
  }
  /// Columns are counted from 1, as the format's descriptions do.
  std::string_view columns(std::size_t first, std::size_t last) const {
    return text.substr(first - 1, last - first + 1);
  }
};

/// A number's place in a line, its name, and its range [from, to].
struct Field {
  std::size_t first;
  std::size_t last;
  std::string_view name;
  double from;
  double to;
};

Error bad_field(const Line& line, const Field& field, std::string_view want) {
  return line.wrong(std::string{field.name} + " is \"" +
                    std::string{line.columns(field.first, field.last)} + "\", want " +
                    std::string{want});
}

Result<double> read(const Line& line, const Field& field) {
  const std::optional<double> value = number(trimmed(line.columns(field.first, field.last)));
  if (!value) return bad_field(line, field, "a number");
  if (!(*value >= field.from && *value <= field.to))
    return bad_field(
        line, field,
        "it in [" + std::to_string(field.from) + ", " + std::to_string(field.to) + "]");
  return *value;
}

/// Whether the line has the length, the number in front and the checksum that it must.
Result<> check_form(const Line& line, char which) {
  if (line.text.size() < 2 || line.text[0] != which || line.text[1] != ' ')
    return line.wrong(std::string{"want line "} + which + " of an element set");
  if (line.text.size() != line_length)
    return line.wrong(std::to_string(line.text.size()) + " characters long, want 69");
  if (!is_digit(line.text.back()) || line.text.back() - '0' != checksum(line.text))
    return line.wrong(std::string{"checksum is '"} + line.text.back() + "', want " +
                      std::to_string(checksum(line.text)));
  return Ok{};
}

/// Two digits of the year and the day of the year with eight decimals, exact in nanoseconds.
Result<catalog::UtcTime> read_epoch(const Line& line) {
  const double year = AXS_TRY(read(line, {19, 20, "epoch year", 0, 99}));
  const Field day{21, 32, "epoch day", 1, 366.99999999};
  AXS_TRY(read(line, day));
  const std::string_view whole = trimmed(line.columns(21, 23)), fraction = line.columns(25, 32);
  std::int64_t days = 0, ticks = 0;
  std::from_chars(whole.data(), whole.data() + whole.size(), days);
  const auto [end, error] =
      std::from_chars(fraction.data(), fraction.data() + fraction.size(), ticks);
  if (line.text[23] != '.' || error != std::errc{} || end != fraction.data() + fraction.size() ||
      ticks < 0)
    return bad_field(line, day, "it like 280.37724496");
  // 57 is the year of the first satellite.
  const int full_year = static_cast<int>(year) + (year < 57 ? 2000 : 1900);
  const auto new_year = AXS_TRY(catalog::parse_utc(std::to_string(full_year) + "-01-01T00:00:00Z"));
  return new_year + seconds(86400) * (days - 1) + nanoseconds(864'000) * ticks;
}

Result<ElementSet> read_set(std::string_view name, const Line& one, const Line& two) {
  AXS_TRY(check_form(one, '1'));
  AXS_TRY(check_form(two, '2'));
  if (one.columns(3, 7) != two.columns(3, 7))
    return two.wrong("catalogue number \"" + std::string{two.columns(3, 7)} +
                     "\", want that of line 1, \"" + std::string{one.columns(3, 7)} + "\"");
  ElementSet set{std::string{name}, std::string{one.columns(3, 7)}, {}};
  MeanElements& e = set.elements;
  e.epoch = AXS_TRY(read_epoch(one));
  const std::optional<double> bstar = assumed_point(one.columns(54, 61));
  if (!bstar) return bad_field(one, {54, 61, "drag term", 0, 0}, "it like \" 36508-3\"");
  e.bstar = *bstar;
  e.inclination_deg = AXS_TRY(read(two, {9, 16, "inclination", 0, 180}));
  e.raan_deg = AXS_TRY(read(two, {18, 25, "right ascension of the node", 0, 360}));
  const Field eccentricity{27, 33, "eccentricity", 0, 9'999'999};
  for (const char c : two.columns(27, 33))
    if (!is_digit(c)) return bad_field(two, eccentricity, "seven digits");
  e.eccentricity = AXS_TRY(read(two, eccentricity)) / 1e7;
  e.perigee_deg = AXS_TRY(read(two, {35, 42, "argument of perigee", 0, 360}));
  e.mean_anomaly_deg = AXS_TRY(read(two, {44, 51, "mean anomaly", 0, 360}));
  // 18 revolutions per day would be below the ground.
  e.mean_motion = AXS_TRY(read(two, {53, 63, "mean motion", 1e-4, 18}));
  return set;
}

/// Cuts the text into its lines, without those that are blank.
std::vector<Line> lines_of(std::string_view text, std::string_view source) {
  std::vector<Line> lines;
  for (int at = 1; !text.empty(); ++at) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t last = line.find_last_not_of(" \r\t");
    if (last != std::string_view::npos) lines.push_back({line.substr(0, last + 1), source, at});
  }
  return lines;
}

/// A name may begin with "1 " too, but it is short.
bool is_name(std::string_view text) {
  return text.size() <= name_length || text.substr(0, 2) != "1 ";
}

Result<std::string_view> read_name(const Line& line) {
  if (line.text.size() > name_length) return line.wrong("want a name or line 1 of an element set");
  for (const char c : line.text)
    if (c < ' ' || c > '~') return line.wrong("a name of characters that are not printable ASCII");
  return line.text.substr(0, 2) == "0 " ? line.text.substr(2) : line.text;
}

}  // namespace

Result<std::vector<ElementSet>> parse_tle(std::string_view text, std::string_view source) {
  const std::vector<Line> lines = lines_of(text, source);
  std::vector<ElementSet> sets;
  for (std::size_t i = 0; i < lines.size(); i += 2) {
    std::string_view name;
    if (is_name(lines[i].text)) name = AXS_TRY(read_name(lines[i++]));
    if (i + 1 >= lines.size())
      return lines.back().wrong("the text ends within an element set, want both of its lines");
    sets.push_back(AXS_TRY(read_set(name, lines[i], lines[i + 1])));
  }
  if (sets.empty())
    return Error{Errc::invalid, std::string{source} + ": no element set, want at least one"};
  return sets;
}

}  // namespace axs::orbit
