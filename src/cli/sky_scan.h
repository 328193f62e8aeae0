#pragma once

#include <fmt/format.h>

#include <string>

#include "axs/cli/progress.h"
#include "axs/core/result.h"

namespace axs::cli {

/// Runs a scan of the sky to its end and shows how far it is. An error that names --duration if it
/// finds more of `what` than anyone would read.
template <class Scan>
Result<> finish(Scan& scan, Progress& progress, const std::string& duration,
                const std::string& what) {
  constexpr std::size_t found_max = 2'000'000;
  while (scan.advance()) {
    progress.show(scan.progress());
    if (scan.found() > found_max)
      return Error{Errc::invalid, fmt::format("--duration {}: more than {} {}, want a shorter one",
                                              duration, found_max, what)};
  }
  return Ok{};
}

}  // namespace axs::cli
