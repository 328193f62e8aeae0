#pragma once

#include <compare>
#include <cstdint>

namespace axs {

/// A span of time in nanoseconds. Integer, so that event order never depends on rounding.
struct Duration {
  std::int64_t ns{};
  constexpr auto operator<=>(const Duration&) const = default;
  /// For arithmetic that is not about order: rates, charts, printing.
  constexpr double seconds() const { return static_cast<double>(ns) * 1e-9; }
};

constexpr Duration nanoseconds(std::int64_t n) {
  return {n};
}
constexpr Duration microseconds(std::int64_t n) {
  return {n * 1'000};
}
constexpr Duration milliseconds(std::int64_t n) {
  return {n * 1'000'000};
}
constexpr Duration seconds(std::int64_t n) {
  return {n * 1'000'000'000};
}
/// The nearest nanosecond to `s` seconds; |s| must be below 292 years.
constexpr Duration from_seconds(double s) {
  return {static_cast<std::int64_t>(s * 1e9 + (s < 0 ? -0.5 : 0.5))};
}

constexpr Duration operator+(Duration a, Duration b) {
  return {a.ns + b.ns};
}
constexpr Duration operator-(Duration a, Duration b) {
  return {a.ns - b.ns};
}
constexpr Duration operator-(Duration a) {
  return {-a.ns};
}
constexpr Duration operator*(Duration a, std::int64_t k) {
  return {a.ns * k};
}
constexpr Duration operator*(std::int64_t k, Duration a) {
  return {a.ns * k};
}
constexpr Duration operator/(Duration a, std::int64_t k) {
  return {a.ns / k};
}
constexpr Duration& operator+=(Duration& a, Duration b) {
  return a = a + b;
}
constexpr Duration scaled(Duration a, double k) {
  return from_seconds(a.seconds() * k);
}

/// Nanoseconds since the epoch of the run, on the clock of one site. Sites share no clock: an
/// Instant never travels between them, only Durations do.
struct Instant {
  std::int64_t ns{};
  constexpr auto operator<=>(const Instant&) const = default;
};

constexpr Instant operator+(Instant at, Duration delay) {
  return {at.ns + delay.ns};
}
constexpr Instant operator-(Instant at, Duration delay) {
  return {at.ns - delay.ns};
}
constexpr Duration operator-(Instant a, Instant b) {
  return {a.ns - b.ns};
}

/// The number of the period of length `period` > 0 in which `at` lies: 0 from the epoch on, -1
/// before it.
constexpr std::int64_t period_number(Instant at, Duration period) {
  return at.ns / period.ns - (at.ns % period.ns < 0 ? 1 : 0);
}

}  // namespace axs
