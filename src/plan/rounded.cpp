#include "axs/plan/rounded.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "axs/core/grouped.h"

namespace axs::plan {

namespace {

/// The first `digits` that count.
std::string short_number(double number, int digits) {
  std::array<char, 32> text;
  const auto end =
      std::to_chars(text.begin(), text.end(), number, std::chars_format::general, digits);
  return {text.begin(), end.ptr};
}

}  // namespace

std::string rounded(double number) {
  const double near = std::round(number * 100) / 100;
  if (near == 0 && number != 0) return short_number(number, 2);
  std::string digits = std::to_string(near);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

std::string span_text(Seconds span) {
  constexpr double minute = 60, hour = 3600, day = 86'400, year = 365.25 * day;
  const double seconds = span.value();
  if (seconds > 0 && seconds < 1e-6) return short_number(seconds * 1e9, 3) + " ns";
  if (seconds > 0 && seconds < 1e-4) return short_number(seconds * 1e6, 3) + " us";
  if (seconds > 0 && seconds < 0.1) return short_number(seconds * 1e3, 3) + " ms";
  if (seconds < 2 * minute) return short_number(seconds, 3) + " s";
  if (seconds < 2 * hour) return short_number(seconds / minute, 3) + " min";
  if (seconds < 2 * day) return short_number(seconds / hour, 3) + " h";
  if (seconds < 2 * year) return short_number(seconds / day, 4) + " days";
  if (seconds < 100 * year) return short_number(seconds / year, 3) + " years";
  return grouped(static_cast<std::uint64_t>(seconds / year)) + " years";
}

std::string power_text(Watts power) {
  const double watts = power.value();
  if (watts < 1e3) return rounded(watts) + " W";
  if (watts < 1e6) return rounded(watts / 1e3) + " kW";
  return watts < 1e9 ? rounded(watts / 1e6) + " MW" : rounded(watts / 1e9) + " GW";
}

}  // namespace axs::plan
