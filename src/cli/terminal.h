#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace axs::cli {

enum class Colour { plain, red, green, yellow, dim };

/// `text` in a colour where `stream` is a terminal that wants colours (NO_COLOR is unset), else
/// unchanged.
std::string coloured(std::string_view text, Colour colour, std::FILE* stream);

/// Whether nobody will ever read what is written to that stream: it is a pipe whose reader has
/// ended, or a terminal that is gone.
bool reader_is_gone(std::FILE* stream);

/// One line on standard error: "axs: <sentence>". Nothing happens if that cannot be written.
void print_error(std::string_view sentence);

}  // namespace axs::cli
