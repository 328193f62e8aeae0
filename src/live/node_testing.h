#pragma once

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "axs/fabric/link_plan.h"
#include "axs/host/loop.h"
#include "axs/live/overlay.h"
#include "axs/live/scheduling.h"
#include "axs/live/underlay.h"
#include "axs/net/path_watch.h"

/// For tests and benchmarks: the network half of an agent, in a thread of its own. Overlay, path
/// monitors and transports are the real ones; instead of training there is a stream of messages.
namespace axs::live::testing {

class Node {
 public:
  struct Config {
    const catalog::Scenario& scenario;  ///< Must outlive the node; likewise the topology.
    const net::Topology& topology;
    SiteId self;
    Credentials own;
    std::vector<AgentLink> links;
    host::RunClock clock;
    bool precise = false;  ///< Asks the kernel to run it promptly.
  };
  /// Data begins, or goes on, to leave or to arrive over this path.
  struct Turn {
    Instant at;
    net::PathId path;
  };
  struct Moved {
    Instant at;
    net::RouteChanged what;
  };

  static Result<std::unique_ptr<Node>> open(Config config) {
    auto loop = AXS_TRY(host::Loop::create(config.clock));
    std::unique_ptr<Node> node{new Node{std::move(config), std::move(loop)}};
    AXS_TRY(node->connect());
    return node;
  }
  ~Node() {
    loop_->stop();
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    thread_ = std::thread{[this] {
      if (config_.precise) (void)acquire_precise_scheduling();
      pthread_getcpuclockid(pthread_self(), &cpu_clock_);
      running_ = true;
      (void)loop_->run();
    }};
    while (!running_) std::this_thread::yield();
  }
  /// A kilobyte for `peer` every `period`; none: no more.
  void stream(SiteId peer, std::optional<Duration> period) {
    loop_->post([this, peer, period] {
      period_ = period;
      if (period) send_next(peer);
    });
  }
  /// As if other sites' traffic needed the link to `peer`, from now on.
  void need(SiteId peer, LinkId link) {
    loop_->post([this, peer, link] { keep_needed(peer, link); });
  }
  /// What a controller would order: all classes over `primary`.
  void order(SiteId peer, net::ClassRoute route) {
    loop_->post([this, peer, route] {
      net::RouteOrder order{{1, ++epoch_}, config_.self, peer, {}};
      order.routes.fill(route);
      step(peer, net::OrderReceived{order});
    });
  }

  /// Calls `look` with this node at rest, in its thread, and returns what it returns.
  template <class Look>
  auto at_rest(Look look) {
    std::promise<decltype(look(*this))> answer;
    loop_->post([&] { answer.set_value(look(*this)); });
    return answer.get_future().get();
  }
  const net::PathMonitor& monitor(SiteId peer) const { return watch_.monitor(peer); }
  bool up(SiteId peer, net::PathId path) {
    return at_rest([&](const Node& node) { return node.monitor(peer).up(path); });
  }
  std::optional<net::ClassRoute> route(SiteId peer) {
    return at_rest([&](const Node& node) { return node.monitor(peer).routes()[1]; });
  }
  std::vector<Turn> sent() { return copy(sent_); }
  std::vector<Turn> received() { return copy(received_); }
  std::vector<Moved> moves() { return copy(moves_); }
  std::uint64_t hellos_sent() const { return hellos_; }
  double processor_seconds() const {
    timespec used{};
    clock_gettime(cpu_clock_, &used);
    return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
  }

 private:
  Node(Config config, std::unique_ptr<host::Loop> loop)
      : config_{std::move(config)},
        loop_{std::move(loop)},
        watch_{{.self = config_.self, .topology = config_.topology, .token = 1}} {
    for (const SiteId peer : config_.topology.sites())
      if (peer != config_.self) transports_.emplace(peer, net::Transport{{}});
  }

  Result<> connect() {
    overlay_ = AXS_TRY(Overlay::open(
        *loop_,
        {.run = "r1",
         .self = config_.self,
         .incarnation = {1},
         .scenario = config_.scenario,
         .topology = config_.topology,
         .identity = config_.own,
         .links = config_.links},
        {.packet = [this](SiteId from, net::Packet packet, ByteView,
                          Duration waited) { receive(from, std::move(packet), waited); },
         .event = [this](const fabric::Site::Event& event) { hear(event); },
         .fact = [](const catalog::Fact&) {},
         .failed = [](const Error&) {}}));
    loop_->at(loop_->now(), [this] { wake(); });
    return Ok{};
  }

  static bool carries_data(const net::Packet& packet) {
    return std::ranges::any_of(packet.frames, [](const net::Frame& frame) {
      return std::holds_alternative<net::DataFrame>(frame);
    });
  }
  void note(std::vector<Turn>& turns, const net::Packet& packet) {
    if (!carries_data(packet) || (!turns.empty() && turns.back().path == packet.path)) return;
    const std::lock_guard lock{mutex_};
    turns.push_back({loop_->now(), packet.path});
  }
  template <class T>
  std::vector<T> copy(const std::vector<T>& log) {
    const std::lock_guard lock{mutex_};
    return log;
  }

  void receive(SiteId from, net::Packet packet, Duration waited) {
    note(received_, packet);
    step(from, net::TrafficReceived{packet.path, waited});
    transport(from, net::PacketReceived{std::move(packet), waited});
    settle();
  }
  void hear(const fabric::Site::Event& event) {
    if (const auto* hello = std::get_if<fabric::Site::PeerHello>(&event))
      step(hello->from, hello->hello);
    if (const auto* reply = std::get_if<fabric::Site::PeerHelloReply>(&event))
      step(reply->from, reply->reply);
    if (const auto* afforded = std::get_if<fabric::Site::HellosAfforded>(&event))
      watch_.afford(afforded->per_second);
    settle();
  }
  void send_next(SiteId peer) {
    if (!period_) return;
    if (transports_.at(peer).unfinished(net::TrafficClass::gradient) < 2'000)
      transport(peer, net::SendMessage{net::TrafficClass::gradient, ++messages_, 1'000});
    loop_->after(*period_, [this, peer] { send_next(peer); });
    settle();
  }
  void keep_needed(SiteId peer, LinkId link) {
    step(peer, net::LinkNeeded{link});
    loop_->after(seconds(1), [this, peer, link] { keep_needed(peer, link); });
    settle();
  }

  void wake() {
    timer_.reset();
    overlay_->catch_up();
    const Instant now = loop_->now();
    if (watch_.wakeup() && *watch_.wakeup() <= now) {
      std::vector<net::PathWatch::Action> actions;
      watch_.step(now, Wakeup{}, actions);
      perform(actions);
    }
    for (auto& [peer, held] : transports_)
      if (held.wakeup() && *held.wakeup() <= now) transport(peer, Wakeup{});
    settle();
  }
  void settle() {
    overlay_->flush();
    std::optional<Instant> next = watch_.wakeup();
    for (const auto& [peer, held] : transports_)
      if (held.wakeup() && (!next || *held.wakeup() < *next)) next = held.wakeup();
    if (timer_ && next && timer_->at == *next) return;
    if (timer_) loop_->cancel(*timer_);
    timer_.reset();
    if (next) timer_ = loop_->at(*next, [this] { wake(); });
  }

  void step(SiteId peer, const net::PathMonitor::Event& event) {
    std::vector<net::PathWatch::Action> actions;
    watch_.step(loop_->now(), {peer, event}, actions);
    perform(actions);
  }
  void perform(const std::vector<net::PathWatch::Action>& actions) {
    for (const auto& [peer, what] : actions)
      std::visit([&](const auto& action) { perform(peer, action); }, what);
  }
  void perform(SiteId peer, const net::Hello& hello) {
    ++hellos_;
    overlay_->send(peer, hello);
  }
  void perform(SiteId peer, const net::HelloReply& reply) { overlay_->send(peer, reply); }
  void perform(SiteId peer, const net::PathUp& event) { transport(peer, event); }
  void perform(SiteId peer, const net::PathDown& event) { transport(peer, event); }
  void perform(SiteId peer, const net::RouteSet& event) { transport(peer, event); }
  void perform(SiteId, const net::RouteChanged& change) {
    if (change.traffic != net::TrafficClass::gradient) return;
    const std::lock_guard lock{mutex_};
    moves_.push_back({loop_->now(), change});
  }
  template <class Other>
  void perform(SiteId, const Other&) {}

  void transport(SiteId peer, const net::Transport::Event& event) {
    std::vector<net::Transport::Action> actions;
    transports_.at(peer).step(loop_->now(), event, actions);
    for (const auto& action : actions) {
      const auto* transmit = std::get_if<net::Transmit>(&action);
      if (transmit == nullptr) continue;
      note(sent_, transmit->packet);
      watch_.sent(loop_->now(), peer, transmit->packet.path);
      ByteVector plain{static_cast<std::uint8_t>(PayloadKind::packet)};
      WireWriter{plain}.put(transmit->packet);
      plain.resize(1 + transmit->size);
      overlay_->send(peer, transmit->packet.path, plain);
    }
  }

  Config config_;
  std::unique_ptr<host::Loop> loop_;
  net::PathWatch watch_;
  std::map<SiteId, net::Transport> transports_;
  std::unique_ptr<Overlay> overlay_;
  std::optional<host::TimerId> timer_;
  std::optional<Duration> period_;
  std::uint64_t messages_ = 0;
  std::uint64_t epoch_ = 0;
  std::atomic<std::uint64_t> hellos_ = 0;
  std::mutex mutex_;  ///< Guards the next three.
  std::vector<Turn> sent_;
  std::vector<Turn> received_;
  std::vector<Moved> moves_;
  clockid_t cpu_clock_{};
  std::atomic<bool> running_ = false;
  std::thread thread_;
};

/// An emulator in a thread, and a node per site of a scenario whose links are its pipes.
class NodeNetwork {
 public:
  struct Link {
    SiteId a;
    SiteId b;
    net::PipeConfig pipe;
  };
  static Result<std::unique_ptr<NodeNetwork>> open(std::size_t sites,
                                                   const std::vector<Link>& links, bool precise) {
    std::unique_ptr<NodeNetwork> network{new NodeNetwork{sites, links}};
    UnderlayConfig underlay;
    for (std::uint32_t i = 0; i < links.size(); ++i)
      underlay.links.push_back({.id = LinkId{i},
                                .name = std::to_string(i),
                                .a = links[i].a,
                                .b = links[i].b,
                                .forth = {.pipe = links[i].pipe},
                                .back = {.pipe = links[i].pipe}});
    underlay.precision = precise ? Precision::best : Precision::ordinary;
    network->underlay_ = AXS_TRY(Underlay::open(std::move(underlay)));
    AXS_TRY(network->add_nodes(precise));
    network->emulator_ = std::thread{[held = network.get()] { (void)held->underlay_->run(); }};
    for (const auto& node : network->nodes) node->start();
    return network;
  }
  ~NodeNetwork() {
    nodes.clear();
    underlay_->stop();
    if (emulator_.joinable()) emulator_.join();
  }

  Instant now() const { return clock_.now(); }
  const net::Topology& topology() const { return topology_; }
  Result<> cut(LinkId link) { return underlay_->post(CutLink{link, {}}); }
  Result<> heal(LinkId link) { return underlay_->post(HealLink{link, {}}); }

  std::vector<std::unique_ptr<Node>> nodes;

 private:
  NodeNetwork(std::size_t sites, const std::vector<Link>& links)
      : scenario_{scenario(sites, links)}, topology_{fabric::topology_of(scenario_)} {}

  static catalog::Scenario scenario(std::size_t sites, const std::vector<Link>& links) {
    catalog::Scenario scenario;
    for (std::size_t i = 0; i < sites; ++i)
      scenario.sites.emplace_back().name = "site-" + std::to_string(i);
    for (const Link& link : links)
      scenario.links.push_back({.a = link.a,
                                .b = link.b,
                                .kind = catalog::LinkKind::wire,
                                .rate_ab = link.pipe.rate,
                                .rate_ba = link.pipe.rate,
                                .one_way = link.pipe.delay});
    return scenario;
  }
  Result<> add_nodes(bool precise) {
    const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
    const auto authority = AXS_TRY(CertificateAuthority::create("r1", now));
    for (std::uint32_t i = 0; i < scenario_.sites.size(); ++i) {
      std::vector<AgentLink> links;
      for (std::uint32_t k = 0; k < scenario_.links.size(); ++k)
        if (scenario_.links[k].a == SiteId{i} || scenario_.links[k].b == SiteId{i})
          links.push_back({LinkId{k}, {0, underlay_->port(LinkId{k}, SiteId{i})}});
      Credentials own = AXS_TRY(authority.issue_with_key(scenario_.sites[i].name, now));
      nodes.push_back(AXS_TRY(Node::open({.scenario = scenario_,
                                          .topology = topology_,
                                          .self = SiteId{i},
                                          .own = std::move(own),
                                          .links = links,
                                          .clock = clock_,
                                          .precise = precise})));
    }
    return Ok{};
  }

  catalog::Scenario scenario_;
  net::Topology topology_;
  host::RunClock clock_{Instant{}};
  std::unique_ptr<Underlay> underlay_;
  std::thread emulator_;
};

}  // namespace axs::live::testing
