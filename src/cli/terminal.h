#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace axs::cli {

enum class Colour { plain, red, green, yellow, dim };

/// `text` in a colour where `stream` is a terminal that wants colours (NO_COLOR is unset), else
/// unchanged.
std::string coloured(std::string_view text, Colour colour, std::FILE* stream);

/// One line on standard error: "axs: <sentence>".
void print_error(std::string_view sentence);

}  // namespace axs::cli
