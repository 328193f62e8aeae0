#pragma once

#include <string>
#include <string_view>

namespace axs::report {

/// A whole page around its body: one file that needs nothing else, in the style of the program,
/// whose own policy forbids it the network. `title` is plain text.
std::string page(std::string_view title, std::string_view body);

}  // namespace axs::report
