#include "axs/report/reroutes.h"

#include <fmt/format.h>

#include <algorithm>

#include "axs/report/run_time.h"

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
  const double begin = start_of(history);
  const auto add = [&](const record::Entry& entry, const catalog::RouteChanged& fact) {
    Reroute next{seconds_of(entry.at) - begin,
                 entry.site,
                 fact.peer,
                 fact.traffic,
                 fact.reason,
                 fact.grounds};
    if (next.grounds.taken.path.empty()) next.grounds.taken.path = fact.path;
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Reroute& earlier) {
      return next.at - earlier.at > at_once || same_move(earlier, next);
    });
    if (found != all.rend() && same_move(*found, next))
      found->traffic += ", " + next.traffic;
    else
      all.push_back(std::move(next));
  };
  record::for_each<catalog::RouteChanged>(history, add);
  return all;
}

std::vector<Handover> handovers(const record::History& history) {
  std::vector<Handover> all;
  const double begin = start_of(history);
  record::for_each<catalog::HandoverKept>(
      history, [&](const record::Entry& entry, const catalog::HandoverKept& fact) {
        all.push_back({seconds_of(entry.at) - begin, entry.site, fact});
      });
  return all;
}

std::string sentence(const std::vector<Handover>& handovers) {
  if (handovers.empty()) return {};
  std::size_t waited = 0;
  Duration longest;
  for (const Handover& handover : handovers) {
    if (handover.what.instead.empty()) ++waited;
    longest = std::max(longest, handover.what.lasts);
  }
  return fmt::format(
      "Gradients kept off {} planned changes of satellites, {} over another path and {} by "
      "waiting, each for at most {:.1f} ms.",
      handovers.size(), handovers.size() - waited, waited, longest.seconds() * 1e3);
}

const std::string& sentence(const Reroute& reroute) {
  return reroute.grounds.sentence.empty() ? reroute.reason : reroute.grounds.sentence;
}

}  // namespace axs::report
