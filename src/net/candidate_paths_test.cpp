#include "axs/net/candidate_paths.h"

#include <doctest/doctest.h>

#include <set>

#include "axs/net/flow_testing.h"

namespace axs::net {
namespace {

DirectedLink link(std::uint32_t from, std::uint32_t to, int ms) {
  return {.from = from, .to = to, .latency = milliseconds(ms), .capacity = BytesPerSecond{1}};
}

using Paths = std::vector<CandidatePaths::Path>;

TEST_CASE("the shortest first, then what parts from it") {
  const auto finder = *CandidatePaths::make(
      4, {link(0, 1, 1), link(1, 3, 1), link(0, 2, 2), link(2, 3, 2), link(1, 2, 1)});
  CHECK(finder.between(0, 3, 2) == Paths{{0, 1}, {2, 3}});
  // What only mixes these two is never better than both.
  CHECK(finder.between(0, 3, 9) == Paths{{0, 1}, {2, 3}});
  CHECK(finder.between(3, 0, 2).empty());
  CHECK(finder.between(1, 1, 2).empty());
}

TEST_CASE("bad links are refused") {
  CHECK(CandidatePaths::make(2, {link(0, 2, 1)}).error().what ==
        "link 0: site 2, want one below 2");
  CHECK(CandidatePaths::make(2, {link(1, 1, 1)}).error().what ==
        "link 0: both ends at site 1, want two sites");
  CHECK(CandidatePaths::make(2, {link(0, 1, -1)}).error().what ==
        "link 0: latency -1000000 ns, want >= 0");
}

TEST_CASE("paths lead there without a loop, are different, and the first is the shortest") {
  const testing::WanShape shape{.sites = 20, .links = 80};
  const auto finder = *CandidatePaths::make(shape.sites, testing::wan_links(shape, Rng{5}));
  for (std::uint32_t from = 0; from < shape.sites; ++from)
    for (std::uint32_t to = 0; to < shape.sites; ++to) {
      const auto paths = finder.between(from, to, 4);
      CHECK(paths.empty() == (from == to));
      CHECK(std::set(paths.begin(), paths.end()).size() == paths.size());
      std::vector<Duration> latency(paths.size());
      for (std::size_t i = 0; i < paths.size(); ++i) {
        std::set<std::uint32_t> seen{from};
        auto at = from;
        for (const auto number : paths[i]) {
          CHECK(finder.links()[number].from == at);
          at = finder.links()[number].to;
          CHECK(seen.insert(at).second);
          latency[i] += finder.links()[number].latency;
        }
        CHECK(at == to);
        CHECK(latency[i] >= latency[0]);
      }
    }
}

}  // namespace
}  // namespace axs::net
