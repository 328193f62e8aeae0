#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "axs/core/result.h"
#include "axs/core/time.h"

namespace axs::catalog {

/// A point in civil time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted. For
/// people and for orbits; order between events is Instant's business.
struct UtcTime {
  std::int64_t ns{};
  constexpr auto operator<=>(const UtcTime&) const = default;
};

constexpr UtcTime operator+(UtcTime at, Duration delay) {
  return {at.ns + delay.ns};
}
constexpr Duration operator-(UtcTime a, UtcTime b) {
  return {a.ns - b.ns};
}

/// Reads "2025-10-08T12:00:00Z", with an optional fraction of a second of up to nine digits, from
/// 1950 to 2150.
Result<UtcTime> parse_utc(std::string_view text);
/// Writes whole seconds: "2025-10-08T12:00:00Z".
std::string format_utc(UtcTime time);

}  // namespace axs::catalog
