#pragma once

#include <string>

#include "axs/catalog/geo.h"
#include "axs/net/link_sla.h"

namespace axs::cli {

/// A site's place; an error names the nearest spelling.
Result<catalog::GeoPoint> link_place(const std::string& text);

/// What can be had between two places: light, fibre along a usual route, and Starlink's first
/// shell, the median over an orbit.
net::LatencyOffer latency_offer(catalog::GeoPoint from, catalog::GeoPoint to);

}  // namespace axs::cli
