#include "axs/net/route_choice.h"

#include <algorithm>
#include <tuple>

namespace axs::net {

Duration latency_cost(const PathReport& path) {
  constexpr Duration worst = seconds(3600);
  if (path.loss >= 1) return worst;
  const double retries = path.loss / (1 - path.loss);
  return std::min(worst, path.rtt + 2 * path.jitter + scaled(path.rtt + 4 * path.jitter, retries));
}

std::optional<PathId> choose_backup(PathId primary, std::span<const PathReport> reports,
                                    std::span<const CandidatePath> paths) {
  std::optional<std::tuple<bool, Duration, PathId>> best;  // Shares a link, cost, number.
  for (const PathReport& report : reports) {
    if (!report.up || report.path == primary) continue;
    const bool shares = !link_disjoint(paths[primary.value], paths[report.path.value]);
    const std::tuple key{shares, latency_cost(report), report.path};
    if (!best || key < *best) best = key;
  }
  if (!best) return {};
  return std::get<PathId>(*best);
}

std::optional<PathId> cheapest(std::span<const PathReport> reports) {
  const PathReport* best = nullptr;
  for (const PathReport& report : reports)
    if (report.up && (best == nullptr || latency_cost(report) < latency_cost(*best)))
      best = &report;
  if (best == nullptr) return {};
  return best->path;
}

void FlapDamper::went_down(Instant now) {
  if (!up_) return;
  const bool again = last_down_ && now - *last_down_ <= config_.memory;
  hold_ = again ? std::min(2 * hold_, config_.period_max) : config_.period;
  last_down_ = now;
  changed_ = now;
  up_ = false;
}

void FlapDamper::went_up(Instant now) {
  if (up_) return;
  changed_ = now;
  up_ = true;
}

}  // namespace axs::net
