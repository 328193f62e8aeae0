#include "axs/config/told_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "axs/plan/names.h"

namespace axs::config {

namespace {

constexpr std::string_view digits = "0123456789";

/// What stands between thousands: a comma, an apostrophe, a space, or a narrow or a hard one.
constexpr std::array<std::string_view, 6> separators{",",        "'", " ", "\xE2\x80\xAF",
                                                     "\xC2\xA0", "_"};

/// "1,024.5" without its comma; what is no such number as it is: "0,456" may be a fraction.
std::string without_separators(std::string_view text, std::string_view separator) {
  const std::string_view whole = text.substr(0, text.find('.'));
  const std::size_t first = whole.find(separator);
  if (first < 1 || first > 3 || text.front() == '0') return std::string{text};
  std::string joined{whole.substr(0, first)};
  for (std::string_view rest = whole.substr(first); !rest.empty();) {
    const std::string_view group = rest.substr(std::min(separator.size(), rest.size()), 3);
    const bool is_group = rest.starts_with(separator) && group.size() == 3 &&
                          group.find_first_not_of(digits) == std::string_view::npos;
    if (!is_group) return std::string{text};
    joined += group;
    rest.remove_prefix(separator.size() + group.size());
  }
  return joined + std::string{text.substr(whole.size())};
}

/// The part of a text that may be a number, up to a letter or a sign that is a unit.
std::string_view number_part(std::string_view text) {
  const std::size_t last = text.find_last_of(digits);
  return last == std::string_view::npos ? text : text.substr(0, last + 1);
}

/// Nothing: it is none of the units.
std::optional<double> size_of(std::string_view unit, Units units) {
  unit = trimmed(unit);
  if (unit.empty()) return 1;
  const std::string plain = plan::plain_name(unit);
  const auto known = std::ranges::find(units, plain, &Unit::name);
  return known == units.end() ? std::nullopt : std::optional{known->size};
}

}  // namespace

bool is_blank(std::string_view text) {
  constexpr std::array blank{"", "-", "--", "?", "n/a", "na", "none", "null", "unknown", "auto"};
  std::string plain;
  for (const char c : text)
    if (c != ' ') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::find(blank, plain) != blank.end();
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string_view without_remarks(std::string_view text) {
  text = trimmed(text);
  for (const std::string_view about : {"~", "\xE2\x89\x88"})
    if (text.starts_with(about)) text.remove_prefix(about.size());
  const std::size_t bracket = text.find(" (");
  return trimmed(bracket != std::string_view::npos && bracket > 0 && text.ends_with(')')
                     ? text.substr(0, bracket)
                     : text);
}

std::optional<double> told_number(std::string_view text, Units units) {
  const std::string_view told = without_remarks(text);
  const std::string_view part = number_part(told);
  const auto size = size_of(told.substr(part.size()), units);
  std::string plain{part};
  for (const std::string_view separator : separators) plain = without_separators(plain, separator);
  double value{};
  const char* const end = plain.data() + plain.size();
  const auto [read, error] = std::from_chars(plain.data(), end, value);
  if (!size || error != std::errc{} || read != end) return std::nullopt;
  return value * *size;
}

}  // namespace axs::config
