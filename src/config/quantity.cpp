#include "axs/config/quantity.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>

namespace axs::config {

namespace {

/// In seconds: far beyond any run, far from the end of 64-bit nanoseconds.
constexpr double century = 3.2e9;

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array duration_units{Unit{"ns", 1e-9}, Unit{"us", 1e-6}, Unit{"µs", 1e-6},
                                    Unit{"ms", 1e-3}, Unit{"s", 1},     Unit{"min", 60},
                                    Unit{"h", 3600},  Unit{"d", 86400}};
constexpr std::array rate_units{Unit{"b/s", 0.125},  Unit{"kb/s", 125},   Unit{"Mb/s", 125e3},
                                Unit{"Gb/s", 125e6}, Unit{"Tb/s", 125e9}, Unit{"B/s", 1},
                                Unit{"kB/s", 1e3},   Unit{"MB/s", 1e6},   Unit{"GB/s", 1e9}};
constexpr std::array count_units{Unit{"", 1},    Unit{"k", 1e3}, Unit{"M", 1e6},
                                 Unit{"G", 1e9}, Unit{"B", 1e9}, Unit{"T", 1e12}};
constexpr std::array size_units{Unit{"B", 1}, Unit{"kB", 1e3}, Unit{"MB", 1e6}, Unit{"GB", 1e9},
                                Unit{"TB", 1e12}};
constexpr std::array length_units{Unit{"m", 1}, Unit{"km", 1e3}};
constexpr std::array power_units{Unit{"W", 1}, Unit{"kW", 1e3}, Unit{"MW", 1e6}, Unit{"GW", 1e9}};
constexpr std::array energy_price_units{Unit{"$/kWh", 1}, Unit{"$/MWh", 1e-3}};

struct Kind {
  std::string_view noun;
  std::string_view example;
  std::span<const Unit> units;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Result<double> parse(std::string_view text, const Kind& kind) {
  const std::string_view body = trim(text);
  double number = 0;
  const auto [end, problem] = std::from_chars(body.data(), body.data() + body.size(), number);
  const std::string_view unit = trim(body.substr(static_cast<std::size_t>(end - body.data())));
  if (problem == std::errc{} && std::isfinite(number))
    for (const Unit& known : kind.units)
      if (known.name == unit) return number * known.factor;
  std::string names;
  for (const Unit& known : kind.units)
    if (!known.name.empty()) names += (names.empty() ? "" : ", ") + std::string{known.name};
  return Error{Errc::invalid, std::string{kind.noun} + " \"" + std::string{text} +
                                  "\", want one like \"" + std::string{kind.example} +
                                  "\" (units " + names + ")"};
}

Error out_of_range(std::string_view noun, std::string_view text, std::string_view want) {
  return {Errc::invalid,
          std::string{noun} + " \"" + std::string{text} + "\", want " + std::string{want}};
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const double s = AXS_TRY(parse(text, {"duration", "30s", duration_units}));
  if (s < 0 || s > century) return out_of_range("duration", text, "0 to 100 years");
  return from_seconds(s);
}

Result<Duration> parse_offset(std::string_view text) {
  const double s = AXS_TRY(parse(text, {"offset", "-30s", duration_units}));
  if (s < -century || s > century) return out_of_range("offset", text, "at most 100 years");
  return from_seconds(s);
}

Result<BytesPerSecond> parse_rate(std::string_view text) {
  const double rate = AXS_TRY(parse(text, {"rate", "100 Mb/s", rate_units}));
  if (rate < 1 || rate > 1.25e14) return out_of_range("rate", text, "8 b/s to 1000 Tb/s");
  return BytesPerSecond{rate};
}

namespace {

/// `most` is a power of ten.
Result<std::uint64_t> parse_whole(std::string_view text, const Kind& kind, double most) {
  const double count = AXS_TRY(parse(text, kind));
  // "2.01k" is 2010, though not quite in binary.
  const double whole = std::round(count);
  if (whole < 1 || whole > most || std::abs(count - whole) > 1e-9 * whole)
    return out_of_range(kind.noun, text,
                        fmt::format("a whole number from 1 to 1e{:.0f}", std::log10(most)));
  return static_cast<std::uint64_t>(whole);
}

}  // namespace

Result<std::uint64_t> parse_count(std::string_view text) {
  return parse_whole(text, {"count", "3M", count_units}, 1e18);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  return parse_whole(text, {"size", "200 MB", size_units}, 1e15);
}

Result<Meters> parse_length(std::string_view text) {
  const double length = AXS_TRY(parse(text, {"length", "550 km", length_units}));
  if (length <= 0 || length > 1e12) return out_of_range("length", text, "more than 0");
  return Meters{length};
}

Result<Watts> parse_power(std::string_view text) {
  const double power = AXS_TRY(parse(text, {"power", "2 MW", power_units}));
  if (power <= 0 || power > 1e13) return out_of_range("power", text, "more than 0");
  return Watts{power};
}

Result<Dollars> parse_money(std::string_view text) {
  std::string_view digits = trim(text);
  if (digits.starts_with('$')) digits.remove_prefix(1);
  const auto money = parse(digits, {"money", "$2M", count_units});
  if (!money || *money < 0 || *money > 1e15)
    return Error{Errc::invalid, "money \"" + std::string{text} +
                                    "\", want one like \"$2M\" (units k, M, G, B, T)"};
  return Dollars{*money};
}

Result<double> parse_energy_price(std::string_view text) {
  const double price = AXS_TRY(parse(text, {"price of energy", "0.12 $/kWh", energy_price_units}));
  if (price < 0 || price > 1000) return out_of_range("price of energy", text, "0 to 1000 $/kWh");
  return price;
}

}  // namespace axs::config
