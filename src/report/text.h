#pragma once

#include <string>
#include <string_view>

/// Numbers and names as people read them.
namespace axs::report {

/// Safe inside HTML, between tags and in attributes.
std::string escaped(std::string_view text);

/// "155.4 MB": decimal units, as networks count.
std::string bytes_text(double bytes);

/// "35.8 s", "4 min 07 s", "2 h 05 min".
std::string time_text(double seconds);

/// "+3.4 %" of `measured` against `expected`; "–" if there is nothing to compare with.
std::string difference_text(double expected, double measured);

}  // namespace axs::report
