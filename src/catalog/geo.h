#pragma once

namespace axs::catalog {

/// A point on the WGS-84 ellipsoid, at its surface. Degrees as people write them: north and east
/// positive.
struct GeoPoint {
  double latitude_deg{};
  double longitude_deg{};

  bool operator==(const GeoPoint&) const = default;
};

}  // namespace axs::catalog
