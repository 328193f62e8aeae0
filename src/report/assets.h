#pragma once

#include <string_view>

/// The files that every report is made of, as they were when the program was built.
namespace axs::report {

std::string_view style_sheet();
std::string_view page_script();
/// Chart.js, with its licence in the first lines.
std::string_view chart_library();
/// The outlines of land, a ring per line: longitudes and latitudes in turn, in tenths of a degree.
/// Empty if the set-up did not bring them.
std::string_view land_rings();

}  // namespace axs::report
