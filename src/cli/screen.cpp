#include "axs/cli/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace axs::cli {
namespace {

constexpr std::size_t width_unknown = 80;
/// Terminals that know mode 2026 show nothing before it ends; the others ignore it.
constexpr const char* begin_update = "\033[?2026h";
constexpr const char* end_update = "\033[?2026l";

}  // namespace

Screen::Screen(std::FILE* stream) : stream_{stream}, terminal_{isatty(fileno(stream)) == 1} {}

std::size_t Screen::width() const {
  winsize size{};
  const bool known = ioctl(fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : width_unknown;
}

void Screen::draw(const std::vector<ViewLine>& news, const std::vector<ViewLine>& block) {
  if (!terminal_) {
    std::string text;
    for (const ViewLine& line : news) text += line.text + "\n";
    return write(text);
  }
  std::string text = begin_update;
  if (const std::size_t rows = rows_of(drawn_, width())) text += fmt::format("\r\033[{}A", rows);
  drawn_.clear();
  for (const ViewLine& line : news) text += coloured(line.text, line.colour, stream_) + "\033[K\n";
  for (const ViewLine& line : block) {
    text += coloured(line.text, line.colour, stream_) + "\033[K\n";
    drawn_.push_back(columns(line.text));
  }
  write(text + "\033[J" + end_update);
}

void Screen::write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream_);
  std::fflush(stream_);
}

std::size_t rows_of(const std::vector<std::size_t>& drawn, std::size_t width) {
  std::size_t rows = 0;
  for (const std::size_t line : drawn) rows += std::max<std::size_t>(1, (line + width - 1) / width);
  return rows;
}

Glyphs glyphs_of_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale{value};
    const bool utf8 =
        locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    return utf8 ? Glyphs::unicode : Glyphs::ascii;
  }
  return Glyphs::ascii;
}

}  // namespace axs::cli
