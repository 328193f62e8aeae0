#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/rng.h"
#include "axs/core/wire.h"
#include "axs/net/controller.h"
#include "axs/net/path_watch.h"
#include "axs/net/pipe.h"
#include "axs/net/steered_transport.h"

/// For tests: several sites with a PathWatch each, and transports if they are to send messages,
/// links that are Pipes, a controller, and
/// clocks that agree on nothing, under one virtual time.
namespace axs::net::testing {

/// A site's clock shows offset + (1 + drift) t at true time t.
struct Clock {
  Duration offset{};
  std::int64_t drift_ppm = 0;

  Instant local(Instant t) const {
    return Instant{} + offset + Duration{t.ns + t.ns / 1'000'000 * drift_ppm};
  }
  /// The first microsecond of true time at which the clock shows at least `at`, about.
  Instant global(Instant at) const {
    const Duration shown = at - Instant{} - offset;
    return Instant{} + scaled(shown, 1e6 / static_cast<double>(1'000'000 + drift_ppm));
  }
};

struct Wire {
  UnderlayLink link;
  PipeConfig ab;
  PipeConfig ba;
};

class RoutedNetwork {
 public:
  struct Config {
    std::vector<SiteId> sites;
    std::vector<Wire> wires;
    std::vector<Clock> clocks{};  ///< By site; none: all alike.
    std::optional<SiteId> controller{};
    bool traffic = false;  ///< The sites have transports to each other.
    std::uint64_t seed = 1;
  };
  using Pair = std::pair<SiteId, SiteId>;  ///< From, to.
  struct Logged {
    Instant at;  ///< True time.
    RouteChanged what;
  };
  struct PathEvent {
    Instant at;
    SiteId from;
    SiteId to;
    PathId path;
    bool up;
  };

  explicit RoutedNetwork(const Config& config) : config_{config}, topology_{make_topology(config)} {
    Rng rng{config.seed};
    for (const Wire& wire : config.wires) {
      pipes_.emplace(std::pair{wire.link.id, wire.link.a},
                     Pipe{wire.ab, rng.fork(2 * wire.link.id.value)});
      pipes_.emplace(std::pair{wire.link.id, wire.link.b},
                     Pipe{wire.ba, rng.fork(2 * wire.link.id.value + 1)});
    }
    for (const SiteId a : config.sites) watches_.emplace(a, watch(a, 1));
    for (const SiteId a : config.sites)
      for (const SiteId b : config.sites)
        if (config.traffic && a != b)
          transports_.emplace(Pair{a, b}, SteeredTransport{Transport::Config{}});
    if (config.controller) start_controller();
  }

  const Topology& topology() const { return topology_; }
  Instant now() const { return now_; }
  const PathMonitor& monitor(SiteId from, SiteId to) const { return watches_.at(from).monitor(to); }
  ClassRoute route(SiteId from, SiteId to, TrafficClass traffic = TrafficClass::gradient) {
    const auto route = monitor(from, to).routes()[static_cast<std::size_t>(traffic)];
    return route.value_or(ClassRoute{PathId{255}, {}});
  }
  Pipe& pipe(LinkId link, SiteId from) { return pipes_.at({link, from}); }
  void cut(LinkId link) {
    for (auto& [key, pipe] : pipes_)
      if (key.first == link) pipe.cut(now_);
  }
  void heal(LinkId link) {
    for (auto& [key, pipe] : pipes_)
      if (key.first == link) pipe.heal();
  }
  void set_delay(LinkId link, Duration delay) {
    for (auto& [key, pipe] : pipes_)
      if (key.first == link) pipe.set_delay(delay);
  }
  /// The site's agent does not run; what arrives waits.
  void freeze(SiteId site) { frozen_.insert_or_assign(site, std::vector<Item>{}); }
  void thaw(SiteId site) {
    auto waiting = frozen_.extract(site);
    for (auto& item : waiting.mapped()) queue_.emplace(std::pair{now_, sequence_++}, item);
  }
  void restart(SiteId site) { watches_.insert_or_assign(site, watch(site, ++token_)); }
  void kill_controller() { controller_.reset(); }
  /// With nothing in its memory.
  void start_controller() {
    controller_.emplace(Controller::Config{.topology = topology_, .term = ++term_});
  }

  void run(Duration span) {
    const Instant until = now_ + span;
    while (step(until)) {
    }
    now_ = until;
  }
  void feed(SiteId from, SiteId to, const PathMonitor::Event& event) {
    actions_.clear();
    watches_.at(from).step(clock(from).local(now_), {to, event}, actions_);
    perform(from);
  }
  /// Packets flow from one site to the other and are heard by the other on its path.
  void feed_traffic(SiteId from, SiteId to) {
    feed(to, from, TrafficReceived{route(from, to).primary});
  }

  /// A message of so many bytes; `message` is a name of the caller's.
  void send(Pair who, TrafficClass traffic, std::uint64_t message, std::uint64_t size) {
    run_transport(who, SendMessage{traffic, message, size});
  }
  const SteeredTransport& transport(Pair who) const { return transports_.at(who); }

  struct Delivered {
    Instant at;
    Pair who;
    Deliver what;
  };
  std::vector<Delivered> delivered;
  std::vector<Logged> moves;           ///< By the agents, who carry them out.
  std::vector<Logged> controller_log;  ///< What the controller said, and why.
  std::vector<PathEvent> path_events;
  std::vector<RouteOrder> orders;
  int refused = 0;
  std::map<LinkId, std::uint64_t> hello_bytes;  ///< One way, first direction.
  std::uint64_t steps = 0;

 private:
  static constexpr std::size_t udp_and_ip = 28;
  struct Flight {
    Pair pair;  ///< From, to.
    PathId path;
    std::size_t hop = 0;
    std::variant<Hello, HelloReply, Transmit> what;
  };
  struct ReportArrives {
    LinkReport report;
  };
  struct OrderArrives {
    RouteOrder order;
  };
  using Item = std::variant<Flight, ReportArrives, OrderArrives>;

  static Topology make_topology(const Config& config) {
    std::vector<UnderlayLink> links;
    for (const Wire& wire : config.wires) links.push_back(wire.link);
    auto topology = Topology::make(config.sites, links);
    AXS_ASSERT(topology);
    return *topology;
  }
  PathWatch watch(SiteId self, std::uint64_t token) const {
    return PathWatch{{.self = self, .topology = topology_, .token = token}};
  }
  Clock clock(SiteId site) const {
    return config_.clocks.empty() ? Clock{} : config_.clocks.at(site.value);
  }

  bool step(Instant until) {
    Instant next = queue_.empty() ? Instant{INT64_MAX} : queue_.begin()->first.first;
    SiteId who{};
    bool wakes = false;
    for (const auto& [site, watch] : watches_) {
      if (frozen_.contains(site)) continue;
      const Instant at = std::max(now_, clock(site).global(*watch.wakeup()));
      if (at < next) next = at, who = site, wakes = true;
    }
    std::optional<Pair> sends;
    for (const auto& [pair, transport] : transports_) {
      if (!transport.wakeup() || frozen_.contains(pair.first)) continue;
      const Instant at = std::max(now_, clock(pair.first).global(*transport.wakeup()));
      if (at < next) next = at, sends = pair, wakes = false;
    }
    if (next > until) return false;
    now_ = next;
    ++steps;
    if (sends) return run_transport(*sends, Wakeup{}), true;
    if (wakes) return wake(who), true;
    const Item item = std::move(queue_.extract(queue_.begin()).mapped());
    std::visit([this](const auto& held) { arrive(held); }, item);
    return true;
  }
  void wake(SiteId who) {
    actions_.clear();
    PathWatch& watch = watches_.at(who);
    // The conversion between clocks may have come a nanosecond early.
    watch.step(std::max(clock(who).local(now_), *watch.wakeup()), Wakeup{}, actions_);
    perform(who);
  }

  void arrive(const Flight& flight) {
    const auto& path = topology_.paths(flight.pair.first, flight.pair.second)[flight.path.value];
    if (flight.hop < path.hops) return forward(flight, path);
    const SiteId at = flight.pair.second;
    if (frozen_.contains(at)) return frozen_.at(at).push_back(flight);
    if (const auto* hello = std::get_if<Hello>(&flight.what))
      feed(at, flight.pair.first, HelloReceived{*hello, {}});
    else if (const auto* packet = std::get_if<Transmit>(&flight.what))
      receive({at, flight.pair.first}, packet->packet);
    else
      feed(at, flight.pair.first, HelloReplyReceived{std::get<HelloReply>(flight.what), {}});
  }
  void arrive(const ReportArrives& item) {
    if (!controller_) return;
    std::vector<Controller::Action> actions;
    controller_->step(clock(*config_.controller).local(now_), ReportReceived{item.report}, actions);
    for (const auto& action : actions) {
      if (const auto* order = std::get_if<RouteOrder>(&action)) send(*order);
      if (const auto* change = std::get_if<RouteChanged>(&action))
        controller_log.push_back({now_, *change});
    }
  }
  void arrive(const OrderArrives& item) {
    const RouteOrder& order = item.order;
    const Fence before = monitor(order.from, order.to).applied();
    feed(order.from, order.to, OrderReceived{order});
    if (!config_.traffic || monitor(order.from, order.to).applied() == before) return;
    std::vector<Transport::Action> actions;
    const Pair who{order.from, order.to};
    transports_.at(who).obey(clock(who.first).local(now_), order, actions);
    perform(who, actions);
  }

  void receive(Pair who, const Packet& packet) {
    feed(who.first, who.second, TrafficReceived{packet.path});
    run_transport(who, PacketReceived{packet});
  }
  void run_transport(Pair who, const Transport::Event& event) {
    if (!config_.traffic) return;
    std::vector<Transport::Action> actions;
    SteeredTransport& transport = transports_.at(who);
    const Instant local = clock(who.first).local(now_);
    // The conversion between clocks may have come a nanosecond early.
    transport.step(
        std::holds_alternative<Wakeup>(event) ? std::max(local, *transport.wakeup()) : local, event,
        actions);
    perform(who, actions);
    if (transport.has_news()) feed(who.first, who.second, ReportWanted{});
  }
  void perform(Pair who, const std::vector<Transport::Action>& actions) {
    for (const auto& action : actions) {
      if (const auto* packet = std::get_if<Transmit>(&action))
        arrive(Flight{who, packet->packet.path, 0, *packet});
      if (const auto* whole = std::get_if<Deliver>(&action))
        delivered.push_back({now_, {who.second, who.first}, *whole});
    }
  }

  void forward(Flight flight, const CandidatePath& path) {
    SiteId at = flight.pair.first;
    for (std::size_t hop = 0; hop < flight.hop; ++hop) at = far_end(path.links[hop], at);
    const auto* packet = std::get_if<Transmit>(&flight.what);
    const std::size_t size =
        max_packet_overhead + udp_and_ip + (packet != nullptr ? packet->size : hello_size(flight));
    if (packet == nullptr) hello_bytes[path.links[flight.hop]] += size;
    const Admission fate = pipe(path.links[flight.hop], at).admit(now_, size);
    if (fate.fate != Fate::delivered) return;
    ++flight.hop;
    queue_.emplace(std::pair{fate.released_at, sequence_++}, flight);
  }
  static std::size_t hello_size(const Flight& flight) {
    const auto* hello = std::get_if<Hello>(&flight.what);
    return hello != nullptr ? to_wire(*hello).size()
                            : to_wire(std::get<HelloReply>(flight.what)).size();
  }
  SiteId far_end(LinkId link, SiteId end) const {
    for (const auto& held : topology_.links())
      if (held.id == link) return held.a == end ? held.b : held.a;
    return end;
  }

  void send(const RouteOrder& order) {
    orders.push_back(order);
    queue_.emplace(std::pair{now_ + message_delay(order.from), sequence_++}, OrderArrives{order});
  }
  /// The reliable transport of the control class, in one number.
  Duration message_delay(SiteId site) const {
    return site == *config_.controller ? microseconds(50) : milliseconds(80);
  }

  void perform(SiteId site) {
    const std::vector<PathWatch::Action> actions = actions_;
    for (const auto& [peer, what] : actions)
      std::visit([&](const auto& held) { perform(Pair{site, peer}, held); }, what);
  }
  void perform(Pair who, const Hello& hello) { arrive(Flight{who, hello.path, 0, hello}); }
  void perform(Pair who, const HelloReply& reply) { arrive(Flight{who, reply.path, 0, reply}); }
  void perform(Pair who, const LinkReport& report) {
    if (!config_.controller) return;
    LinkReport told = report;
    if (config_.traffic) transports_.at(who).describe(clock(who.first).local(now_), told);
    queue_.emplace(std::pair{now_ + message_delay(who.first), sequence_++}, ReportArrives{told});
  }
  void perform(Pair who, const PathUp& event) {
    path_events.push_back({now_, who.first, who.second, event.path, true});
    run_transport(who, event);
  }
  void perform(Pair who, const PathDown& event) {
    path_events.push_back({now_, who.first, who.second, event.path, false});
    run_transport(who, event);
  }
  void perform(Pair, const RouteChanged& change) { moves.push_back({now_, change}); }
  void perform(Pair, const OrderRefused&) { ++refused; }
  void perform(Pair who, const RouteSet& event) { run_transport(who, event); }
  void perform(Pair, const PeerUp&) {}
  void perform(Pair, const PeerDown&) {}

  Config config_;
  Topology topology_;
  std::map<std::pair<LinkId, SiteId>, Pipe> pipes_;  ///< By link and sending end.
  std::map<SiteId, PathWatch> watches_;
  std::map<Pair, SteeredTransport> transports_;
  std::optional<Controller> controller_;
  std::uint64_t term_ = 0;
  std::uint64_t token_ = 1;
  std::map<std::pair<Instant, std::uint64_t>, Item> queue_;
  std::map<SiteId, std::vector<Item>> frozen_;
  std::uint64_t sequence_ = 0;
  Instant now_{};
  std::vector<PathWatch::Action> actions_;
};

}  // namespace axs::net::testing
