// The same scenes in SimGrid, with its corrections for TCP off so that it, too, is max-min fair and
// fluid: how far apart the ends of flows are, and how fast both are. Delays are left out: SimGrid
// lets them pass before a flow has a share, we after it.
#include <fmt/format.h>
#include <simgrid/s4u.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "axs/twin/flow_scenes.h"
#include "axs/twin/flow_simulator.h"

using namespace axs;
using namespace axs::twin;
namespace sg = simgrid::s4u;

namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

FlowScene scene_named(const std::string& name) {
  for (const FlowScene& scene : small_scenes(1))
    if (scene.name == name) return scene;
  const std::uint32_t sites = name.starts_with("wan-100") ? 100 : 20;
  FlowScene scene = wan(sites, bits_per_second(100e9), Rng{1});
  const bool has_cap = name.ends_with("NICs");
  add_arrivals(scene,
               {.count = 20'000,
                .load = 0.8,
                .cap = has_cap ? bits_per_second(1e9) : unlimited},
               Rng{2});
  return scene;
}

/// Each route is between two hosts of its own choice: hosts are only names for routes here.
class Peer {
 public:
  explicit Peer(const FlowScene& scene) : scene_{scene} {
    auto* zone = sg::create_full_zone("zone");
    while (hosts_.size() * (hosts_.size() - 1) < scene.routes.size() || hosts_.size() < 2)
      hosts_.push_back(zone->create_host(fmt::format("host{}", hosts_.size()), 1e9));
    for (const FlowLink& link : scene.links)
      links_.push_back(
          zone->create_link(fmt::format("link{}", links_.size()), link.rate.value())->seal());
    for (std::uint32_t i = 0; i < scene.routes.size(); ++i) {
      std::vector<sg::LinkInRoute> path;
      for (const LinkId link : scene.routes[i]) path.emplace_back(links_[link.value]);
      const auto [from, to] = ends(RouteId{i});
      zone->add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, path, false);
    }
    zone->seal();
  }

  std::map<std::uint64_t, double> run(sg::Engine& engine) {
    sg::Actor::create("driver", hosts_[0], [this] { drive(); });
    engine.run();
    std::map<std::uint64_t, double> ended;
    for (const auto& [id, comm] : comms_) ended[id] = comm->get_finish_time();
    return ended;
  }

 private:
  std::pair<sg::Host*, sg::Host*> ends(RouteId route) const {
    const std::size_t others = hosts_.size() - 1;
    const std::size_t from = route.value / others;
    const std::size_t to = route.value % others;
    return {hosts_[from], hosts_[to < from ? to : to + 1]};
  }

  void drive() {
    std::vector<sg::CommPtr> all;
    for (const SceneEvent& event : scene_.events) {
      sg::this_actor::sleep_until(static_cast<double>(event.at.ns) * 1e-9);
      if (const auto* change = std::get_if<RateChange>(&event.what))
        links_[change->link.value]->set_bandwidth(change->rate.value());
      const auto* flow = std::get_if<Flow>(&event.what);
      if (flow == nullptr) continue;
      const auto [from, to] = ends(flow->route);
      auto comm = sg::Comm::sendto_init();
      comm->set_payload_size(flow->bytes);
      if (flow->rate_cap < unlimited) comm->set_rate(flow->rate_cap.value());
      comm->set_source(from)->set_destination(to);  // Which starts it.
      comms_.emplace_back(flow->id, comm);
      all.push_back(comm);
    }
    sg::Comm::wait_all(all);
  }

  const FlowScene& scene_;
  std::vector<sg::Host*> hosts_;
  std::vector<sg::Link*> links_;
  std::vector<std::pair<std::uint64_t, sg::CommPtr>> comms_;
};

}  // namespace

int main(int argc, char** argv) {
  sg::Engine engine(&argc, argv);
  const std::string name = argc > 1 ? argv[1] : "parking lot";
  const FlowScene scene = scene_named(name);

  double begin = processor_seconds();
  const std::vector<FlowEnd> ours = play_flows(scene);
  const double our_seconds = processor_seconds() - begin;

  Peer peer{scene};
  begin = processor_seconds();
  const std::map<std::uint64_t, double> theirs = peer.run(engine);
  const double their_seconds = processor_seconds() - begin;

  std::map<std::uint64_t, double> started;
  for (const SceneEvent& event : scene.events)
    if (const auto* flow = std::get_if<Flow>(&event.what))
      started[flow->id] = static_cast<double>(event.at.ns) * 1e-9;
  double largest = 0, latest = 0;
  for (const FlowEnd& end : ours) {
    const double begun = started.at(end.flow);
    const double fct = static_cast<double>(end.sent_at.ns) * 1e-9 - begun;
    largest = std::max(largest, std::fabs((theirs.at(end.flow) - begun) / fct - 1));
latest = std::max(latest, std::fabs(theirs.at(end.flow) - begun - fct));
  }
  const double events = static_cast<double>(scene.events.size() + ours.size());
  fmt::print("{:24} {:6} {:12.1e} {:12.1e} {:12.0f} {:12.0f} {:8.1f}\n", name, ours.size(), largest, latest,
             events / our_seconds, events / their_seconds, their_seconds / our_seconds);
}
