#include "axs/report/fault_outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace axs::report {
namespace {

using record::Entry;

/// A reaction that comes later is not taken for one.
constexpr double reaction_most = 30;
/// Clocks of sites are compared to within half a round trip.
constexpr double clock_error = 0.2;

class Look {
 public:
  Look(const record::History& history, double begin, double end, double zero)
      : history_{history}, begin_{begin}, end_{end}, zero_{zero} {}

  /// Calls visit(entry, fact, seconds since the fault) for each T from the fault on.
  template <class T, class Visit>
  void each(Visit&& visit) const {
    record::for_each<T>(history_, [&](const Entry& entry, const T& fact) {
      const double at = static_cast<double>(entry.at.ns) * 1e-9 - zero_;
      if (at >= begin_ - clock_error && at <= end_) visit(entry, fact, std::max(0.0, at - begin_));
    });
  }

 private:
  const record::History& history_;
  double begin_, end_, zero_;
};

std::string after_cut(const Look& look) {
  std::size_t moves = 0;
  std::optional<double> first, last;
  std::string where;
  look.each<catalog::RouteChanged>(
      [&](const Entry& entry, const catalog::RouteChanged& fact, double after) {
        if (fact.reason != "cut" || fact.traffic != "gradient") return;
        ++moves;
        if (!first) where = entry.site + " → " + fact.peer + " over " + fact.path;
        if (!first) first = after;
        last = after;
      });
  if (!first) return "no gradients went that way";
  if (moves == 1) return fmt::format("gradients moved after {:.1f} s: {}", *first, where);
  return fmt::format("gradients moved after {:.1f} to {:.1f} s, {} routes: {} and so on", *first,
                     *last, moves, where);
}

/// A round ends when the first site has merged the next sync.
std::string after_slow(const Look& look) {
  std::optional<std::pair<std::uint64_t, double>> advanced;
  double longest = 0;
  std::size_t rounds = 0;
  look.each<catalog::SyncApplied>(
      [&](const Entry&, const catalog::SyncApplied& fact, double after) {
        if (advanced && fact.sync <= advanced->first) return;
        if (advanced) longest = std::max(longest, after - advanced->second);
        if (advanced) ++rounds;
        advanced = {fact.sync, after};
      });
  if (rounds == 0) return "no round ended meanwhile";
  return fmt::format("the others went on: {} rounds, the longest of {:.2f} s", rounds, longest);
}

std::string after_kill(const Look& look) {
  std::optional<double> back, merged;
  std::string site;
  look.each<catalog::WorkerLost>([&](const Entry& entry, const auto&, double) {
    if (site.empty()) site = entry.site;
  });
  look.each<catalog::SiteStarted>([&](const Entry& entry, const auto&, double) {
    if (site.empty()) site = entry.site;
  });
  look.each<catalog::WorkerReady>([&](const Entry& entry, const auto&, double after) {
    if (!back && (site.empty() || entry.site == site)) back = after;
  });
  look.each<catalog::SyncApplied>([&](const Entry& entry, const auto&, double after) {
    if (back && !merged && after >= *back && entry.site == site) merged = after;
  });
  if (!back) return {};
  std::string text = fmt::format("back after {:.1f} s", *back);
  if (merged) text += fmt::format(", merged with the others after {:.1f} s", *merged);
  return text;
}

}  // namespace

std::string fault_outcome(const record::History& history, const FaultData& fault, double begin) {
  const double until = fault.kind == "slow" ? fault.end : fault.begin + reaction_most;
  const Look look{history, fault.begin, until, begin};
  if (fault.kind == "cut") return after_cut(look);
  if (fault.kind == "slow") return after_slow(look);
  return after_kill(look);
}

}  // namespace axs::report
