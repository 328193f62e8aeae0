#include <array>
#include <charconv>

#include "axs/fabric/story.h"
#include "axs/net/route_choice.h"

/// Why traffic was moved and what bulk was leased, in words and in numbers.
namespace axs::fabric {
namespace {

std::string decimal(double value, int digits) {
  std::array<char, 64> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits)
          .ptr;
  return {text.data(), end};
}

std::string time_text(Duration time) {
  const double s = time.seconds();
  return s < 1 ? decimal(s * 1e3, 1) + " ms" : decimal(s, 1) + " s";
}

std::string rate_text(BytesPerSecond rate) {
  return decimal(rate.value() * 8e-6, 0) + " Mb/s";
}

std::string bytes_text(std::uint64_t bytes) {
  return decimal(static_cast<double>(bytes) * 1e-6, 1) + " MB";
}

/// What there was to share out.
std::string demand_text(const net::LeaseGranted& lease) {
  const net::TrafficUse& use = lease.use;
  if (use.bulk_waiting == 0) return "no bulk waits";
  std::string text = bytes_text(use.bulk_waiting) + " of bulk wait";
  if (lease.bulk.empty()) return text + ", and no path has anything to spare";
  if (use.gradient_burst == 0) return text + "; no gradients pass";
  return text + "; gradients take " + rate_text(use.gradient_rate) + ", " +
         bytes_text(use.gradient_burst) + " of them at once";
}

std::string with_numbers(const catalog::PathSeen& seen) {
  if (seen.rtt <= Duration{}) return seen.path + " (not measured yet)";
  return seen.path + " (round trip " + time_text(seen.rtt) + ", jitter " + time_text(seen.jitter) +
         ", loss " + decimal(seen.loss * 100, 2) + " %, cost " + time_text(seen.cost) + ")";
}

std::string of_limit(const catalog::RouteGrounds& grounds) {
  if (grounds.limit <= Duration{}) return {};
  return ", of " + time_text(grounds.limit) + " asked";
}

/// In what the new path is better: bulk may have gone where there is more room, at a bounded cost.
std::string advantage(const catalog::RouteGrounds& grounds, const std::string& traffic) {
  const catalog::PathSeen &left = grounds.left, &taken = grounds.taken;
  if (traffic == enum_name(net::TrafficClass::bulk) && taken.rate > left.rate)
    return "carries " + rate_text(taken.rate) + " where " + with_numbers(left) + " carries " +
           rate_text(left.rate);
  const Duration gain = left.cost - taken.cost;
  if (gain <= Duration{}) return "is preferred to " + with_numbers(left);
  return "costs " + time_text(gain) + " less than " + with_numbers(left);
}

std::string after_cut(const catalog::RouteGrounds& grounds) {
  // An order that was meant for an earlier life of the site.
  if (grounds.left.path.empty()) return with_numbers(grounds.taken) + " is the first path it had";
  const std::string so = ", so traffic took " + with_numbers(grounds.taken);
  if (grounds.measured <= Duration{}) return grounds.left.path + " was told to be dead" + so;
  return grounds.left.path + " showed no life for " + time_text(grounds.measured) +
         ", more than its limit of " + time_text(grounds.limit) + so;
}

std::string after_recovery(const catalog::RouteGrounds& grounds, const std::string& traffic) {
  const std::string taken = with_numbers(grounds.taken);
  if (grounds.left.path.empty()) return taken + " is the first path that came up";
  const char* again = grounds.limit > Duration{} ? "again " : "";  // Else it had never died.
  return taken + " has been up " + again + "for " + time_text(grounds.measured) +
         of_limit(grounds) + ", and " + advantage(grounds, traffic);
}

std::string after_comparison(const catalog::RouteGrounds& grounds, const std::string& traffic) {
  std::string text = with_numbers(grounds.taken) + " " + advantage(grounds, traffic);
  if (grounds.limit > Duration{})
    text += ", and was the better one for " + time_text(grounds.measured) + of_limit(grounds);
  if (grounds.rule == enum_name(net::RouteReason::handover))
    text += ", since the delay of " + grounds.left.path + " jumped";
  return text;
}

catalog::PathSeen seen_path(const catalog::Scenario& scenario, const net::Topology& topology,
                            const PathBetween& between, const net::PathReport& report) {
  return {.path = path_name(scenario, topology, between),
          .up = report.up,
          .rtt = report.rtt,
          .jitter = report.jitter,
          .loss = report.loss,
          .cost = net::latency_cost(report),
          .rate = topology.paths(between.from, between.to)[between.path.value].rate};
}

catalog::RouteGrounds grounds_of(const catalog::Scenario& scenario, const net::Topology& topology,
                                 const net::RouteChanged& change) {
  catalog::RouteGrounds grounds{.rule = std::string{enum_name(change.rule.reason)},
                                .measured = change.rule.measured,
                                .limit = change.rule.limit};
  grounds.taken =
      seen_path(scenario, topology, {change.from, change.to, change.new_path}, change.new_seen);
  if (change.old_path && change.old_seen)
    grounds.left =
        seen_path(scenario, topology, {change.from, change.to, *change.old_path}, *change.old_seen);
  grounds.sentence = route_sentence(grounds, std::string{enum_name(change.traffic)},
                                    std::string{enum_name(change.reason)});
  return grounds;
}

}  // namespace

std::string route_sentence(const catalog::RouteGrounds& grounds, const std::string& traffic,
                           const std::string& reason) {
  using net::RouteReason;
  std::string text = reason == enum_name(RouteReason::order) ? "the controller ordered it: " : "";
  if (grounds.rule == enum_name(RouteReason::cut)) return text + after_cut(grounds);
  if (grounds.rule == enum_name(RouteReason::recovered))
    return text + after_recovery(grounds, traffic);
  return text + after_comparison(grounds, traffic);
}

catalog::RouteChanged route_changed(const catalog::Scenario& scenario,
                                    const net::Topology& topology,
                                    const net::RouteChanged& change) {
  const auto grounds = grounds_of(scenario, topology, change);
  return {scenario.sites[change.to.value].name, std::string{enum_name(change.traffic)},
          grounds.taken.path, std::string{enum_name(change.reason)}, grounds};
}

catalog::HandoverKept handover_kept(const catalog::Scenario& scenario,
                                    const net::Topology& topology, SiteId site,
                                    const Site::HandoverKept& kept) {
  const auto named = [&](net::PathId path) {
    return path_name(scenario, topology, {site, kept.peer, path});
  };
  return {scenario.sites[kept.peer.value].name, named(kept.hold.path),
          kept.hold.instead ? named(*kept.hold.instead) : std::string{}, kept.lasts};
}

catalog::LeaseGranted lease_granted(const catalog::Scenario& scenario,
                                    const net::Topology& topology, const net::LeaseGranted& lease) {
  catalog::LeaseGranted fact{.from = scenario.sites[lease.from.value].name,
                             .to = scenario.sites[lease.to.value].name,
                             .paths = {},
                             .lasts = lease.lasting,
                             .waiting = lease.use.bulk_waiting,
                             .gradient_rate = lease.use.gradient_rate,
                             .gradient_burst = lease.use.gradient_burst,
                             .sentence = demand_text(lease)};
  for (const net::PathShare& share : lease.bulk)
    fact.paths.push_back(
        {path_name(scenario, topology, {lease.from, lease.to, share.path}), share.rate});
  return fact;
}

catalog::LeaseLost lease_lost(const catalog::Scenario& scenario, const net::Topology& topology,
                              SiteId site, const Site::LeaseLost& lost) {
  return {scenario.sites[lost.peer.value].name,
          lost.path ? path_name(scenario, topology, {site, lost.peer, *lost.path}) : std::string{}};
}

catalog::RouteOrdered route_ordered(const catalog::Scenario& scenario,
                                    const net::Topology& topology,
                                    const net::RouteChanged& change) {
  const auto grounds = grounds_of(scenario, topology, change);
  return {scenario.sites[change.from.value].name, scenario.sites[change.to.value].name,
          std::string{enum_name(change.traffic)}, grounds.taken.path,
          std::string{enum_name(change.reason)},  grounds};
}

}  // namespace axs::fabric
