#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "axs/core/result.h"
#include "axs/orbit/elements.h"

namespace axs::orbit {

/// One satellite of a file of two-line element sets.
struct ElementSet {
  std::string name;              ///< Empty where the file has no name lines.
  std::string catalogue_number;  ///< Five characters, alpha-5 numbers included.
  MeanElements elements;
};

/// What people call it: its name, or its number where it has none.
inline const std::string& name_of(const ElementSet& set) {
  return set.name.empty() ? set.catalogue_number : set.name;
}

/// Reads two-line element sets (columns as in Hoots and Roehrich, "Spacetrack Report 3", 1980, and
/// Vallado, Crawford, "SGP4 orbit determination", 2008), each with or without a line for the name
/// before it. Blank lines and carriage returns are passed over. Every number, its range and both
/// checksums are looked at. `source` is the file's name for the error, which tells the line too.
/// Any input is safe. A text without a set is an error.
Result<std::vector<ElementSet>> parse_tle(std::string_view text, std::string_view source);

}  // namespace axs::orbit
