#pragma once

#include <string>
#include <string_view>

#include "axs/report/run_data.h"

namespace axs::report {

/// The sites of a run and the links between them as an SVG element, great circles on an azimuthal
/// equidistant map whose centre lies between the sites (Snyder, Map Projections: A Working Manual,
/// USGS 1987, chapter 25). `land` is that of assets.h. Empty if no site's place is known.
std::string map_svg(const RunData& run, std::string_view land);

}  // namespace axs::report
