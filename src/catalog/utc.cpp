#include "axs/catalog/utc.h"

#include <array>
#include <cstdio>

namespace axs::catalog {

namespace {

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Hinnant, "chrono-compatible
/// low-level date algorithms", days_from_civil).
constexpr std::int64_t days_from_civil(std::int64_t y, std::int64_t m, std::int64_t d) {
  y -= m <= 2;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t day_of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

constexpr std::int64_t days_in_month(std::int64_t y, std::int64_t m) {
  constexpr std::array<std::int64_t, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return m == 2 && leap ? 29 : days[static_cast<std::size_t>(m - 1)];
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The number in text[at, at + width), or -1 if a character there is no digit.
std::int64_t digits(std::string_view text, std::size_t at, std::size_t width) {
  std::int64_t value = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// Nanoseconds of ".123", or -1.
std::int64_t fraction(std::string_view text) {
  if (text.empty()) return 0;
  if (text.size() < 2 || text.size() > 10 || text[0] != '.') return -1;
  std::int64_t ns = digits(text, 1, text.size() - 1);
  for (std::size_t i = text.size(); ns >= 0 && i < 10; ++i) ns *= 10;
  return ns;
}

}  // namespace

Result<UtcTime> parse_utc(std::string_view text) {
  const Error wrong{Errc::invalid,
                    "time \"" + std::string{text} + "\", want one like 2025-10-08T12:00:00Z"};
  if (text.size() < 20 || text.back() != 'Z') return wrong;
  for (const auto& [at, mark] : {std::pair{4, '-'}, {7, '-'}, {10, 'T'}, {13, ':'}, {16, ':'}})
    if (text[static_cast<std::size_t>(at)] != mark) return wrong;
  const std::int64_t y = digits(text, 0, 4), m = digits(text, 5, 2), d = digits(text, 8, 2);
  const std::int64_t hour = digits(text, 11, 2), minute = digits(text, 14, 2),
                     second = digits(text, 17, 2);
  const std::int64_t ns = fraction(text.substr(19, text.size() - 20));
  // The difference of any two fits signed 64-bit nanoseconds, which are 292 years.
  if (y < 1950 || y > 2150 || m < 1 || m > 12 || d < 1 || d > days_in_month(y, m)) return wrong;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || ns < 0)
    return wrong;
  return UtcTime{
      (((days_from_civil(y, m, d) * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000'000 + ns};
}

std::string format_utc(UtcTime time) {
  const std::int64_t second_of_epoch =
      time.ns / 1'000'000'000 - (time.ns % 1'000'000'000 < 0 ? 1 : 0);
  std::int64_t days = second_of_epoch / 86400, second = second_of_epoch % 86400;
  if (second < 0) --days, second += 86400;
  // civil_from_days, the inverse of the above from the same source.
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const std::int64_t d = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const std::int64_t m = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t y = year_of_era + era * 400 + (m <= 2);
  std::array<char, 96> text;
  std::snprintf(text.data(), text.size(), "%04lld-%02lld-%02lldT%02lld:%02lld:%02lldZ",
                static_cast<long long>(y), static_cast<long long>(m), static_cast<long long>(d),
                static_cast<long long>(second / 3600), static_cast<long long>(second / 60 % 60),
                static_cast<long long>(second % 60));
  return text.data();
}

}  // namespace axs::catalog
