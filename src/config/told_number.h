#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace axs::config {

/// What people write behind a number, in plain letters, and how much that is.
struct Unit {
  std::string_view name;
  double size;
};
using Units = std::span<const Unit>;

/// What people write where they know nothing.
bool is_blank(std::string_view text);

/// Without spaces around it.
std::string_view trimmed(std::string_view text);

/// Without "about" before it, and what a bracket says after it: "~300", "128 (1M tokens)".
std::string_view without_remarks(std::string_view text);

/// A number as people write it, with thousands apart or with one of the units behind it: "1,024",
/// "2.4 s", "450k". Nothing if it is none.
std::optional<double> told_number(std::string_view text, Units units);

}  // namespace axs::config
