#include "axs/cli/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>

namespace axs::cli {
namespace {

bool wants_colours(std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org
  return isatty(fileno(stream)) && (no_color == nullptr || *no_color == '\0');
}

/// The parameter of ECMA-48 "select graphic rendition".
int rendition(Colour colour) {
  switch (colour) {
    case Colour::plain:
      return 0;
    case Colour::red:
      return 31;
    case Colour::green:
      return 32;
    case Colour::yellow:
      return 33;
    case Colour::dim:
      return 2;
  }
  return 0;
}

}  // namespace

std::string coloured(std::string_view text, Colour colour, std::FILE* stream) {
  if (colour == Colour::plain || !wants_colours(stream)) return std::string{text};
  return fmt::format("\033[{}m{}\033[0m", rendition(colour), text);
}

bool reader_is_gone(std::FILE* stream) {
  pollfd polled{fileno(stream), 0, 0};  // Errors are told unasked.
  return ::poll(&polled, 1, 0) == 1 && (polled.revents & (POLLERR | POLLHUP)) != 0;
}

void print_error(std::string_view sentence) {
  const std::string line = fmt::format("{} {}\n", coloured("axs:", Colour::red, stderr), sentence);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace axs::cli
