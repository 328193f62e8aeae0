#include "axs/twin/dead_paths.h"

namespace axs::twin {

void DeadPaths::heard(Instant now, const Way& way, Duration most) {
  Ear& ear = ears_.try_emplace({way.from, way.to}, Ear{now, {}}).first->second;
  ear.proven += std::min(now - ear.last, most);
  ear.last = now;
  const auto found = dead_.find(way);
  if (found != dead_.end()) found->second.since = ear.proven;
}

void DeadPaths::died(const Way& way, Instant judged, std::optional<Duration> allowed) {
  dead_.try_emplace(way, Dead{judged, ears_[{way.from, way.to}].proven, allowed});
}

void DeadPaths::forget(SiteId sender) {
  std::erase_if(dead_, [&](const auto& dead) { return dead.first.from == sender; });
}

std::optional<DeadPaths::Use> DeadPaths::used(const Way& way, Duration allowed) {
  const auto found = dead_.find(way);
  if (found == dead_.end()) return std::nullopt;
  Dead& dead = found->second;
  const Duration proven = ears_[{way.from, way.to}].proven;
  if (!dead.allowed) dead = {dead.judged, proven, allowed};
  return Use{proven - dead.since, *dead.allowed};
}

}  // namespace axs::twin
