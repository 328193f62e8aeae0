#include "axs/twin/flow_scenes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "axs/core/assert.h"
#include "axs/core/dmath.h"

namespace axs::twin {

namespace {

double exponential(Rng& rng) {
  return -dmath::log(1 - rng.uniform());
}

LinkId add_link(FlowScene& scene, BytesPerSecond rate, Duration delay) {
  scene.links.push_back({rate, delay});
  return LinkId{static_cast<std::uint32_t>(scene.links.size() - 1)};
}

/// Sites and the links between them, by pair; shortest routes by Floyd and Warshall.
class Map {
 public:
  Map(std::uint32_t sites, Rng rng) : sites_{sites}, cells_(std::size_t{sites} * sites) {
    for (std::uint32_t i = 0; i < sites; ++i) places_.push_back({rng.uniform(), rng.uniform()});
    for (std::uint32_t a = 0; a < sites; ++a) {
      at(a, a) = {0, a, {}};
      std::vector<std::pair<double, std::uint32_t>> near;
      for (std::uint32_t b = 0; b < sites; ++b)
        if (b != a) near.emplace_back(distance(a, b), b);
      std::sort(near.begin(), near.end());
      for (std::size_t i = 0; i < std::min<std::size_t>(3, near.size()); ++i)
        link(a, near[i].second);
      link(a, (a + 1) % sites);
    }
  }

  void fill(FlowScene& scene, BytesPerSecond rate) {
    for (const auto& [a, b] : linked_)
      at(a, b).link = add_link(scene, rate, delay_over(distance(a, b)));
    find_routes();
    for (std::uint32_t a = 0; a < sites_; ++a)
      for (std::uint32_t b = 0; b < sites_; ++b)
        if (a != b) scene.routes.push_back(route(a, b));
  }

 private:
  static constexpr double unlinked = std::numeric_limits<double>::infinity();
  struct Cell {
    double length = unlinked;
    std::uint32_t next{};  ///< The first site on the way.
    LinkId link{};
  };

  Cell& at(std::uint32_t a, std::uint32_t b) { return cells_[std::size_t{a} * sites_ + b]; }
  double distance(std::uint32_t a, std::uint32_t b) const {
    const double x = places_[a][0] - places_[b][0];
    const double y = places_[a][1] - places_[b][1];
    return std::sqrt(x * x + y * y);
  }
  /// 10,000 km of glass are 50 ms.
  static Duration delay_over(double distance) { return from_seconds(0.05 * distance); }

  void link(std::uint32_t a, std::uint32_t b) {
    if (a == b || at(a, b).length < unlinked) return;
    for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
      at(from, to) = {distance(a, b), to, {}};
      linked_.emplace_back(from, to);
    }
  }
  void find_routes() {
    for (std::uint32_t via = 0; via < sites_; ++via)
      for (std::uint32_t a = 0; a < sites_; ++a)
        for (std::uint32_t b = 0; b < sites_; ++b) {
          const double length = at(a, via).length + at(via, b).length;
          if (length >= at(a, b).length) continue;
          at(a, b).length = length;
          at(a, b).next = at(a, via).next;
        }
  }
  std::vector<LinkId> route(std::uint32_t a, std::uint32_t b) {
    std::vector<LinkId> links;
    for (std::uint32_t here = a; here != b;) {
      const std::uint32_t next = at(here, b).next;
      links.push_back(at(here, next).link);
      here = next;
    }
    return links;
  }

  std::uint32_t sites_;
  std::vector<std::array<double, 2>> places_;
  std::vector<Cell> cells_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> linked_;
};

/// Bytes per second over all routes that give the busiest link all it can carry.
double capacity(const FlowScene& scene) {
  std::vector<double> routes(scene.links.size());
  for (const auto& route : scene.routes)
    for (const LinkId link : route) routes[link.value] += 1;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < routes.size(); ++i)
    if (routes[i] > 0) least = std::min(least, scene.links[i].rate.value() / routes[i]);
  return least * static_cast<double>(scene.routes.size());
}

}  // namespace

std::uint64_t FlowSizes::draw(Rng& rng) const {
  const double u = rng.uniform();
  const double tail = dmath::pow(least / most, shape);
  return static_cast<std::uint64_t>(least * dmath::pow(1 - u * (1 - tail), -1 / shape));
}

double FlowSizes::mean() const {
  const double tail = dmath::pow(least / most, shape);
  return least * shape / (shape - 1) * (1 - tail * most / least) / (1 - tail);
}

FlowScene wan(std::uint32_t sites, BytesPerSecond rate, Rng rng) {
  AXS_ASSERT(sites >= 2);
  FlowScene scene{.name = "wan-" + std::to_string(sites), .links = {}};
  Map{sites, rng}.fill(scene, rate);
  return scene;
}

void add_arrivals(FlowScene& scene, const Arrivals& arrivals, Rng rng) {
  const double mean_gap = arrivals.sizes.mean() / (arrivals.load * capacity(scene));
  std::vector<SceneEvent> events;
  Instant at{};
  for (std::uint32_t i = 0; i < arrivals.count; ++i) {
    at = at + from_seconds(mean_gap * exponential(rng));
    Flow flow{.id = i, .rate_cap = arrivals.cap};
    flow.route = RouteId{static_cast<std::uint32_t>(rng.below(scene.routes.size()))};
    flow.bytes = arrivals.sizes.draw(rng);
    flow.precedence = rng.chance(arrivals.strict) ? Precedence::strict : Precedence::fair;
    events.push_back({at, flow});
  }
  std::vector<SceneEvent> all;
  std::merge(scene.events.begin(), scene.events.end(), events.begin(), events.end(),
             std::back_inserter(all),
             [](const SceneEvent& a, const SceneEvent& b) { return a.at < b.at; });
  scene.events = std::move(all);
}

namespace {

constexpr BytesPerSecond slow = bits_per_second(20e6);

FlowScene small(std::string name, std::size_t links) {
  return {.name = std::move(name), .links = std::vector<FlowLink>(links, {slow, milliseconds(1)})};
}

/// Four sources, one link for all, four sinks. Weights from 1 to 4; some have a cap.
FlowScene dumbbell(const FlowSizes& sizes, Rng rng) {
  FlowScene scene = small("dumbbell", 9);
  for (std::uint32_t i = 0; i < 8; ++i) {
    scene.links[i].rate = bits_per_second(50e6);
    scene.links[i].delay = microseconds(300 * (i + 1));
  }
  for (std::uint32_t i = 0; i < 4; ++i)
    for (std::uint32_t j = 4; j < 8; ++j) scene.routes.push_back({LinkId{i}, LinkId{8}, LinkId{j}});
  add_arrivals(scene, {.count = 60, .load = 0.8, .sizes = sizes}, rng);
  for (SceneEvent& event : scene.events) {
    Flow& flow = std::get<Flow>(event.what);
    flow.weight = 1 + static_cast<std::uint32_t>(flow.id % 4);
    if (flow.id % 5 == 0) flow.rate_cap = bits_per_second(4e6);
  }
  return scene;
}

/// A long route over four links in a row, and a short one over each.
FlowScene parking_lot(const FlowSizes& sizes, Rng rng) {
  FlowScene scene = small("parking lot", 4);
  scene.routes.resize(1);
  for (std::uint32_t i = 0; i < 4; ++i) {
    scene.routes[0].push_back(LinkId{i});
    scene.routes.push_back({LinkId{i}});
  }
  add_arrivals(scene, {.count = 80, .load = 0.8, .sizes = sizes}, rng);
  return scene;
}

/// Every 1.5 s twelve sources send to one sink at once; one in six is strict.
FlowScene incast(const FlowSizes& sizes, Rng rng) {
  FlowScene scene = small("incast", 13);
  for (std::uint32_t i = 0; i < 12; ++i) {
    scene.routes.push_back({LinkId{i}, LinkId{12}});
    scene.links[i].delay = microseconds(200 * (i + 1));
  }
  for (std::uint32_t i = 0; i < 72; ++i) {
    Flow flow{.id = i, .route = RouteId{i % 12}};
    flow.bytes = static_cast<std::uint64_t>(sizes.least * (1 + rng.uniform()) / 2);
    if (i % 6 == 5) flow.precedence = Precedence::strict;
    scene.events.push_back({Instant{} + milliseconds(1500) * (i / 12), flow});
  }
  return scene;
}

FlowScene five_sites(const FlowSizes& sizes, Rng rng) {
  FlowScene scene = wan(5, slow, rng.fork(0));
  for (FlowLink& link : scene.links) link.delay = link.delay / 10;
  add_arrivals(scene, {.count = 80, .load = 0.8, .sizes = sizes}, rng);
  return scene;
}

/// One link of two falls to a third of its rate for a second and recovers, and so on.
FlowScene changing_rate(const FlowSizes& sizes, Rng rng) {
  FlowScene scene = small("changing rate", 2);
  scene.routes = {{LinkId{0}, LinkId{1}}, {LinkId{0}}, {LinkId{1}}};
  for (int second = 1; second < 40; ++second)
    scene.events.push_back(
        {Instant{} + seconds(second), RateChange{LinkId{1}, second % 2 == 1 ? slow / 3 : slow}});
  add_arrivals(scene, {.count = 60, .load = 0.5, .sizes = sizes}, rng);
  return scene;
}

/// Two ways between two sites. The first is cut twice; its traffic goes over the second 20 ms later
/// and returns when the cut is healed.
FlowScene cut_and_detour(const FlowSizes& sizes, Rng rng) {
  FlowScene scene = small("cut and detour", 4);
  const std::vector<LinkId> first{LinkId{0}, LinkId{1}};
  const std::vector<LinkId> second{LinkId{2}, LinkId{3}};
  scene.routes = {first, second};
  for (const int at : {2, 6}) {
    const Instant cut = Instant{} + seconds(at);
    const Instant healed = cut + seconds(2);
    scene.events.push_back({cut, RateChange{LinkId{1}, BytesPerSecond{0}}});
    scene.events.push_back({cut + milliseconds(20), RouteChange{RouteId{0}, second}});
    scene.events.push_back({healed, RateChange{LinkId{1}, slow}});
    scene.events.push_back({healed, RouteChange{RouteId{0}, first}});
  }
  add_arrivals(scene, {.count = 60, .load = 0.5, .sizes = sizes}, rng);
  return scene;
}

}  // namespace

std::vector<FlowScene> small_scenes(std::uint64_t seed, const FlowSizes& sizes) {
  const Rng rng{seed};
  return {dumbbell(sizes, rng.fork(0)),      parking_lot(sizes, rng.fork(1)),
          incast(sizes, rng.fork(2)),        five_sites(sizes, rng.fork(3)),
          changing_rate(sizes, rng.fork(4)), cut_and_detour(sizes, rng.fork(5))};
}

}  // namespace axs::twin
