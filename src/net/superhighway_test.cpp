#include "axs/net/superhighway.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "axs/net/link_presets.h"
#include "axs/net/packet.h"
#include "axs/net/routing_testing.h"

namespace axs::net {
namespace {

using testing::RoutedNetwork;
using testing::Wire;

constexpr SiteId sfo{0}, fra{1};
constexpr LinkId fibre_link{0}, leo_link{1};
constexpr PathId by_fibre{0}, by_leo{1};
const std::pair there{sfo, fra};
constexpr double fibre_rate = 25e6, leo_rate = 12.5e6;

/// Of the bytes of a link those of frames, of packets inside the tunnel, and of messages.
const double wire = 1372.0 + max_packet_overhead + 28;
const double frame_share = (1372.0 - packet_overhead) / wire;
const double packet_share = 1372.0 / wire;
const double payload_share = (1372.0 - packet_overhead - data_overhead) / wire;

// The plan.

/// What an agent with a gradient route over the first path would say.
LinkReport report(const Topology& topology, SiteId from, SiteId to, std::uint64_t bulk) {
  LinkReport report{.from = from, .to = to, .token = 1, .paths = {}};
  for (const auto& path : topology.paths(from, to))
    report.paths.push_back(
        {.path = path.id, .up = true, .rtt = 2 * path.nominal, .rtt_least = 2 * path.nominal});
  report.routes.fill(ClassRoute{PathId{0}, {}});
  report.use.bulk_waiting = bulk;
  return report;
}

Topology two_links() {
  return *Topology::make({sfo, fra}, {{fibre_link, sfo, fra, milliseconds(30),
                                       BytesPerSecond{fibre_rate}, BytesPerSecond{fibre_rate}},
                                      {leo_link, sfo, fra, milliseconds(45),
                                       BytesPerSecond{leo_rate}, BytesPerSecond{leo_rate}}});
}

struct Planner {
  explicit Planner(const Topology& all) : topology{all}, plan{all, {}} {}
  std::vector<Superhighway::Pair> hear(const LinkReport& report) {
    return plan.hear(now, report, topology.paths(report.from, report.to), report.paths);
  }
  double rate(PathId path) const {
    for (const PathShare& share : plan.shares(there))
      if (share.path == path) return share.rate.value();
    return 0;
  }
  Topology topology;
  Superhighway plan;
  Instant now{};
};

TEST_CASE("plan: what gradients leave of both links, and nothing when nothing waits") {
  Planner at{two_links()};
  LinkReport said = report(at.topology, sfo, fra, 0);
  said.use.gradient_rate = BytesPerSecond{5e6};
  said.use.gradient_burst = 500'000;
  CHECK(at.hear(said).empty());
  said.use.bulk_waiting = 1'000'000'000;
  CHECK(at.hear(said) == std::vector{there});
  CHECK(at.rate(by_fibre) == doctest::Approx(0.98 * fibre_rate * frame_share - 5e6).epsilon(0.02));
  CHECK(at.rate(by_leo) == doctest::Approx(0.98 * leo_rate * frame_share).epsilon(0.02));
  for (int second = 0; second < 5; ++second) {
    at.now = at.now + seconds(1);
    CHECK(at.hear(said).empty());  // There is nothing new.
  }
  said.use.bulk_waiting = 0;
  at.now = at.now + seconds(1);
  CHECK(at.hear(said) == std::vector{there});
  CHECK(at.plan.shares(there).empty());
}

TEST_CASE("plan: changes wait for the damping period, a death does not") {
  Planner at{two_links()};
  LinkReport said = report(at.topology, sfo, fra, 1'000'000'000);
  at.hear(said);
  at.now = at.now + seconds(1);
  said.use.gradient_rate = BytesPerSecond{10e6};
  said.use.gradient_burst = 1000;
  CHECK(at.hear(said).empty());
  said.paths[1].up = false;
  CHECK(at.hear(said) == std::vector{there});
  CHECK(at.rate(by_leo) == 0);
  CHECK(at.rate(by_fibre) < 14e6);
  said.paths[1].up = true;
  CHECK(at.hear(said).empty());
  at.now = at.now + seconds(2);
  CHECK(at.hear(said) == std::vector{there});
  CHECK(at.rate(by_leo) > 11e6);
}

TEST_CASE("plan: a link that carries less than it should is believed, little by little less so") {
  Planner at{two_links()};
  LinkReport said = report(at.topology, sfo, fra, 1'000'000'000);
  said.paths[0].carries.known = BytesPerSecond{packet_share * 10e6};
  at.hear(said);
  CHECK(at.rate(by_fibre) == doctest::Approx(0.98 * frame_share * 10e6).epsilon(0.02));
  said.paths[0].carries.known = BytesPerSecond{0.95 * packet_share * fibre_rate};
  at.now = at.now + seconds(3);
  at.hear(said);
  CHECK(at.rate(by_fibre) == doctest::Approx(0.98 * frame_share * fibre_rate).epsilon(0.02));
}

TEST_CASE("plan: bulk that meets a burst of others' gradients in a queue may lengthen it by 5 %") {
  // From 2 all goes over 0, where it meets what 0 sends to 1.
  constexpr SiteId far{2};
  const BytesPerSecond rate{fibre_rate};
  Planner at{
      *Topology::make({sfo, fra, far}, {{fibre_link, sfo, fra, milliseconds(30), rate, rate},
                                        {leo_link, sfo, far, milliseconds(20), rate, rate}})};
  LinkReport gradients = report(at.topology, sfo, fra, 1'000'000'000);
  gradients.use.gradient_burst = 5'000'000;
  at.hear(gradients);
  at.now = at.now + seconds(3);
  at.hear(report(at.topology, far, fra, 1'000'000'000));
  const auto& others = at.plan.shares({far, fra});
  REQUIRE(others.size() == 1);
  const double wire_burst = 5e6 / frame_share;
  const double bound = 0.05 * (1 + 0.03 * fibre_rate / wire_burst) * fibre_rate;
  CHECK(others[0].rate.value() == doctest::Approx(bound * frame_share));
  CHECK(at.rate(by_fibre) + others[0].rate.value() ==
        doctest::Approx(0.98 * fibre_rate * frame_share).epsilon(0.01));
}

TEST_CASE("plan: who can have nothing is held to a trickle; where no rate is known nothing is") {
  Planner at{two_links()};
  LinkReport said = report(at.topology, sfo, fra, 1'000'000'000);
  said.paths[1].up = false;
  said.use.gradient_rate = BytesPerSecond{fibre_rate};
  said.use.gradient_burst = 1'000;
  at.hear(said);
  CHECK(at.rate(by_fibre) == doctest::Approx(0.001 * fibre_rate * frame_share));
  Planner blind{*Topology::make({sfo, fra}, {{fibre_link, sfo, fra, milliseconds(30), {}, {}}})};
  blind.hear(report(blind.topology, sfo, fra, 1'000'000'000));
  CHECK(blind.plan.shares(there).empty());
}

TEST_CASE("plan: all pairs of sixteen sites at once have something each") {
  std::vector<SiteId> sites;
  std::vector<UnderlayLink> links;
  const BytesPerSecond rate{fibre_rate};
  for (std::uint32_t i = 0; i < 16; ++i) sites.push_back(SiteId{i});
  for (std::uint32_t i = 0; i < 16; ++i)
    links.push_back({LinkId{i}, sites[i], sites[(i + 1) % 16], milliseconds(20), rate, rate});
  for (std::uint32_t i = 1; i < 16; ++i)
    links.push_back({LinkId{15 + i}, sites[0], sites[i], milliseconds(30), rate, rate});
  Planner at{*Topology::make(sites, links)};
  for (int round = 0; round < 2; ++round, at.now = at.now + seconds(3))
    for (const SiteId from : sites)
      for (const SiteId to : sites)
        if (from != to) at.hear(report(at.topology, from, to, 1'000'000'000));
  for (const SiteId from : sites)
    for (const SiteId to : sites)
      if (from != to) CHECK_FALSE(at.plan.shares({from, to}).empty());
}

/// A mesh of up to six sites, some links missing, of any rate.
Topology random_mesh(Rng& rng) {
  std::vector<SiteId> sites;
  std::vector<UnderlayLink> links;
  const auto count = static_cast<std::uint32_t>(2 + rng.below(4));
  for (std::uint32_t i = 0; i < count; ++i) sites.push_back(SiteId{i});
  for (std::uint32_t i = 0; i < count; ++i)
    for (std::uint32_t j = 0; j < i; ++j)
      if (rng.chance(0.8))
        links.push_back({LinkId{static_cast<std::uint32_t>(links.size())}, sites[i], sites[j],
                         milliseconds(1 + static_cast<std::int64_t>(rng.below(90))),
                         BytesPerSecond{1e5 + 1e9 * rng.uniform() * rng.uniform()},
                         BytesPerSecond{1e5 + 1e9 * rng.uniform() * rng.uniform()}});
  return *Topology::make(sites, links);
}

LinkReport random_report(const Topology& topology, SiteId from, SiteId to, Rng& rng) {
  LinkReport said = report(topology, from, to, rng.chance(0.5) ? rng.below(4'000'000'000) : 0);
  said.use.gradient_burst = rng.chance(0.7) ? rng.below(50'000'000) : 0;
  said.use.gradient_rate = BytesPerSecond{1e7 * rng.uniform()};
  for (auto& path : said.paths) path.up = rng.chance(0.9);
  for (auto& route : said.routes)
    route->primary = PathId{static_cast<std::uint8_t>(rng.below(said.paths.size()))};
  return said;
}

bool any_up(const LinkReport& said) {
  return std::any_of(said.paths.begin(), said.paths.end(),
                     [](const auto& path) { return path.up; });
}

/// Loads of one direction of each link by the links' bytes.
struct Loads {
  std::map<std::pair<LinkId, SiteId>, double> bulk, gradients;
  void add(const Topology& topology, const LinkReport& said, const std::vector<PathShare>& shares) {
    const auto& paths = topology.paths(said.from, said.to);
    const auto along = [&](PathId path, const auto& visit) {
      SiteId at = said.from;
      for (const LinkId id : paths[path.value].span()) {
        visit(std::pair{id, at});
        for (const auto& link : topology.links())
          if (link.id == id) at = link.a == at ? link.b : SiteId{link.a};
      }
    };
    for (const PathShare& share : shares)
      along(share.path, [&](auto key) { bulk[key] += share.rate.value() / frame_share; });
    if (said.use.gradient_burst > 0)
      along(said.routes[1]->primary,
            [&](auto key) { gradients[key] += said.use.gradient_rate.value() / frame_share; });
  }
};

TEST_CASE("plan: never more than a link has, gradients' part kept free, twice the same") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const Topology topology = random_mesh(rng);
    Superhighway one{topology, {}}, other{topology, {}};
    Instant now{};
    Loads loads;
    std::vector<LinkReport> said;
    for (int round = 0; round < 4; ++round) {
      said.clear();
      for (const SiteId from : topology.sites())
        for (const SiteId to : topology.sites())
          if (from != to && !topology.paths(from, to).empty())
            said.push_back(random_report(topology, from, to, rng));
      now = now + seconds(3);
      for (const auto& report : said)
        RC_ASSERT(one.hear(now, report, topology.paths(report.from, report.to), report.paths) ==
                  other.hear(now, report, topology.paths(report.from, report.to), report.paths));
    }
    // All say the same again when the last plan is old enough to be made anew.
    now = now + seconds(3);
    for (const auto& report : said)
      one.hear(now, report, topology.paths(report.from, report.to), report.paths);
    for (const auto& report : said) {
      const auto& shares = one.shares({report.from, report.to});
      RC_ASSERT(report.use.bulk_waiting > 0 || shares.empty());
      RC_ASSERT(report.use.bulk_waiting == 0 || !shares.empty() || !any_up(report));
      for (const PathShare& share : shares) RC_ASSERT(report.paths[share.path.value].up);
      loads.add(topology, report, shares);
    }
    for (const auto& link : topology.links())
      for (const auto& [from, rate] : {std::pair{link.a, link.rate_ab}, {link.b, link.rate_ba}}) {
        const double bulk = loads.bulk[{link.id, from}];
        const double room = 0.98 * rate.value() - loads.gradients[{link.id, from}];
        // And a trickle for those who would have nothing.
        RC_ASSERT(bulk <= std::max(room, 0.0) * (1 + 1e-9) + 0.02 * rate.value());
      }
  }));
}

// Two sites that send, with all that stands between.

constexpr std::uint64_t gradient_size = 250'000;
constexpr Duration gradient_every = milliseconds(100);

/// A fibre of 200 Mb/s, on which gradients take a tenth, and a sky of 100 Mb/s.
RoutedNetwork::Config fibre_and_leo() {
  const auto line = [](LinkId id, Duration one_way, double rate, double loss) {
    PipeConfig pipe{.delay = one_way,
                    .rate = BytesPerSecond{rate},
                    .queue_bytes = static_cast<std::int64_t>(rate / 10),
                    .loss = loss};
    return Wire{{id, sfo, fra, one_way, pipe.rate, pipe.rate}, pipe, pipe};
  };
  return {.sites = {sfo, fra},
          .wires = {line(fibre_link, milliseconds(30), fibre_rate, 0),
                    line(leo_link, milliseconds(45), leo_rate, 0.005)},
          .controller = sfo,
          .traffic = true};
}

class Run {
 public:
  Run() : net{fibre_and_leo()} {}
  /// Gradients every 100 ms, bulk as told.
  void run(Duration span) {
    for (Duration passed{}; passed < span; passed += gradient_every) {
      sent_.push_back(net.now());
      net.send(there, TrafficClass::gradient, sent_.size(), gradient_size);
      net.run(gradient_every);
    }
  }
  /// Checkpoints of 20 MB each.
  void burst(std::uint64_t megabytes) {
    for (std::uint64_t i = 0; i < megabytes / 20; ++i)
      net.send(there, TrafficClass::bulk, ++bulk_, 20'000'000);
  }
  std::vector<Duration> latencies(Instant since, Instant until) const {
    std::vector<Duration> found;
    for (const auto& message : net.delivered) {
      if (message.what.traffic != TrafficClass::gradient) continue;
      const Instant sent = sent_[message.what.message - 1];
      if (sent >= since && sent < until) found.push_back(message.at - sent);
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  /// Bytes of frames.
  std::uint64_t bulk_sent() const {
    return net.transport(there).transport().sent(TrafficClass::bulk);
  }

  const std::vector<PathId>& lease() const { return net.transport(there).lease().paths; }

  RoutedNetwork net;

 private:
  std::vector<Instant> sent_;
  std::uint64_t bulk_ = 0;
};

/// In milliseconds.
double quantile(const std::vector<Duration>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[rank].seconds() * 1e3;
}

TEST_CASE("a burst has the spare of fibre and sky, and gradients do not feel it") {
  Run quiet, loud;
  const Instant begun = Instant{} + seconds(5);
  quiet.run(seconds(15));
  loud.run(seconds(5));
  loud.burst(600);
  loud.run(seconds(2));
  const std::uint64_t before = loud.bulk_sent();
  CHECK(loud.lease() == std::vector{by_fibre, by_leo});
  loud.run(seconds(8));
  const double rate =
      static_cast<double>(loud.bulk_sent() - before) / 8 * payload_share / frame_share;
  const double gradients = gradient_size / gradient_every.seconds();
  const double spare = payload_share * (fibre_rate + leo_rate) - gradients;
  MESSAGE("bulk, of the spare payload capacity: ", rate / spare);
  CHECK(rate >= 0.95 * spare);
  const auto without = quiet.latencies(begun, Instant{} + seconds(14));
  const auto with = loud.latencies(begun, Instant{} + seconds(14));
  REQUIRE(with.size() == without.size());
  MESSAGE("gradients without bulk, p50 ", quantile(without, 0.5), " p99 ", quantile(without, 0.99));
  MESSAGE("gradients with bulk, p50 ", quantile(with, 0.5), " p99 ", quantile(with, 0.99));
  CHECK(quantile(with, 0.5) <= 1.05 * quantile(without, 0.5));
  CHECK(quantile(with, 0.99) <= 1.05 * quantile(without, 0.99));
}

TEST_CASE("a cut in the middle of a burst: the share is taken back at once, the rest goes on") {
  Run at;
  at.run(seconds(4));
  at.burst(400);
  at.run(seconds(2));
  at.net.cut(leo_link);
  at.run(seconds(1));
  CHECK(at.lease() == std::vector{by_fibre});
  const std::uint64_t before = at.bulk_sent();
  at.run(seconds(2));
  CHECK(static_cast<double>(at.bulk_sent() - before) >
        2 * 0.9 * (payload_share * fibre_rate - 2.5e6));
}

TEST_CASE("without a controller leases lapse and bulk goes on over its route") {
  Run at;
  at.run(seconds(4));
  at.burst(400);
  at.run(seconds(2));
  CHECK_FALSE(at.lease().empty());
  at.net.kill_controller();
  at.run(seconds(5));
  CHECK(at.lease().empty());
  const std::uint64_t before = at.bulk_sent();
  at.run(seconds(2));
  const double alone = static_cast<double>(at.bulk_sent() - before);
  const auto beside = at.latencies(at.net.now() - seconds(3), at.net.now() - seconds(1));
  MESSAGE("gradients beside bulk without leases, p50 ", quantile(beside, 0.5), " p99 ",
          quantile(beside, 0.99));
  CHECK(alone > 2 * 0.6 * (payload_share * fibre_rate - 2.5e6));
  at.net.start_controller();
  at.run(seconds(2));
  CHECK(at.lease() == std::vector{by_fibre, by_leo});
}

}  // namespace
}  // namespace axs::net
