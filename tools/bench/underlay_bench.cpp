// underlay_bench scenario|gigabit|peak|tun: puts load on the underlay emulator and prints how late
// it released packets and what it cost. The first three hold two processor hogs at nice 15, one per
// core, as the workers of a job would be.

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <ctime>
#include <string_view>
#include <thread>

#include "axs/core/enums.h"
#include "axs/live/datagram_socket.h"
#include "axs/live/underlay.h"
#include "axs/net/link_presets.h"

namespace {

using namespace axs;
using namespace axs::live;

constexpr std::size_t packet_bytes = 1'472;
constexpr std::size_t burst_max = 44;  // What fits into one send with segmentation offload.

/// Two children that compute until they are killed; they die with us.
class Hogs {
 public:
  Hogs() {
    for (pid_t& hog : hogs_) {
      hog = fork();
      if (hog == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpriority(PRIO_PROCESS, 0, 15);
        for (;;) __asm__ volatile("");
      }
    }
  }
  ~Hogs() {
    for (const pid_t hog : hogs_) {
      kill(hog, SIGKILL);
      waitpid(hog, nullptr, 0);
    }
  }

 private:
  std::array<pid_t, 2> hogs_{};
};

/// An agent that sends at a rate, in bursts once a millisecond, and throws away what it gets.
class Agent {
 public:
  Agent() : socket_{*DatagramSocket::open({}, "underlay_bench")} {}
  std::uint16_t port() const { return socket_.local().port; }
  void send(std::uint16_t port, std::size_t packets) {
    while (packets > 0) {
      const std::size_t n = std::min(packets, burst_max);
      const auto burst = std::span{data_}.first(n * packet_bytes);
      (void)socket_.send({.port = port}, net::Train{burst, packet_bytes});
      packets -= n;
    }
  }
  void drain(DatagramBuffer& sink) {
    do socket_.receive(sink);
    while (!sink.datagrams.empty());
  }

 private:
  DatagramSocket socket_;
  std::array<std::uint8_t, burst_max * packet_bytes> data_{};
};

struct Scene {
  std::string_view name;
  std::size_t sites = 2;
  double link_bits_per_second{};
  double offered_bits_per_second{};  // Into each direction.
  Duration delay{};
  Duration p99_wanted{};
};

/// Both ends of a link.
struct Ends {
  LinkId link;
  SiteId sites[2];
  Agent agents[2];
};

UnderlayConfig mesh(const Scene& scene, std::vector<Ends>& ends) {
  UnderlayConfig config;
  for (std::uint32_t a = 0; a < scene.sites; ++a)
    for (std::uint32_t b = a + 1; b < scene.sites; ++b) {
      Ends& both = ends.emplace_back();
      both.link = LinkId{static_cast<std::uint32_t>(ends.size())};
      both.sites[0] = SiteId{a};
      both.sites[1] = SiteId{b};
      const Duration delay = scene.delay + milliseconds(7 * both.link.value);
      const net::PipeConfig pipe = net::fibre(delay, bits_per_second(scene.link_bits_per_second));
      config.links.push_back({.id = both.link,
                              .name = fmt::format("{}-{}", a, b),
                              .a = both.sites[0],
                              .b = both.sites[1],
                              .forth = {pipe},
                              .back = {pipe},
                              .a_end = {.peer = both.agents[0].port()},
                              .b_end = {.peer = both.agents[1].port()}});
    }
  return config;
}

/// Sends into every direction for some seconds; the sleep sets the beat, the clock the amount.
void offer(const Scene& scene, std::vector<Ends>& ends, Underlay& underlay) {
  const std::int64_t start = monotonic_ns();
  double sent = 0;
  for (std::int64_t now = start; now < start + seconds(10).ns; now = monotonic_ns()) {
    const double elapsed = static_cast<double>(now - start) * 1e-9;
    const double due = elapsed * scene.offered_bits_per_second / 8 / packet_bytes;
    const auto packets = static_cast<std::size_t>(due - sent);
    sent += static_cast<double>(packets);
    for (Ends& both : ends)
      for (const int side : {0, 1})
        both.agents[side].send(underlay.port(both.link, both.sites[side]), packets);
    const timespec beat{0, 1'000'000};
    nanosleep(&beat, nullptr);
  }
}

void print(const Scene& scene, const UnderlayStats& stats) {
  std::uint64_t bytes = 0, sent = 0, unread = 0, unheld = 0, refused = 0;
  for (const DirectionStats& d : stats.directions) {
    bytes += d.pipe.delivered_bytes;
    sent += d.sent;
    unread += d.kernel_dropped;
    unheld += d.no_memory;
    refused += d.refused;
  }
  const auto us = [](Duration d) { return static_cast<double>(d.ns) / 1e3; };
  const double gigabits = static_cast<double>(bytes) * 8e-9;
  fmt::print("{:9} {} links, {:.0f} Mb/s offered in all, scheduling {}\n", scene.name,
             stats.directions.size() / 2,
             scene.offered_bits_per_second * 1e-6 * static_cast<double>(stats.directions.size()),
             enum_name(stats.scheduling));
  fmt::print(
      "          {} packets sent, {:.0f} Mb/s; lost by the emulator: {} unread, {} without memory, "
      "{} refused\n",
      sent, gigabits * 1e3 / stats.ran.seconds(), unread, unheld, refused);
  fmt::print("          release error p50 {:.0f} us, p99 {:.0f} us, max {:.0f} us\n",
             us(stats.error.p50), us(stats.error.p99), us(stats.error.max));
  fmt::print("          {:.0f} % of a core; {:.0f} Mb/s per core-second\n",
             100 * stats.cpu.seconds() / stats.ran.seconds(), gigabits * 1e3 / stats.cpu.seconds());
  if (scene.p99_wanted > Duration{})
    fmt::print("          target p99 <= {:.0f} us: {}\n", us(scene.p99_wanted),
               stats.error.p99 <= scene.p99_wanted ? "reached" : "NOT reached");
}

int run(const Scene& scene) {
  std::vector<Ends> ends;
  ends.reserve(scene.sites * scene.sites);
  UnderlayConfig config = mesh(scene, ends);
  const Hogs hogs;
  auto opened = Underlay::open(std::move(config));
  if (!opened) {
    fmt::print(stderr, "underlay_bench: {}\n", opened.error().what);
    return 1;
  }
  Underlay& underlay = **opened;
  UnderlayStats stats;
  std::thread emulator{[&] { stats = underlay.run(); }};
  std::jthread drain{[&](std::stop_token stop) {
    DatagramBuffer sink;
    while (!stop.stop_requested()) {
      for (Ends& both : ends)
        for (Agent& agent : both.agents) agent.drain(sink);
      const timespec beat{0, 500'000};
      nanosleep(&beat, nullptr);
    }
  }};
  offer(scene, ends, underlay);
  underlay.stop();
  emulator.join();
  print(scene, stats);
  return 0;
}

/// Two namespaces, 20 ms each way, until SIGTERM.
int run_tun() {
  UnderlayConfig config;
  const net::PipeConfig pipe = net::fibre(milliseconds(20), bits_per_second(1e9));
  config.links.push_back({.id = LinkId{0},
                          .name = "west-east",
                          .a = SiteId{0},
                          .b = SiteId{1},
                          .forth = {pipe},
                          .back = {pipe}});
  config.tun_sites = {{SiteId{0}, "axs-bench-west", "10.77.0.1"},
                      {SiteId{1}, "axs-bench-east", "10.77.0.2"}};
  const auto stats = run_underlay_until_signal(std::move(config));
  if (!stats) {
    fmt::print(stderr, "underlay_bench: {}\n", stats.error().what);
    return 1;
  }
  print({.name = "tun"}, *stats);
  return 0;
}

constexpr Scene scenes[] = {
    {"scenario", 3, 100e6, 90e6, milliseconds(30), milliseconds(1)},
    {"gigabit", 2, 1e9, 950e6, milliseconds(30), milliseconds(3)},
    {"peak", 2, 100e9, 20e9, milliseconds(1), {}},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  if (wanted == "tun") return run_tun();
  for (const Scene& scene : scenes)
    if (scene.name == wanted) return run(scene);
  fmt::print(stderr, "underlay_bench: scene '{}', want scenario, gigabit, peak or tun\n", wanted);
  return 2;
}
