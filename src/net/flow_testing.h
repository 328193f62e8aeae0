#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "axs/core/assert.h"
#include "axs/core/dmath.h"
#include "axs/core/rng.h"
#include "axs/net/candidate_paths.h"
#include "axs/net/flow_problem.h"

/// For tests and benchmarks: traffic-engineering problems from a seed.
namespace axs::net::testing {

/// A wide-area network: sites scattered over a continent of 2:1, each linked to the nearest site
/// before it, then the shorter of random pairs; gravity traffic between all pairs.
struct WanShape {
  std::uint32_t sites = 10;
  std::uint32_t links = 40;       ///< Directed ones; two for each that joins two sites.
  std::size_t paths = 4;          ///< Per demand, at most.
  double load = 1;                ///< All demands together; 1 fills a network of this kind.
  double capacity_decades = 0.6;  ///< From the least to the greatest capacity.
  double weight_decades = 0;      ///< The same for weights.
  double cut = 0;                 ///< The part of links with capacity 0.
  bool classes = false;           ///< All three, else only bulk.
};

inline double spread(Rng& rng, double decades) {
  return dmath::exp(decades * rng.uniform() * dmath::log(10));
}

inline std::vector<DirectedLink> wan_links(const WanShape& shape, Rng rng) {
  std::vector<std::pair<double, double>> at(shape.sites);
  for (auto& [x, y] : at) x = 4e6 * rng.uniform(), y = 2e6 * rng.uniform();
  const auto far = [&](std::uint32_t a, std::uint32_t b) {
    const double x = at[a].first - at[b].first;
    const double y = at[a].second - at[b].second;
    return std::sqrt(x * x + y * y);
  };
  std::vector<char> joined(std::size_t{shape.sites} * shape.sites);
  std::vector<DirectedLink> links;
  const auto join = [&](std::uint32_t a, std::uint32_t b) {
    joined[std::size_t{a} * shape.sites + b] = joined[std::size_t{b} * shape.sites + a] = 1;
    const auto latency = from_seconds(1e-4 + 1.4 * far(a, b) / 2e8);
    const auto capacity = bits_per_second(1e10 * spread(rng, shape.capacity_decades));
    links.push_back({.from = a, .to = b, .latency = latency, .capacity = capacity});
    links.push_back({.from = b, .to = a, .latency = latency, .capacity = capacity});
  };
  for (std::uint32_t site = 1; site < shape.sites; ++site) {
    std::uint32_t nearest = 0;
    for (std::uint32_t other = 1; other < site; ++other)
      if (far(site, other) < far(site, nearest)) nearest = other;
    join(site, nearest);
  }
  const std::size_t most = std::size_t{shape.sites} * (shape.sites - 1);
  while (links.size() < std::min<std::size_t>(shape.links, most)) {
    const auto a = static_cast<std::uint32_t>(rng.below(shape.sites));
    std::optional<std::uint32_t> best;
    for (int tries = 0; tries < 6; ++tries) {
      const auto b = static_cast<std::uint32_t>(rng.below(shape.sites));
      if (a == b || joined[std::size_t{a} * shape.sites + b]) continue;
      if (!best || far(a, b) < far(a, *best)) best = b;
    }
    if (best) join(a, *best);
  }
  for (auto& link : links)
    if (rng.chance(shape.cut)) link.capacity = BytesPerSecond{0};
  return links;
}

inline FlowProblem wan_problem(const WanShape& shape, std::uint64_t seed) {
  const Rng rng{seed};
  const auto finder = *CandidatePaths::make(shape.sites, wan_links(shape, rng.fork(1)));
  std::vector<BytesPerSecond> capacities;
  double all = 0;
  for (const auto& link : finder.links()) {
    capacities.push_back(link.capacity);
    all += link.capacity.value();
  }
  auto problem = *FlowProblem::make(capacities);
  Rng draw = rng.fork(2);
  std::vector<double> mass(shape.sites);
  double mass_sum = 0;
  for (auto& m : mass) mass_sum += m = 0.1 * spread(draw, 1.7);
  for (std::uint32_t from = 0; from < shape.sites; ++from)
    for (std::uint32_t to = 0; to < shape.sites; ++to) {
      if (from == to) continue;
      const double part =
          mass[from] * mass[to] / (mass_sum * mass_sum) * (0.3 + 1.4 * draw.uniform());
      const auto traffic =
          shape.classes ? static_cast<TrafficClass>(draw.below(3)) : TrafficClass::bulk;
      const double size = draw.chance(0.01) ? 0 : shape.load * all / 4 * part;
      AXS_ASSERT(problem.add_demand({.size = BytesPerSecond{size},
                                     .weight = spread(draw, shape.weight_decades),
                                     .traffic = traffic}));
      for (const auto& path : finder.between(from, to, shape.paths))
        AXS_ASSERT(problem.add_path(path));
    }
  return problem;
}

/// A problem of any kind a test should see, with `sites` sites.
inline FlowProblem any_problem(std::uint32_t sites, std::uint64_t seed) {
  Rng rng = Rng{seed}.fork(3);
  const WanShape shape{
      .sites = sites,
      .links = 2 * sites + 2 * static_cast<std::uint32_t>(rng.below(2 * sites)),
      .paths = 1 + rng.below(5),
      .load = 0.01 * spread(rng, 5),
      .capacity_decades = 3 * rng.uniform(),
      .weight_decades = rng.chance(0.5) ? 0 : 4 * rng.uniform(),
      .cut = rng.chance(0.5) ? 0 : 0.2,
      .classes = true,
  };
  return wan_problem(shape, seed);
}

}  // namespace axs::net::testing
