#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "axs/cli/view.h"

namespace axs::cli {

/// Draws lines that stay, and below them a block that is redrawn in place. Where the stream is no
/// terminal, only the lines that stay are written.
class Screen {
 public:
  explicit Screen(std::FILE* stream);

  bool is_terminal() const { return terminal_; }
  /// Columns of the terminal now; it may have been resized.
  std::size_t width() const;

  /// In one write, each line over the one that was there, so that nothing flickers. What cannot be
  /// written is not shown.
  void draw(const std::vector<ViewLine>& news, const std::vector<ViewLine>& block);
  /// The block as it is stays; the next one comes below.
  void keep() { drawn_.clear(); }

 private:
  void write(const std::string& text);

  std::FILE* stream_;
  bool terminal_;
  std::vector<std::size_t> drawn_;  ///< columns of each line of the block on the screen
};

/// How many rows of a terminal with `width` columns the lines of a block take: it wraps those that
/// have become too long for it.
std::size_t rows_of(const std::vector<std::size_t>& drawn, std::size_t width);

/// Whether the environment's locale speaks UTF-8.
Glyphs glyphs_of_locale();

}  // namespace axs::cli
