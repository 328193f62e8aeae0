#include "axs/net/topology.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <set>

#include "axs/net/transport.h"

namespace axs::net {
namespace {

constexpr SiteId sfo{0}, fra{1}, tyo{2};

std::vector<UnderlayLink> triangle() {
  const auto rate = bits_per_second(1e9);
  return {{LinkId{0}, sfo, fra, milliseconds(64), rate, rate},
          {LinkId{1}, sfo, fra, milliseconds(36), rate / 10, rate / 20},
          {LinkId{2}, tyo, sfo, milliseconds(58), rate, rate / 4},
          {LinkId{3}, fra, tyo, milliseconds(66), BytesPerSecond{}, rate}};
}

std::vector<std::uint32_t> numbers(const CandidatePath& path) {
  std::vector<std::uint32_t> ids;
  for (const LinkId link : path.span()) ids.push_back(link.value);
  return ids;
}

TEST_CASE("candidates are the direct links by nominal delay, then the relays") {
  const auto topology = Topology::make({tyo, sfo, fra}, triangle());
  REQUIRE(topology);
  const auto& paths = topology->paths(sfo, fra);
  REQUIRE(paths.size() == 3);
  CHECK(numbers(paths[0]) == std::vector<std::uint32_t>{1});
  CHECK(numbers(paths[1]) == std::vector<std::uint32_t>{0});
  CHECK(numbers(paths[2]) == std::vector<std::uint32_t>{2, 3});
  CHECK(paths[2].nominal == milliseconds(124));
  CHECK(paths[2].relay_links() == RelayLinks{{LinkId{3}}, 1});
  CHECK(paths[0].relay_links().count == 0);
  CHECK(numbers(topology->paths(fra, sfo)[2]) == std::vector<std::uint32_t>{3, 2});
  // tyo-sfo has one direct link and two ways through fra.
  CHECK(topology->paths(tyo, sfo).size() == 3);
}

TEST_CASE("the rate of a path is that of its narrowest link in its direction") {
  const auto topology = Topology::make({sfo, fra, tyo}, triangle());
  CHECK(topology->paths(sfo, fra)[0].rate.value() == doctest::Approx(1e8 / 8));
  CHECK(topology->paths(fra, sfo)[0].rate.value() == doctest::Approx(5e7 / 8));
  CHECK(topology->paths(sfo, fra)[2].rate.value() == doctest::Approx(2.5e8 / 8));
  CHECK(topology->paths(fra, sfo)[2].rate.value() == 0);  // fra to tyo is not known.
}

TEST_CASE("disjoint paths share no link") {
  const auto topology = Topology::make({sfo, fra, tyo}, triangle());
  const auto& paths = topology->paths(tyo, sfo);
  CHECK(link_disjoint(paths[0], paths[1]));
  CHECK_FALSE(link_disjoint(paths[1], paths[2]));  // Both cross link 3.
  CHECK_FALSE(link_disjoint(paths[1], paths[1]));
}

TEST_CASE("links that make no sense are refused by name") {
  const auto what = [](UnderlayLink link) {
    auto links = triangle();
    links.push_back(link);
    const auto topology = Topology::make({sfo, fra, tyo}, links);
    return topology ? std::string{} : topology.error().what;
  };
  CHECK(what({LinkId{7}, sfo, SiteId{9}}) == "link 7: site 9 at one end, want a listed site");
  CHECK(what({LinkId{7}, sfo, sfo}) == "link 7: both ends at site 0, want two sites");
  CHECK(what({LinkId{2}, sfo, fra}) == "link 2: the id given twice, want each id once");
  CHECK(what({LinkId{7}, sfo, fra}).empty());
  CHECK(Topology::make({sfo, sfo}, {}).error().what == "site 0: listed twice, want each once");
}

TEST_CASE("both ends number the paths alike, whatever the order of the input") {
  CHECK(rc::check([] {
    const auto count = *rc::gen::inRange<std::uint32_t>(2, 8);
    std::vector<SiteId> sites;
    for (std::uint32_t i = 0; i < count; ++i) sites.push_back(SiteId{i * 3});
    std::vector<UnderlayLink> links;
    for (std::uint32_t i = 0, n = *rc::gen::inRange<std::uint32_t>(0, 40); i < n; ++i) {
      const auto a = *rc::gen::inRange<std::uint32_t>(0, count);
      const auto b = (a + *rc::gen::inRange<std::uint32_t>(1, count)) % count;
      links.push_back({LinkId{i}, sites[a], sites[b], milliseconds(*rc::gen::inRange(1, 5))});
    }
    const auto one = Topology::make(sites, links);
    std::reverse(sites.begin(), sites.end());
    std::reverse(links.begin(), links.end());
    const auto other = Topology::make(sites, links);
    for (const SiteId a : sites)
      for (const SiteId b : sites) {
        if (a == b) continue;
        const auto& there = one->paths(a, b);
        const auto& back = other->paths(b, a);
        RC_ASSERT(there.size() == back.size() && there.size() <= Topology::max_paths);
        std::set<std::vector<std::uint32_t>> distinct;
        for (std::size_t i = 0; i < there.size(); ++i) {
          auto mirrored = numbers(back[i]);
          std::reverse(mirrored.begin(), mirrored.end());
          RC_ASSERT(numbers(there[i]) == mirrored);
          RC_ASSERT(there[i].id.value == i && back[i].id.value == i);
          distinct.insert(mirrored);
        }
        RC_ASSERT(distinct.size() == there.size());
      }
  }));
}

TEST_CASE("as many paths as the transport can take") {
  CHECK(Topology::max_paths == Transport::max_paths);
}

}  // namespace
}  // namespace axs::net
