#include "axs/report/reroutes.h"

#include <algorithm>

namespace axs::report {
namespace {

/// What one decision moves is noted within this time.
constexpr double at_once = 0.01;

bool same_move(const Reroute& a, const Reroute& b) {
  return b.at - a.at <= at_once && a.from == b.from && a.to == b.to && a.reason == b.reason &&
         a.grounds.left.path == b.grounds.left.path && a.grounds.taken.path == b.grounds.taken.path;
}

}  // namespace

std::vector<Reroute> reroutes(const record::History& history) {
  std::vector<Reroute> all;
  double begin = 0;
  bool begun = false;
  for (const record::Entry& entry : history.entries) {
    const double at = static_cast<double>(entry.at.ns) * 1e-9;
    if (std::holds_alternative<catalog::RunStarted>(entry.fact) && !std::exchange(begun, true))
      begin = at;
    const auto* fact = std::get_if<catalog::RouteChanged>(&entry.fact);
    if (fact == nullptr) continue;
    Reroute next{at - begin, entry.site, fact->peer, fact->traffic, fact->reason, fact->grounds};
    if (next.grounds.taken.path.empty()) next.grounds.taken.path = fact->path;
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Reroute& earlier) {
      return next.at - earlier.at > at_once || same_move(earlier, next);
    });
    if (found != all.rend() && same_move(*found, next))
      found->traffic += ", " + next.traffic;
    else
      all.push_back(std::move(next));
  }
  return all;
}

const std::string& sentence(const Reroute& reroute) {
  return reroute.grounds.sentence.empty() ? reroute.reason : reroute.grounds.sentence;
}

}  // namespace axs::report
