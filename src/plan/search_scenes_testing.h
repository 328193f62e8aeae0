#pragma once

#include <array>

#include "axs/core/dmath.h"
#include "axs/core/rng.h"
#include "axs/plan/search_result.h"

/// Fleets and jobs for tests and benchmarks of the search.
namespace axs::plan::scenes {

inline DeviceType device(const char* family, double tflops, double gigabytes, std::uint32_t node) {
  return {.accelerator = {.name = family,
                          .family = family,
                          .peak = FlopsPerSecond{tflops * 1e12},
                          .memory_rate = BytesPerSecond{tflops * 5e9},
                          .memory = Bytes{gigabytes * 1e9},
                          .multiprocessors = 108,
                          .scale_up = BytesPerSecond{300e9},
                          .per_node = node,
                          .power = Watts{400},
                          .rated_power = Watts{400}},
          .network = {.node_rate = BytesPerSecond{100e9}, .rails = node}};
}

inline Calibration calibration() {
  Calibration calibration;
  calibration.shared.hiding = 0.5;
  calibration.shared.stragglers = 0.0075;
  calibration.shared.network_latency = Seconds{2e-5};
  calibration.memory.runtime = Bytes{1e9};
  return calibration;
}

/// A model of a few gigabytes, with a batch of a few sequences.
inline Job small_job(Rng& rng) {
  Job job;
  job.shape = {.layers = static_cast<std::uint32_t>(2 + rng.below(4)),
               .hidden = 4096,
               .heads = 32,
               .kv_heads = 8,
               .head_width = 128,
               .feed_forward = 14336,
               .gated = true,
               .vocabulary = 32000};
  job.global_batch = static_cast<std::uint32_t>(1 + rng.below(8));
  job.sequence = 2048;
  job.tokens = 1e9;
  return job;
}

/// One site with up to three types and five devices.
inline Fleet small_fleet(Rng& rng) {
  Fleet fleet;
  fleet.sites.push_back({.name = "a", .jurisdiction = "", .pools = {}});
  const auto types = static_cast<std::uint32_t>(1 + rng.below(3));
  std::uint32_t left = 5;
  for (std::uint32_t type = 0; type < types; ++type) {
    const double tflops = 100 + 900 * rng.uniform();
    const double memory = 12 + 40 * rng.uniform();
    fleet.types.push_back(device("chip", tflops, memory, rng.chance(0.5) ? 4 : 2));
    const auto devices = static_cast<std::uint32_t>(rng.below(std::min(left, 3u) + 1));
    fleet.sites[0].pools.push_back({type, devices});
    left -= devices;
  }
  return fleet;
}

/// With sequences that are worth sharing.
inline Job long_job(Rng& rng) {
  Job job = small_job(rng);
  job.shape.layers = static_cast<std::uint32_t>(2 + rng.below(2));
  job.global_batch = static_cast<std::uint32_t>(1 + rng.below(3));
  job.sequence = 16384u << rng.below(2);
  return job;
}

/// Two types beside each other.
inline Fleet unlike_fleet(Rng& rng) {
  Fleet fleet;
  fleet.sites.push_back({.name = "a", .jurisdiction = "", .pools = {}});
  for (std::uint32_t type = 0; type < 2; ++type) {
    const double tflops = 100 + 900 * rng.uniform();
    const double memory = 24 + 56 * rng.uniform();
    fleet.types.push_back(device("chip", tflops, memory, rng.chance(0.5) ? 4 : 2));
    fleet.sites[0].pools.push_back({type, static_cast<std::uint32_t>(1 + rng.below(3))});
  }
  return fleet;
}

/// Nodes of other numbers of devices, up to seven of which are in use if they are of one type, and
/// heads that few of them divide.
inline void make_odd(Rng& rng, Job& job, Fleet& fleet) {
  constexpr std::array<std::uint32_t, 5> nodes{3, 5, 6, 7, 12};
  for (DeviceType& type : fleet.types) type.accelerator.per_node = nodes[rng.below(nodes.size())];
  if (fleet.types.size() == 1)
    fleet.sites[0].pools[0].devices = static_cast<std::uint32_t>(1 + rng.below(7));
  job.shape.heads = rng.chance(0.5) ? 25 : 30;
  job.shape.kv_heads = rng.chance(0.5) ? job.shape.heads : 5;
}

/// Joins two sites in most spells, with links from a megabyte to 100 GB a second.
inline void join(Rng& rng, Fleet& fleet, std::uint32_t a, std::uint32_t b) {
  const auto spells = static_cast<std::uint32_t>(std::max<std::size_t>(fleet.spells.size(), 1));
  for (std::uint32_t spell = 0; spell < spells; ++spell) {
    const BytesPerSecond rate{1e6 * dmath::exp(rng.uniform() * dmath::log(1e5))};
    if (rng.chance(0.95)) fleet.links.push_back({a, b, rate, Seconds{rng.uniform()}, spell});
  }
}

/// Its devices at two or three sites, with links that change now and then, or stay as they are.
inline void scatter(Rng& rng, Fleet& fleet) {
  const auto sites = static_cast<std::uint32_t>(2 + rng.below(2));
  const std::vector<Pool> pools = std::move(fleet.sites[0].pools);
  fleet.sites.assign(sites, {});
  for (std::uint32_t site = 0; site < sites; ++site)
    fleet.sites[site].name = std::string(1, static_cast<char>('a' + site));
  for (const Pool& pool : pools)
    for (std::uint32_t i = 0; i < pool.devices; ++i)
      fleet.sites[rng.below(sites)].pools.push_back({pool.type, 1});
  if (rng.chance(0.5)) fleet.spells = {Seconds{1}, Seconds{2}, Seconds{3}};
  for (std::uint32_t b = 1; b < sites; ++b)
    for (std::uint32_t a = 0; a < b; ++a)
      if (rng.chance(0.8)) join(rng, fleet, a, b);
}

/// Some devices more, of a type that was there or not, at a site that was there or not, which
/// links to one or two.
inline void grow(Rng& rng, Fleet& fleet) {
  const auto some = static_cast<std::uint32_t>(1 + rng.below(9));
  const auto site = static_cast<std::uint32_t>(rng.below(fleet.sites.size()));
  if (rng.chance(0.3) && fleet.types.size() < 3) {
    fleet.sites[site].pools.push_back({static_cast<std::uint32_t>(fleet.types.size()), some});
    fleet.types.push_back(device("chip", 50 + 500 * rng.uniform(), 24, 4));
  } else if (rng.chance(0.3)) {
    const auto added = static_cast<std::uint32_t>(fleet.sites.size());
    fleet.sites.push_back({.name = "b", .jurisdiction = "", .pools = {{0, some}}});
    join(rng, fleet, site, added);
    if (site > 0) join(rng, fleet, 0, added);
  } else {
    const auto type = static_cast<std::uint32_t>(rng.below(fleet.types.size()));
    fleet.sites[site].pools.push_back({type, some});
  }
}

/// What has no price yet gets any.
inline void price(Rng& rng, Fleet& fleet) {
  for (DeviceType& type : fleet.types)
    if (!type.price) type.price = Dollars{0.5 + 4 * rng.uniform()} / Seconds{3600};
  for (FleetSite& site : fleet.sites)
    if (!site.supply.carbon) {
      site.supply.carbon = 1e-7 * (0.2 + rng.uniform());
      site.supply.price = DollarsPerJoule{rng.uniform() * 3e-8};
    }
}

/// Four types, one twice as fast as the next, spread over sites that are all joined to the first.
inline Fleet large_fleet(std::uint32_t devices, std::uint32_t types, std::uint32_t sites) {
  Fleet fleet;
  for (std::uint32_t type = 0; type < types; ++type)
    fleet.types.push_back(device("chip", 1000.0 / (1u << type), 80 - 10 * type, 8));
  for (std::uint32_t site = 0; site < sites; ++site) {
    fleet.sites.push_back({.name = std::to_string(site), .jurisdiction = "", .pools = {}});
    for (std::uint32_t type = 0; type < types; ++type)
      fleet.sites[site].pools.push_back({type, devices / types / sites});
    if (site > 0)
      fleet.links.push_back({0, site, bits_per_second(400e9 / site), Seconds{0.02 * site}});
  }
  return fleet;
}

/// Of a job that has no plan.
inline constexpr Seconds never{1e30};

inline Seconds best_step(const Job& job, const Fleet& fleet) {
  const auto found = search(job, fleet, calibration());
  return found ? found->plan.step.total : never;
}

/// A job and fleet that everything fits on.
struct Roomy {
  Job job;
  Fleet fleet;

  Roomy() {
    Rng rng{1};
    job = small_job(rng);
    job.shape.layers = 4;
    job.global_batch = 8;
    fleet.types = {device("chip", 400, 80, 4)};
    fleet.sites.push_back({.name = "a", .jurisdiction = "eu", .pools = {{0, 4}}});
  }
};

}  // namespace axs::plan::scenes
