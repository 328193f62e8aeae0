#include "axs/fabric/route_forecast.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "axs/core/assert.h"
#include "axs/fabric/passages.h"
#include "axs/net/controller.h"

namespace axs::fabric {

namespace {

/// Agents report every second; the controller's rules speak of 10 s and more.
constexpr Duration report_every = seconds(5);
/// Until pairs have answered to each other's first choices, several times as long as a route holds.
constexpr Duration settling = seconds(200);

using Pair = std::pair<SiteId, SiteId>;

/// Both ways.
struct LinkState {
  Duration round_trip{};
  Duration jitter{};
  double arrives = 1;
  bool up = true;
};

LinkState state_of(const LinkPlan& link, Duration at) {
  LinkState state;
  for (const bool back : {false, true}) {
    const net::PipeConfig& pipe = back ? link.back : link.forth;
    const Wire wire = wire_at(link, back, at);
    state.up = state.up && wire.up;
    state.round_trip += wire.one_way + pipe.jitter.mean;
    state.jitter += pipe.jitter.mean;
    state.arrives *= 1 - pipe.loss;
  }
  return state;
}

/// By LinkId.
std::vector<LinkState> states_of(std::span<const LinkPlan> links, Duration at) {
  std::vector<LinkState> states;
  for (const LinkPlan& link : links) states.push_back(state_of(link, at));
  return states;
}

/// As monitors measure the path once they have done so for a while.
net::PathReport seen(const net::CandidatePath& path, const std::vector<LinkState>& links) {
  net::PathReport report{.path = path.id, .up = true};
  double arrives = 1;
  for (const LinkId id : path.span()) {
    const LinkState& link = links[id.value];
    report.up = report.up && link.up;
    report.rtt += link.round_trip;
    report.jitter += link.jitter;
    arrives *= link.arrives;
  }
  report.rtt_least = report.rtt;
  report.loss = 1 - arrives;
  return report;
}

std::vector<net::PathReport> seen(const std::vector<net::CandidatePath>& paths,
                                  const std::vector<LinkState>& links) {
  std::vector<net::PathReport> reports;
  for (const net::CandidatePath& path : paths) reports.push_back(seen(path, links));
  return reports;
}

/// A controller, and agents that do what it orders.
class Rehearsal {
 public:
  Rehearsal(const net::Topology& topology, const std::vector<LinkState>& at_first,
            const std::vector<net::GradientDemand>& demands)
      : topology_{topology}, controller_{{.topology = topology, .gradients = demands}} {
    for (const auto& [from, to, message] : demands)
      if (!topology.paths(from, to).empty())
        reports_[{from, to}] = {.from = from, .to = to, .token = 1, .paths = {}};
    while (now_ < Instant{} + settling) report(at_first);
  }

  /// Every agent reports once of such links, and time passes until the next reports.
  void report(const std::vector<LinkState>& links) {
    for (auto& [pair, report] : reports_) {
      ++report.sequence;
      report.paths = seen(topology_.paths(pair.first, pair.second), links);
      std::vector<net::Controller::Action> actions;
      controller_.step(now_, net::ReportReceived{report}, actions);
      for (const auto& action : actions)
        if (const auto* order = std::get_if<net::RouteOrder>(&action)) follow(*order);
    }
    now_ = now_ + report_every;
  }

  /// Where gradients go now: over the backup where the primary is down.
  void put(net::DemandLoad& load) const {
    for (const auto& [pair, report] : reports_) load.route(pair.first, pair.second, path(report));
  }
  bool has(Pair pair) const { return reports_.contains(pair); }
  std::optional<net::PathId> path(Pair pair) const { return path(reports_.at(pair)); }

 private:
  void follow(const net::RouteOrder& order) {
    net::LinkReport& report = reports_.at({order.from, order.to});
    report.applied = order.fence;
    report.routes = order.routes;
  }
  static std::optional<net::PathId> path(const net::LinkReport& report) {
    const auto& route = report.routes[static_cast<std::size_t>(net::TrafficClass::gradient)];
    if (!route) return std::nullopt;
    if (report.paths[route->primary.value].up) return route->primary;
    if (route->backup && report.paths[route->backup->value].up) return route->backup;
    return std::nullopt;
  }

  const net::Topology& topology_;
  net::Controller controller_;
  Instant now_{};
  std::map<Pair, net::LinkReport> reports_;
};

/// Its links carry what they do in the spell: the same paths by the same numbers.
net::Topology as_in_spell(const net::Topology& topology, std::span<const LinkPlan> links,
                          Duration from) {
  std::vector<net::UnderlayLink> as_then{topology.links().begin(), topology.links().end()};
  for (net::UnderlayLink& link : as_then) {
    link.rate_ab = rate_of(links[link.id.value].forth, from, from + spell);
    link.rate_ba = rate_of(links[link.id.value].back, from, from + spell);
  }
  auto made =
      net::Topology::make({topology.sites().begin(), topology.sites().end()}, std::move(as_then));
  AXS_ASSERT(made.has_value());
  return *std::move(made);
}

/// One exchange over the horizon.
class Sampler {
 public:
  Sampler(const net::Topology& topology, std::span<const LinkPlan> links,
          const PlannedExchange& exchange)
      : topology_{topology},
        links_{links},
        message_{exchange.message},
        rehearsal_{topology, states_of(links, {}),
                   net::exchange_demands(exchange.sites, exchange.message)} {}

  PairPassages sample() {
    PairPassages pairs;
    for (std::size_t i = 0; i < spells; ++i)
      for (const auto& [pair, passage] : sample(start_of(i)))
        pairs[{pair.first.value, pair.second.value}].push_back(passage);
    return pairs;
  }

 private:
  std::map<Pair, Passage> sample(Duration from) {
    net::DemandLoad load{as_in_spell(topology_, links_, from),
                         net::exchange_demands(topology_.sites(), message_)};
    std::map<Pair, MeanPassage> means;
    for (Duration at = from; at < from + spell; at += report_every) {
      const std::vector<LinkState> states = states_of(links_, at);
      rehearsal_.report(states);
      if ((at - from).ns % look_every.ns == 0) look(load, states, means);
    }
    std::map<Pair, Passage> passages;
    for (const auto& [pair, mean] : means) passages[pair] = mean.mean();
    return passages;
  }

  void look(net::DemandLoad& load, const std::vector<LinkState>& states,
            std::map<Pair, MeanPassage>& means) const {
    rehearsal_.put(load);
    for (const SiteId a : topology_.sites())
      for (const SiteId b : topology_.sites()) {
        if (!(a < b) || topology_.paths(a, b).empty()) continue;
        const Passage forth = one_way(load, {a, b}, states), back = one_way(load, {b, a}, states);
        const bool both = forth.rate > BytesPerSecond{} && back.rate > BytesPerSecond{};
        means[{a, b}].add(both ? slower(forth, back) : Passage{});
      }
  }

  Passage one_way(const net::DemandLoad& load, Pair pair,
                  const std::vector<LinkState>& states) const {
    const auto paths = seen(topology_.paths(pair.first, pair.second), states);
    const auto path = rehearsal_.has(pair) ? rehearsal_.path(pair)
                                           : load.quickest(pair.first, pair.second, paths);
    if (!path) return {};
    const Duration takes = load.transfer(pair.first, pair.second, *path);
    if (takes == Duration{}) return {};  // A link of the path carries nothing.
    return {message_ / Seconds{takes.seconds()}, Seconds{paths[path->value].rtt.seconds()}};
  }

  static Passage slower(const Passage& a, const Passage& b) {
    return {std::min(a.rate, b.rate), std::max(a.round_trip, b.round_trip)};
  }

  const net::Topology& topology_;
  std::span<const LinkPlan> links_;
  Bytes message_;
  Rehearsal rehearsal_;
};

}  // namespace

NetworkForecast route_forecast(const net::Topology& topology, std::span<const LinkPlan> links,
                               const PlannedExchange& exchange) {
  return forecast_of(Sampler{topology, links, exchange}.sample());
}

}  // namespace axs::fabric
