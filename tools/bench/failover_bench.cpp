// failover_bench fibre|dish|simulated|steady|hellos|floor|hours [CUTS|SECONDS|SITES|HOURS]: how
// soon after a cut real agents' networks send over another path, how soon where no machine is in
// the way, what they make of a link that nobody cuts, what a hello costs them and the machine at
// least, and how often in simulated time a live link is taken for dead.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "axs/core/rng.h"
#include "axs/live/node_testing.h"
#include "axs/net/link_presets.h"
#include "axs/net/routing_testing.h"

namespace {

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

constexpr SiteId west{0}, east{1};
constexpr net::PathId first{0}, second{1};
const auto gigabit = bits_per_second(1e9);

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "failover_bench: {}\n", result.error().what);
  std::exit(1);
}

void pause(Duration span) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(span.ns));
}

double ms(Duration span) {
  return span.seconds() * 1e3;
}

/// A satellite link with jitter, handovers and 1.5 % loss.
net::PipeConfig dish(Duration one_way) {
  return net::leo(net::LeoTerminal::consumer_down, one_way, bits_per_second(2e8));
}

/// Between a cut and the first packet on another path, at the sender and at the receiver.
struct Outcome {
  Duration sent;
  Duration received;
};

std::optional<Duration> turned(const std::vector<Node::Turn>& turns, Instant since) {
  for (const Node::Turn& turn : turns)
    if (turn.at >= since && turn.path == second) return turn.at - since;
  return {};
}

/// Waits until both paths live and the data runs on the first.
bool settled(NodeNetwork& network) {
  Node& node = *network.nodes[0];
  for (int i = 0; i < 1'000; ++i) {
    pause(milliseconds(20));
    if (!node.up(east, first) || !node.up(east, second)) continue;
    node.order(east, {first, second});
    pause(milliseconds(500));
    const auto route = node.route(east);
    if (route && route->primary == first) return true;
  }
  return false;
}

std::optional<Outcome> cut_once(NodeNetwork& network) {
  const Instant at = network.now();
  must(network.cut(LinkId{0}));
  pause(milliseconds(700));
  const auto sent = turned(network.nodes[0]->sent(), at);
  const auto received = turned(network.nodes[1]->received(), at);
  must(network.heal(LinkId{0}));
  if (!sent || !received) return {};
  return Outcome{*sent, *received};
}

void print_quantiles(std::string_view what, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
  };
  fmt::print("  {}: p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  max {:.2f} ms\n", what, at(0.5), at(0.9),
             at(0.99), values.back());
}

/// Two sites, the link and a fibre 2 ms longer, and a kilobyte every millisecond.
std::unique_ptr<NodeNetwork> two_links(const net::PipeConfig& link) {
  auto network = must(NodeNetwork::open(
      2, {{west, east, link}, {west, east, net::fibre(link.delay + milliseconds(2), gigabit)}},
      true));
  network->nodes[0]->stream(east, milliseconds(1));
  return network;
}

/// A link that nobody cuts, live: its limit follows what the host does to it.
void run_steady(const net::PipeConfig& link, double seconds_of_it) {
  const auto network = two_links(link);
  std::uint64_t sent = 0;
  for (double past = 0; past < seconds_of_it; past += 15) {
    pause(seconds(15));
    for (const SiteId site : {west, east}) {
      Node& node = *network->nodes[site.value];
      const SiteId peer = site == west ? east : west;
      node.at_rest([&](const Node& held) {
        const net::PathMonitor& monitor = held.monitor(peer);
        for (const net::PathId path : {first, second}) {
          const net::PathEstimator& seen = monitor.estimator(path);
          fmt::print("  {:.0f} s, site {}, path {}: limit {:.2f}, round trips {:.2f} + {:.2f} ms\n",
                     past + 15, site.value, path.value, ms(monitor.silence_limit(path)),
                     ms(seen.least()), ms(seen.range()));
        }
        return 0;
      });
    }
    const std::uint64_t all = network->nodes[0]->hellos_sent();
    fmt::print("  {:.0f} hellos/s from site 0, moves so far {} and {}\n",
               static_cast<double>(all - std::exchange(sent, all)) / 15,
               network->nodes[0]->moves().size(), network->nodes[1]->moves().size());
    (void)std::fflush(stdout);
  }
}

void run_cuts(std::string_view name, const net::PipeConfig& link, int cuts) {
  const auto network = two_links(link);
  pause(seconds(110));  // The first minute is cautious, and certainty about losses takes longer.
  std::vector<double> sent, received;
  int missed = 0;
  fmt::print("{}, {} ms one way; per cut: silence limit, packet sent, packet received (ms)\n", name,
             ms(link.delay));
  for (int i = 0; i < cuts; ++i) {
    if (!settled(*network)) return fmt::print("  the link does not come back\n");
    const Duration limit = network->nodes[0]->at_rest(
        [](const Node& node) { return node.monitor(east).silence_limit(first); });
    const auto outcome = cut_once(*network);
    if (!outcome) {
      ++missed;
      fmt::print("  {:3} {:.2f} missed\n", i, ms(limit));
      continue;
    }
    fmt::print("  {:3} {:.2f} {:.2f} {:.2f}\n", i, ms(limit), ms(outcome->sent),
               ms(outcome->received));
    sent.push_back(ms(outcome->sent));
    received.push_back(ms(outcome->received));
  }
  if (sent.empty()) return;
  print_quantiles("cut to first packet sent on the new path", sent);
  print_quantiles("cut to its arrival", received);
  std::vector<double> last_word;
  for (const double value : sent) last_word.push_back(value - ms(link.delay));
  print_quantiles("last packet off the cut wire to first sent on the new path", last_word);
  fmt::print("  {} cuts without a packet on the new path within 700 ms\n", missed);
}

/// Every site talks to all others.
void run_hellos(std::uint32_t sites) {
  std::vector<NodeNetwork::Link> links;
  for (std::uint32_t i = 0; i < sites; ++i)
    for (std::uint32_t j = 0; j < i; ++j)
      links.push_back({SiteId{j}, SiteId{i}, net::fibre(milliseconds(5), gigabit)});
  if (sites == 2) links.push_back({west, east, net::fibre(milliseconds(7), gigabit)});
  const auto network = must(NodeNetwork::open(sites, links, true));
  for (std::uint32_t i = 0; i < links.size(); ++i) {
    network->nodes[links[i].a.value]->need(links[i].b, LinkId{i});
    network->nodes[links[i].b.value]->need(links[i].a, LinkId{i});
  }
  pause(seconds(15));
  std::vector<double> before;
  std::vector<std::uint64_t> hellos_before;
  for (const auto& node : network->nodes) {
    before.push_back(node->processor_seconds());
    hellos_before.push_back(node->hellos_sent());
  }
  const Instant since = network->now();
  pause(seconds(10));
  const double span = (network->now() - since).seconds();
  double used = 0, most = 0, hellos = 0;
  for (std::size_t i = 0; i < network->nodes.size(); ++i) {
    const double one = network->nodes[i]->processor_seconds() - before[i];
    used += one;
    most = std::max(most, one);
    hellos += static_cast<double>(network->nodes[i]->hellos_sent() - hellos_before[i]);
  }
  const double per_site = hellos / sites / span;
  const double price = used / hellos;
  fmt::print(
      "{} sites, all busy: {:.0f} hellos/s per site; {:.2f} us of processor for one out and one "
      "in; "
      "{:.2f} % of a core per site, most {:.2f} %; 2 % buy {:.0f} hellos/s each way\n",
      sites, per_site, price * 1e6, used / sites / span * 100, most / span * 100, 0.02 / price);
}

/// What the machine itself does to whoever wakes every millisecond.
struct Waking {
  std::vector<double> late_ms{};
  double processor_us = 0;  ///< A time.
};

/// Each time it sends a packet on every socket to the other side's, and reads what has come.
Waking wake_every_ms(std::vector<DatagramSocket>& own, const std::vector<DatagramSocket>& other,
                     int times) {
  (void)acquire_precise_scheduling();
  const std::array<std::uint8_t, 110> hello{};
  const std::array<ByteView, 1> packets{hello};
  DatagramBuffer buffer;
  Waking seen;
  const double before = host::thread_processor_time().seconds();
  std::int64_t at = monotonic_ns();
  for (int i = 0; i < times; ++i) {
    at = std::max(at + 1'000'000, monotonic_ns());
    pause(nanoseconds(at - monotonic_ns()));
    seen.late_ms.push_back(1e-6 * static_cast<double>(monotonic_ns() - at));
    for (std::size_t k = 0; k < own.size(); ++k) {
      own[k].receive(buffer);
      (void)own[k].send(other[k].local(), packets);
    }
  }
  seen.processor_us = (host::thread_processor_time().seconds() - before) / times * 1e6;
  return seen;
}

/// Two threads that wake every millisecond, with nothing to do and then with the bare packets of
/// two links: no hellos can be cheaper or more prompt.
void run_floor(int seconds_of_it) {
  for (const std::size_t links : std::array<std::size_t, 2>{0, 2}) {
    std::array<std::vector<DatagramSocket>, 2> sides;
    for (auto& side : sides)
      for (std::size_t i = 0; i < links; ++i)
        side.push_back(must(DatagramSocket::open({net::IpAddress::v4(0x7f00'0001), 0}, "floor")));
    std::array<Waking, 2> seen;
    std::thread other{[&] { seen[1] = wake_every_ms(sides[1], sides[0], 1'000 * seconds_of_it); }};
    seen[0] = wake_every_ms(sides[0], sides[1], 1'000 * seconds_of_it);
    other.join();
    fmt::print(
        "this machine, awake every millisecond with bare packets on {} links: {:.1f} us of "
        "processor each time, {:.1f} % of a core\n",
        links, seen[0].processor_us, seen[0].processor_us / 10);
    print_quantiles("late", std::move(seen[0].late_ms));
  }
}

/// The rule alone: cuts of a link under traffic, in simulated time, where no host adds anything.
void run_simulated(int cuts) {
  using net::testing::RoutedNetwork;
  const net::PipeConfig link = net::fibre(microseconds(500), gigabit);
  const net::PipeConfig other = net::fibre(link.delay + milliseconds(2), gigabit);
  RoutedNetwork network{
      {.sites = {west, east},
       .wires = {{{LinkId{0}, west, east, link.delay, link.rate, link.rate}, link, link},
                 {{LinkId{1}, west, east, other.delay, gigabit, gigabit}, other, other}},
       .traffic = true,
       .seed = 5}};
  Rng rng{5};
  std::uint64_t message = 0;
  const auto stream = [&](Duration span) {
    for (const Instant until = network.now() + span; network.now() < until;) {
      network.send({west, east}, net::TrafficClass::gradient, ++message, 1'000);
      network.run(milliseconds(1));
    }
  };
  stream(seconds(110));
  std::vector<double> turned;
  for (int i = 0; i < cuts; ++i) {
    while (network.route(west, east).primary != first) stream(seconds(1));
    stream(seconds(1) + microseconds(static_cast<std::int64_t>(rng.below(10'000))));
    const Instant at = network.now();
    network.cut(LinkId{0});
    stream(milliseconds(700));
    const auto move = std::ranges::find_if(network.moves, [&](const auto& moved) {
      return moved.at >= at && moved.what.from == west && moved.what.new_path == second &&
             moved.what.traffic == net::TrafficClass::gradient;
    });
    if (move != network.moves.end()) turned.push_back(ms(move->at - at));
    network.heal(LinkId{0});
  }
  fmt::print("simulated, fibre, {} ms one way, {} cuts, {} turned\n", ms(link.delay), cuts,
             turned.size());
  if (!turned.empty()) print_quantiles("cut to the change of route at the sender", turned);
}

/// Silences longer than three intervals of a detector that hears a hello every `interval`.
int fixed_multiplier_alarms(const net::PipeConfig& link, Duration interval, Duration span) {
  net::Pipe pipe{link, Rng{7}};
  int alarms = 0;
  Instant heard{};
  for (Instant at{}; at - Instant{} < span; at = at + interval) {
    const net::Admission hello = pipe.admit(at, 110);
    if (hello.fate != net::Fate::delivered) continue;
    if (hello.released_at - heard > 3 * interval && heard != Instant{}) ++alarms;
    heard = std::max(heard, hello.released_at);
  }
  return alarms;
}

/// Simulated time with traffic on: how often a link that was never cut was taken for dead.
void run_hours(std::string_view name, const net::PipeConfig& link, double hours) {
  using net::testing::RoutedNetwork;
  const net::PipeConfig other = net::fibre(link.delay + milliseconds(2), gigabit);
  RoutedNetwork network{
      {.sites = {west, east},
       .wires = {{{LinkId{0}, west, east, link.delay, link.rate, link.rate}, link, link},
                 {{LinkId{1}, west, east, other.delay, gigabit, gigabit}, other, other}},
       .seed = 11}};
  const Duration span = from_seconds(hours * 3600);
  while (network.now() - Instant{} < span) {
    network.feed(west, east, net::LinkNeeded{LinkId{0}});
    network.feed(east, west, net::LinkNeeded{LinkId{0}});
    network.run(seconds(1));
  }
  const auto deaths = std::ranges::count_if(
      network.path_events, [](const auto& event) { return !event.up && event.path == first; });
  const net::PathMonitor& monitor = network.monitor(west, east);
  fmt::print(
      "{}, {:.1f} simulated hours: {} false deaths at either end; hellos every {:.0f} ms, "
      "limit {:.1f} ms\n",
      name, hours, deaths, ms(monitor.hello_interval(first)), ms(monitor.silence_limit(first)));
  for (const Duration interval : {milliseconds(1), milliseconds(20)})
    fmt::print("  fixed 3 x {:.0f} ms: {} false alarms a day and direction\n", ms(interval),
               fixed_multiplier_alarms(link, interval, seconds(86'400)));
}

double number(const char* text, double otherwise) {
  double value = otherwise;
  if (text != nullptr) (void)std::from_chars(text, text + std::string_view{text}.size(), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const char* amount = argc > 2 ? argv[2] : nullptr;
  if (what == "fibre")
    run_cuts("fibre", net::fibre(microseconds(500), gigabit),
             static_cast<int>(number(amount, 100)));
  else if (what == "dish")
    run_cuts("dish", dish(milliseconds(20)), static_cast<int>(number(amount, 100)));
  else if (what == "steady")
    run_steady(net::fibre(microseconds(500), gigabit), number(amount, 300));
  else if (what == "hellos")
    run_hellos(static_cast<std::uint32_t>(number(amount, 20)));
  else if (what == "floor")
    run_floor(static_cast<int>(number(amount, 10)));
  else if (what == "simulated")
    run_simulated(static_cast<int>(number(amount, 100)));
  else if (what == "hours") {
    run_hours("fibre", net::fibre(microseconds(500), gigabit), number(amount, 3));
    run_hours("dish", dish(milliseconds(20)), number(amount, 3));
  } else {
    fmt::print(
        stderr,
        "failover_bench: \"{}\", want fibre, dish, simulated, steady, hellos, floor or hours\n",
        what);
    return 2;
  }
}
