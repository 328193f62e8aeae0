#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "axs/cli/flag.h"
#include "axs/config/quantity.h"
#include "axs/host/signals.h"

namespace axs::cli {

/// The time in a flag --limit; `otherwise` where it was not given.
inline Result<std::optional<std::chrono::nanoseconds>> limit_of(
    const std::string& flag, std::optional<std::chrono::nanoseconds> otherwise = {}) {
  if (flag.empty()) return otherwise;
  const Duration limit = AXS_TRY(of_flag("--limit", config::parse_duration(flag)));
  return std::optional{std::chrono::nanoseconds{limit.ns}};
}

/// How long a user waits for what several searches find, one after the other. Create it before any
/// thread.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  /// Until `limit` is over, from now, or SIGINT, SIGTERM or SIGHUP comes.
  static Result<Patience> create(std::optional<std::chrono::nanoseconds> limit) {
    const auto begun = Clock::now();
    Patience patience{AXS_TRY(host::SignalFd::create())};
    if (limit) {
      patience.half_ = begun + *limit / 2;
      patience.end_ = begun + *limit;
    }
    return patience;
  }

  /// Once it is, it stays so.
  bool is_over() {
    over_ = over_ || (end_ && Clock::now() > *end_) || signals_.next();
    return over_;
  }
  /// For what leaves the other half to another search.
  bool is_half_over() { return is_over() || (half_ && Clock::now() > *half_); }

 private:
  explicit Patience(host::SignalFd signals) : signals_{std::move(signals)} {}

  host::SignalFd signals_;
  std::optional<Clock::time_point> half_, end_;
  bool over_ = false;
};

}  // namespace axs::cli
