#include "axs/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace axs::cli {
namespace {

constexpr int bar_width = 24;

}  // namespace

Progress::Progress(std::string what)
    : what_{std::move(what)}, wanted_{isatty(STDERR_FILENO) != 0} {}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r\033[K");
}

void Progress::show(double share, const std::string& where) {
  const auto now = Clock::now();
  if (!wanted_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  shown_ = true;
  share = std::clamp(share, 1e-6, 1.0);
  const double past = std::chrono::duration<double>(now - begun_).count();
  const int filled = static_cast<int>(share * bar_width);
  fmt::print(stderr, "\r\033[K{} [{:#<{}}{:.<{}}] {:3.0f} %, {}{:.0f} s left", what_, "", filled,
             "", bar_width - filled, share * 100, where.empty() ? "" : where + ", ",
             past * (1 - share) / share);
  std::fflush(stderr);
}

}  // namespace axs::cli
