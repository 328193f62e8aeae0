#include "axs/live/underlay.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <thread>

#include "axs/core/rng.h"

namespace axs::live {
namespace {

using Datagram = std::vector<std::uint8_t>;

constexpr SiteId west{0}, east{1}, south{2};
constexpr LinkId link_id{7};

/// An agent: a UDP socket on loopback that gives up on a datagram after 10 s.
class Agent {
 public:
  Agent() : fd_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    const sockaddr_in any = address(0);
    REQUIRE(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    const timeval limit{10, 0};
    REQUIRE(setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  }
  std::uint16_t port() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    REQUIRE(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0);
    return ntohs(own.sin_port);
  }
  void send(std::uint16_t port, const Datagram& datagram) const {
    const sockaddr_in to = address(port);
    REQUIRE(sendto(fd_.get(), datagram.data(), datagram.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) == static_cast<ssize_t>(datagram.size()));
  }
  Datagram receive() const {
    Datagram datagram(65'536);
    const ssize_t n = recv(fd_.get(), datagram.data(), datagram.size(), 0);
    REQUIRE(n >= 0);
    datagram.resize(static_cast<std::size_t>(n));
    return datagram;
  }
  bool nothing_waits() const {
    char byte;
    return recv(fd_.get(), &byte, 1, MSG_DONTWAIT) < 0;
  }

 private:
  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }
  host::Fd fd_;
};

UnderlayConfig one_link(net::PipeConfig forth = {}, net::PipeConfig back = {}) {
  UnderlayConfig config;
  config.precision = Precision::ordinary;
  config.links.push_back({.id = link_id,
                          .name = "west-east",
                          .a = west,
                          .b = east,
                          .forth = {std::move(forth)},
                          .back = {std::move(back)}});
  return config;
}

/// An emulator that runs on its own thread, with an agent at either end of its only link.
class Scene {
 public:
  enum class Peers { configured, learned };

  explicit Scene(UnderlayConfig config, Peers peers = Peers::configured) {
    if (peers == Peers::configured) {
      config.links[0].a_end.peer = west_agent.port();
      config.links[0].b_end.peer = east_agent.port();
    }
    auto opened = Underlay::open(std::move(config));
    REQUIRE(opened.has_value());
    underlay_ = *std::move(opened);
    thread_ = std::thread{[this] { final_ = underlay_->run(); }};
  }
  ~Scene() { (void)finish(); }

  Underlay& underlay() { return *underlay_; }
  void send_east(const Datagram& datagram) {
    west_agent.send(underlay_->port(link_id, west), datagram);
  }
  void send_west(const Datagram& datagram) {
    east_agent.send(underlay_->port(link_id, east), datagram);
  }
  /// Waits until the emulator has taken or lost so many packets in a direction.
  DirectionStats wait_offered(std::size_t direction, std::uint64_t packets) {
    return wait_for(direction, [=](const DirectionStats& d) {
      return d.pipe.offered + d.kernel_dropped + d.no_memory >= packets;
    });
  }
  template <class Condition>
  DirectionStats wait_for(std::size_t direction, Condition condition) {
    for (;;) {
      const UnderlayStats stats = underlay_->stats();
      if (condition(stats.directions[direction])) return stats.directions[direction];
      std::this_thread::yield();
    }
  }
  UnderlayStats finish() {
    if (thread_.joinable()) {
      underlay_->stop();
      thread_.join();
    }
    return final_;
  }

  Agent west_agent, east_agent;

 private:
  std::unique_ptr<Underlay> underlay_;
  std::thread thread_;
  UnderlayStats final_;
};

Datagram random_datagram(Rng& rng, std::size_t most) {
  Datagram datagram(1 + rng.below(most));
  for (auto& byte : datagram) byte = static_cast<std::uint8_t>(rng.next());
  return datagram;
}

std::uint64_t lost(const net::PipeCounters& c) {
  return c.queue_full + c.random_loss + c.burst_loss + c.handover_loss + c.outage;
}

TEST_CASE("datagrams of every size arrive intact and in order, both ways") {
  const net::PipeConfig config{.delay = milliseconds(2),
                               .jitter = {.mean = milliseconds(1), .max = milliseconds(5)}};
  Scene scene{one_link(config, config)};
  Rng rng{1};
  std::vector<Datagram> sent;
  for (int i = 0; i < 40; ++i) sent.push_back(random_datagram(rng, 1'500));
  sent.push_back(random_datagram(rng, 60'000));
  sent.push_back(Datagram(60'000, 7));
  for (int i = 0; i < 10; ++i) sent.push_back(Datagram(1'000, static_cast<std::uint8_t>(i)));
  for (const Datagram& datagram : sent) scene.send_east(datagram);
  for (const Datagram& datagram : sent) CHECK(scene.east_agent.receive() == datagram);
  for (const Datagram& datagram : sent) scene.send_west(datagram);
  for (const Datagram& datagram : sent) CHECK(scene.west_agent.receive() == datagram);
}

TEST_CASE("an address that is not configured is learned from the latest datagram") {
  Scene scene{one_link(), Scene::Peers::learned};
  scene.send_east({1});
  (void)scene.wait_for(0, [](const DirectionStats& d) { return d.no_peer == 1; });
  scene.send_west({2});
  CHECK(scene.west_agent.receive() == Datagram{2});
  scene.send_east({3});
  CHECK(scene.east_agent.receive() == Datagram{3});

  const Agent restarted;  // The agent of the east comes back on another port.
  restarted.send(scene.underlay().port(link_id, east), {4});
  CHECK(scene.west_agent.receive() == Datagram{4});
  scene.send_east({5});
  CHECK(restarted.receive() == Datagram{5});
}

TEST_CASE("a configured address takes nothing from another") {
  Scene scene{one_link()};
  const Agent stranger;
  stranger.send(scene.underlay().port(link_id, west), {9});
  scene.send_east({1});
  CHECK(scene.east_agent.receive() == Datagram{1});
  CHECK(scene.finish().directions[0].pipe.offered == 1);
}

TEST_CASE("each direction has its own parameters") {
  Scene scene{one_link({.loss = 1})};
  for (int i = 0; i < 10; ++i) scene.send_east({1});
  const DirectionStats east_bound = scene.wait_offered(0, 10);
  CHECK(east_bound.pipe.random_loss == 10);
  scene.send_west({2});
  CHECK(scene.west_agent.receive() == Datagram{2});
  CHECK(scene.east_agent.nothing_waits());
}

TEST_CASE("a cut direction drops all until it heals; the order precedes what is sent after it") {
  Scene scene{one_link()};
  CHECK(scene.underlay().post(CutLink{link_id, west}));
  for (int i = 0; i < 10; ++i) scene.send_east({1});
  CHECK(scene.wait_offered(0, 10).pipe.outage == 10);
  scene.send_west({2});
  CHECK(scene.west_agent.receive() == Datagram{2});
  CHECK(scene.underlay().post(HealLink{link_id, std::nullopt}));
  scene.send_east({3});
  CHECK(scene.east_agent.receive() == Datagram{3});
  CHECK(scene.underlay().post(CutLink{link_id, std::nullopt}));
  scene.send_west({4});
  CHECK(scene.wait_offered(1, 2).pipe.outage == 1);
}

TEST_CASE("a cut loses the packets that are still queued") {
  // 1,000 bytes take 1,000 s: one packet is in service, the rest wait.
  Scene scene{one_link({.rate = BytesPerSecond{1}})};
  for (int i = 0; i < 5; ++i) scene.send_east(Datagram(1'000));
  CHECK(scene.wait_offered(0, 5).in_flight == 5);
  CHECK(scene.underlay().post(CutLink{link_id, std::nullopt}));
  const DirectionStats after =
      scene.wait_for(0, [](const DirectionStats& d) { return d.in_flight == 0; });
  CHECK(after.pipe.outage == 5);
  CHECK(after.pipe.delivered == 0);
}

TEST_CASE("parameters and forecasts change while it runs") {
  Scene scene{one_link()};
  CHECK(scene.underlay().post(SetPipe{link_id, west, {.loss = 1}}));
  scene.send_east({1});
  CHECK(scene.wait_offered(0, 1).pipe.random_loss == 1);
  CHECK(scene.underlay().post(SetPipe{link_id, west, {}}));
  CHECK(scene.underlay().post(
      SetForecast{link_id, std::nullopt, {{seconds(0), milliseconds(1), false, 1}}}));
  scene.send_east({1});
  CHECK(scene.wait_offered(0, 2).pipe.outage == 1);
  CHECK(scene.underlay().post(SetForecast{link_id, std::nullopt, {}}));
  scene.send_east({2});
  CHECK(scene.east_agent.receive() == Datagram{2});
}

TEST_CASE("a script needs no controller") {
  UnderlayConfig config = one_link();
  config.script = {{Instant{}, CutLink{link_id, std::nullopt}}};
  Scene scene{std::move(config)};
  scene.send_east({1});
  CHECK(scene.wait_offered(0, 1).pipe.outage == 1);
}

TEST_CASE("a corrupted packet arrives with exactly one bit flipped, and is counted") {
  Scene scene{one_link({.corruption = 1})};
  for (int i = 0; i < 20; ++i) {
    scene.send_east(Datagram(100, 0));
    const Datagram seen = scene.east_agent.receive();
    REQUIRE(seen.size() == 100);
    CHECK(std::accumulate(seen.begin(), seen.end(), 0, [](int sum, std::uint8_t byte) {
            return sum + std::popcount(byte);
          }) == 1);
  }
  CHECK(scene.finish().directions[0].pipe.corrupted == 20);
}

TEST_CASE("thousands of packets under loss: every one is accounted for") {
  Scene scene{one_link({.delay = milliseconds(1),
                        .loss = 0.1,
                        .burst = {.enter = 0.02, .leave = 0.25},
                        .corruption = 0.01})};
  constexpr std::uint64_t chunks = 100, chunk = 50;
  std::uint64_t received = 0;
  for (std::uint64_t i = 1; i <= chunks; ++i) {
    for (std::uint64_t k = 0; k < chunk; ++k) scene.send_east(Datagram(1'000));
    const DirectionStats d = scene.wait_for(0, [&](const DirectionStats& s) {
      return s.in_flight == 0 && s.pipe.offered + s.kernel_dropped == i * chunk;
    });
    for (; received < d.sent; ++received) (void)scene.east_agent.receive();
  }
  const DirectionStats d = scene.finish().directions[0];
  CHECK(scene.east_agent.nothing_waits());
  CHECK(d.pipe.offered + d.kernel_dropped == chunks * chunk);
  CHECK(d.pipe.delivered + d.pipe.corrupted + lost(d.pipe) == d.pipe.offered);
  CHECK(d.sent + d.refused == d.pipe.delivered + d.pipe.corrupted);
  CHECK(received == d.sent);
  CHECK(d.error.packets == d.pipe.delivered + d.pipe.corrupted);
  CHECK(d.pipe.random_loss > 0);
  CHECK(d.pipe.burst_loss > 0);
}

TEST_CASE("what the memory cannot hold is dropped and counted apart from the link's own losses") {
  UnderlayConfig config = one_link({.delay = seconds(1'000)});
  config.memory_bytes = 40'000;  // 20,000 for each direction
  Scene scene{std::move(config)};
  for (int i = 0; i < 30; ++i) scene.send_east(Datagram(992));
  const DirectionStats d = scene.wait_offered(0, 30);
  CHECK(d.in_flight == 20);
  CHECK(d.no_memory == 10);
  CHECK(lost(d.pipe) == 0);
}

TEST_CASE("a lost packet keeps no memory") {
  UnderlayConfig config = one_link({.loss = 1});
  config.memory_bytes = 40'000;  // 20 packets in each direction
  Scene scene{std::move(config)};
  for (int i = 0; i < 30; ++i) scene.send_east(Datagram(992));
  const DirectionStats d = scene.wait_offered(0, 30);
  CHECK(d.pipe.random_loss == 30);
  CHECK(d.no_memory == 0);
}

TEST_CASE("it ends by itself when nobody has sent for long enough") {
  UnderlayConfig config = one_link();
  config.idle_exit = milliseconds(1);
  const auto stats = run_underlay(std::move(config), {});
  REQUIRE(stats.has_value());
  CHECK(stats->ran >= milliseconds(1));
}

TEST_CASE("it ends when asked to, also before it began") {
  std::stop_source source;
  source.request_stop();
  CHECK(run_underlay(one_link(), source.get_token()).has_value());
}

TEST_CASE("the stats are JSON with every counter") {
  Scene scene{one_link()};
  scene.send_east({1});
  CHECK(scene.east_agent.receive() == Datagram{1});
  const std::string json = to_json(scene.finish());
  for (const char* key : {"\"link\": \"west-east\"", "\"delivered\": 1", "\"p99_us\"",
                          "\"scheduling\": \"ordinary\"", "\"kernel_dropped\": 0"})
    CHECK_MESSAGE(json.find(key) != std::string::npos, key, " in ", json);
}

TEST_CASE("bad input is refused with the link's name") {
  const auto refusal = [](UnderlayConfig config) {
    const auto opened = Underlay::open(std::move(config));
    REQUIRE(!opened.has_value());
    return opened.error().what;
  };
  CHECK(refusal(one_link({.loss = 2})) ==
        "link west-east: loss 2.000000, want a value from 0 to 1");
  const Agent holder;
  UnderlayConfig taken = one_link();
  taken.links[0].a_end.port = holder.port();
  CHECK(refusal(taken) == "link west-east: UDP port " + std::to_string(holder.port()) +
                              ": bind: Address already in use (EADDRINUSE)");
  UnderlayConfig loop = one_link();
  loop.links[0].b = west;
  CHECK(refusal(loop) == "link west-east: both ends at site 0, want two sites");
  UnderlayConfig script = one_link();
  script.script = {{Instant{}, CutLink{LinkId{8}, std::nullopt}}};
  CHECK(refusal(script) == "link 8: the emulator has no such link or end");
  Scene scene{one_link()};
  CHECK(!scene.underlay().post(CutLink{link_id, south}));
  CHECK(!scene.underlay().post(SetPipe{link_id, std::nullopt, {.corruption = -1}}));
}

}  // namespace
}  // namespace axs::live
