#include "axs/twin/storm.h"

#include <algorithm>

#include "axs/net/link_presets.h"
#include "axs/orbit/fibre.h"

namespace axs::twin {

namespace {

constexpr Duration first_fault = milliseconds(1'500);
/// What a path through the sky takes more than light along the ground, about.
constexpr double sky_stretch = 1.2;
/// Long enough that a burst of loss comes once.
constexpr Duration once = seconds(1'000'000);

Duration between(Rng& rng, Duration least, Duration most) {
  return least + scaled(most - least, rng.uniform());
}

/// Draws the faults one after the other.
class Brewer {
 public:
  Brewer(Rng rng, Duration window, catalog::Scenario& scenario,
         std::vector<fabric::LinkPlan>& links)
      : rng_{rng}, window_{window}, scenario_{scenario}, links_{links} {}

  Duration brew() {
    using Draw = void (Brewer::*)();
    constexpr Draw kinds[]{&Brewer::cut,         &Brewer::flap,       &Brewer::loss_burst,
                           &Brewer::partition,   &Brewer::kill_agent, &Brewer::kill_worker,
                           &Brewer::kill_leader, &Brewer::slow};
    for (std::uint64_t left = 4 + rng_.below(6); left > 0; --left)
      (this->*kinds[rng_.below(std::size(kinds))])();
    return over_;
  }

 private:
  Duration moment() { return between(rng_, first_fault, window_); }
  LinkId some_link() { return LinkId{static_cast<std::uint32_t>(rng_.below(links_.size()))}; }
  SiteId some_site() {
    return SiteId{static_cast<std::uint32_t>(rng_.below(scenario_.sites.size()))};
  }
  template <class What>
  void add(Duration at, const What& what, Duration lasts = {}) {
    scenario_.faults.push_back({at, what});
    over_ = std::max(over_, at + lasts);
  }
  void cut_for(LinkId link, Duration at, Duration lasts) {
    add(at, catalog::CutLink{link, lasts}, lasts);
  }

  void cut() { cut_for(some_link(), moment(), between(rng_, milliseconds(50), seconds(5))); }
  void flap() {
    const LinkId link = some_link();
    Duration at = moment();
    for (std::uint64_t left = 3 + rng_.below(8); left > 0; --left) {
      const Duration lasts = between(rng_, milliseconds(20), milliseconds(600));
      cut_for(link, at, lasts);
      at += lasts + between(rng_, milliseconds(20), milliseconds(900));
    }
  }
  void loss_burst() {
    fabric::LinkPlan& link = links_[some_link().value];
    const net::Handover burst{.period = once,
                              .phase = moment(),
                              .length = between(rng_, milliseconds(100), seconds(3)),
                              .loss = 0.2 + 0.8 * rng_.uniform(),
                              .extra_delay = between(rng_, {}, milliseconds(40))};
    if (rng_.chance(0.8)) link.forth.handover = burst;
    if (rng_.chance(0.8)) link.back.handover = burst;
    over_ = std::max(over_, burst.phase + burst.length);
  }
  /// All links between two halves at the same instant.
  void partition() {
    std::vector<bool> here(scenario_.sites.size());
    for (std::size_t i = 0; i < here.size(); ++i) here[i] = rng_.chance(0.5);
    const Duration at = moment(), lasts = between(rng_, milliseconds(200), seconds(4));
    for (const fabric::LinkPlan& link : links_)
      if (here[link.a.value] != here[link.b.value]) cut_for(link.id, at, lasts);
  }
  void kill_agent() { kill(catalog::Process::agent); }
  void kill_worker() { kill(catalog::Process::worker); }
  void kill(catalog::Process process) {
    add(moment(), catalog::KillProcess{some_site(), process}, seconds(1));
  }
  void kill_leader() { add(moment(), catalog::KillProcess{{}, catalog::Process::controller}); }
  void slow() {
    const Duration lasts = between(rng_, seconds(1), seconds(4));
    add(moment(), catalog::SlowSite{some_site(), 1 + 3 * rng_.uniform(), lasts}, lasts);
  }

  Rng rng_;
  Duration window_;
  catalog::Scenario& scenario_;
  std::vector<fabric::LinkPlan>& links_;
  Duration over_{};
};

void add_links(Rng& rng, SiteId a, SiteId b, catalog::Scenario& scenario) {
  catalog::Link link{.a = a, .b = b};
  link.rate_ab = link.rate_ba = bits_per_second(20e6 + 180e6 * rng.uniform());
  link.route_factor = 1.2 + rng.uniform();
  const bool fibre = rng.chance(0.7);
  if (fibre) scenario.links.push_back(link);
  if (fibre && rng.chance(0.4)) return;
  link.kind = catalog::LinkKind::wire;  // As through the sky; orbits are not what is tested.
  link.one_way = milliseconds(5) + scaled(orbit::surface_light_delay(scenario.sites[a.value].at,
                                                                     scenario.sites[b.value].at),
                                          sky_stretch);
  scenario.links.push_back(link);
}

/// A hub, so that every two sites are at most two links apart, and some more.
catalog::Scenario random_fabric(Rng& rng) {
  catalog::Scenario scenario;
  const std::size_t count = 3 + rng.below(3);
  for (std::size_t i = 0; i < count; ++i)
    scenario.sites.push_back({.name = "s" + std::to_string(i),
                              .at = {110 * rng.uniform() - 50, 360 * rng.uniform() - 180}});
  const std::uint64_t hub = rng.below(count);
  for (std::uint32_t a = 0; a < count; ++a)
    for (std::uint32_t b = a + 1; b < count; ++b)
      if (a == hub || b == hub || rng.chance(0.5)) add_links(rng, SiteId{a}, SiteId{b}, scenario);
  return scenario;
}

}  // namespace

Duration add_faults(Rng rng, Duration window, catalog::Scenario& scenario,
                    std::vector<fabric::LinkPlan>& links) {
  Rng clocks = rng.fork(1);
  for (catalog::Site& site : scenario.sites)
    site.clock = {between(clocks, seconds(-100'000), seconds(100'000)),
                  400 * clocks.uniform() - 200};
  return Brewer{rng.fork(2), window, scenario, links}.brew();
}

Storm make_storm(std::uint64_t seed) {
  constexpr Duration window = seconds(6);
  constexpr std::uint64_t training_s = 6;
  Rng rng{seed};
  Storm storm{random_fabric(rng), {}, {}, {}};
  catalog::Scenario& scenario = storm.scenario;
  scenario.name = "storm-" + std::to_string(seed);
  scenario.seed = seed;
  WorkerSpeed speed;
  speed.contribution_bytes = 20'000 + rng.below(60'000);
  storm.workers.assign(scenario.sites.size(), speed);
  scenario.train.outer = {.period = 20, .fragments = 2};
  // A budget that lasts some seconds at the speed of the workers.
  const auto steps =
      static_cast<std::uint64_t>(static_cast<double>(training_s) / speed.step.seconds());
  scenario.train.tokens = steps * speed.tokens_per_step * scenario.sites.size();
  auto links = fabric::plan_links(scenario, {}, seconds(60));
  AXS_ASSERT(links.has_value());
  storm.links = *std::move(links);
  for (fabric::LinkPlan& link : storm.links)
    if (scenario.links[link.id.value].kind == catalog::LinkKind::wire)
      for (net::PipeConfig* pipe : {&link.forth, &link.back})
        *pipe = net::leo(net::LeoTerminal::gateway, pipe->delay, pipe->rate);
  storm.over = add_faults(rng.fork(7), window, scenario, storm.links);
  return storm;
}

}  // namespace axs::twin
