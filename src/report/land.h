#pragma once

#include <string_view>
#include <vector>

#include "axs/catalog/geo.h"

namespace axs::report {

/// The outlines of land in the text of assets.h, a closed ring each.
std::vector<std::vector<catalog::GeoPoint>> land_outlines(std::string_view rings);

}  // namespace axs::report
