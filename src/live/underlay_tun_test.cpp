#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "axs/core/rng.h"
#include "axs/live/netns.h"
#include "axs/live/underlay.h"

/// Skipped by default: the test root.underlay runs this suite alone, and reports "skipped" to ctest
/// (exit code 77) only where there is no root.
TEST_SUITE_BEGIN("root");

namespace axs::live {
namespace {

constexpr SiteId west{0}, east{1}, south{2};
constexpr std::uint16_t echo_port = 9'000;

void need_root() {
  if (geteuid() != 0) std::_Exit(77);
}

/// Of this process, not of those it forks: names that tests of another clone do not use.
const std::string prefix = "axs-test" + std::to_string(getpid()) + "-";

std::string netns_name(const char* site) {
  return prefix + site;
}

/// West and east joined; south joined to nobody.
UnderlayConfig three_namespaces(net::PipeConfig pipe) {
  UnderlayConfig config;
  config.precision = Precision::ordinary;
  config.links.push_back({.id = LinkId{0},
                          .name = "west-east",
                          .a = west,
                          .b = east,
                          .forth = {pipe},
                          .back = {pipe}});
  config.tun_sites = {{west, netns_name("west"), "10.77.0.1"},
                      {east, netns_name("east"), "10.77.0.2"},
                      {south, netns_name("south"), "10.77.0.3"}};
  return config;
}

/// A socket made inside a namespace; it stays there whoever uses it.
host::Fd socket_in(const std::string& netns, int type) {
  host::Fd made;
  std::thread{[&] {
    const host::Fd target{open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC)};
    if (target && setns(target.get(), CLONE_NEWNET) == 0)
      made = host::Fd{socket(AF_INET, type | SOCK_CLOEXEC, 0)};
  }}.join();
  REQUIRE(static_cast<bool>(made));
  const timeval limit{20, 0};
  REQUIRE(setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  return made;
}

sockaddr_in at(const char* address) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(echo_port);
  REQUIRE(inet_pton(AF_INET, address, &a.sin_addr) == 1);
  return a;
}

void bind_to(const host::Fd& fd, const char* address) {
  const sockaddr_in a = at(address);
  REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
}

void connect_to(const host::Fd& fd, const char* address) {
  const sockaddr_in a = at(address);
  REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
}

bool exists(const std::string& netns) {
  struct stat found{};
  return stat(("/run/netns/" + netns).c_str(), &found) == 0;
}

/// An emulator on its own thread.
class Running {
 public:
  explicit Running(UnderlayConfig config) {
    auto opened = Underlay::open(std::move(config));
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().what));
    underlay_ = *std::move(opened);
    thread_ = std::thread{[this] { underlay_->run(); }};
  }
  ~Running() {
    underlay_->stop();
    thread_.join();
  }
  UnderlayStats stats() { return underlay_->stats(); }

 private:
  std::unique_ptr<Underlay> underlay_;
  std::thread thread_;
};

TEST_CASE("UDP crosses two namespaces intact and no faster than the delay" * doctest::skip()) {
  need_root();
  Running underlay{three_namespaces({.delay = milliseconds(20)})};
  const host::Fd client = socket_in(netns_name("west"), SOCK_DGRAM);
  const host::Fd server = socket_in(netns_name("east"), SOCK_DGRAM);
  bind_to(server, "10.77.0.2");
  connect_to(client, "10.77.0.2");
  Rng rng{1};
  for (int round = 0; round < 5; ++round) {
    std::vector<std::uint8_t> sent(1 + rng.below(1'400)), back(2'000);
    for (auto& byte : sent) byte = static_cast<std::uint8_t>(rng.next());
    timespec before{}, after{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    REQUIRE(send(client.get(), sent.data(), sent.size(), 0) > 0);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t n = recvfrom(server.get(), back.data(), back.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &size);
    REQUIRE(n == static_cast<ssize_t>(sent.size()));
    REQUIRE(sendto(server.get(), back.data(), static_cast<std::size_t>(n), 0,
                   reinterpret_cast<sockaddr*>(&from), size) == n);
    REQUIRE(recv(client.get(), back.data(), back.size(), 0) == n);
    clock_gettime(CLOCK_MONOTONIC, &after);
    back.resize(sent.size());
    CHECK(back == sent);
    const std::int64_t rtt =
        (after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec;
    CHECK(rtt >= milliseconds(40).ns);
  }
}

TEST_CASE("a TCP stream through loss arrives whole" * doctest::skip()) {
  need_root();
  Running underlay{three_namespaces({.delay = milliseconds(1), .loss = 0.01})};
  const host::Fd listener = socket_in(netns_name("east"), SOCK_STREAM);
  const host::Fd client = socket_in(netns_name("west"), SOCK_STREAM);
  bind_to(listener, "10.77.0.2");
  REQUIRE(listen(listener.get(), 1) == 0);
  std::vector<std::uint8_t> sent(1 << 20);
  Rng rng{2};
  for (auto& byte : sent) byte = static_cast<std::uint8_t>(rng.next());
  std::thread sender{[&] {
    connect_to(client, "10.77.0.2");
    for (std::size_t done = 0; done < sent.size();) {
      const ssize_t n = send(client.get(), &sent[done], sent.size() - done, 0);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    (void)shutdown(client.get(), SHUT_WR);
  }};
  const host::Fd accepted{accept(listener.get(), nullptr, nullptr)};
  std::vector<std::uint8_t> seen, piece(65'536);
  for (ssize_t n; (n = recv(accepted.get(), piece.data(), piece.size(), 0)) > 0;)
    seen.insert(seen.end(), piece.begin(), piece.begin() + n);
  sender.join();
  CHECK(seen == sent);
  CHECK(underlay.stats().directions[0].pipe.random_loss > 0);
}

TEST_CASE("a site that no link reaches gets nothing" * doctest::skip()) {
  need_root();
  Running underlay{three_namespaces({})};
  const host::Fd client = socket_in(netns_name("west"), SOCK_DGRAM);
  connect_to(client, "10.77.0.3");
  REQUIRE(send(client.get(), "x", 1, 0) == 1);
  while (underlay.stats().no_route == 0) std::this_thread::yield();
  CHECK(underlay.stats().directions[0].pipe.offered == 0);
}

TEST_CASE("namespaces are replaced when left over and gone at the end" * doctest::skip()) {
  need_root();
  for (int time = 0; time < 2; ++time) {
    const pid_t killed = fork();
    if (killed == 0) {
      auto underlay = Underlay::open(three_namespaces({}));
      // Dies without cleaning up, as by kill -9.
      std::_Exit(underlay.has_value() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(killed, &status, 0) == killed);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(exists(netns_name("west")));
  }
  {
    Running underlay{three_namespaces({})};
    CHECK(exists(netns_name("west")));
  }
  for (const char* site : {"west", "east", "south"}) CHECK(!exists(netns_name(site)));
  CHECK(NetNamespace::create("someone-elses").has_value() == false);
}

TEST_CASE("SIGTERM ends a process of its own, which cleans up" * doctest::skip()) {
  need_root();
  UnderlayConfig config = three_namespaces({});
  const pid_t child = fork();
  if (child == 0) std::_Exit(run_underlay_until_signal(std::move(config)).has_value() ? 0 : 1);
  while (!exists(netns_name("south"))) std::this_thread::yield();
  REQUIRE(kill(child, SIGTERM) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  for (const char* site : {"west", "east", "south"}) CHECK(!exists(netns_name(site)));
}

}  // namespace
}  // namespace axs::live

TEST_SUITE_END();
