// The same scenes in SimGrid, with its corrections for TCP off so that it, too, is max-min fair and
// fluid: how far apart the ends of flows are, and how fast both are. Delays are left out: SimGrid
// lets them pass before a flow has a share, we after it.
#include <fmt/format.h>
#include <simgrid/s4u.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "axs/twin/flow_comparison.h"
#include "axs/twin/flow_scenes.h"
#include "axs/twin/flow_simulator.h"
#include "processor_time.h"

using namespace axs;
using namespace axs::twin;
namespace sg = simgrid::s4u;

namespace {

/// `count` flows at once, which end one after the other.
FlowScene crowd(std::uint32_t count) {
  FlowScene scene = wan(20, bits_per_second(100e9), Rng{1});
  scene.name = fmt::format("wan-20, {} at once", count);
  Rng rng{2};
  for (std::uint32_t i = 0; i < count; ++i) {
    const RouteId route{static_cast<std::uint32_t>(rng.below(scene.routes.size()))};
    Flow flow{.id = i, .route = route};
    flow.bytes = FlowSizes{}.draw(rng);
    scene.events.push_back({Instant{}, flow});
  }
  return scene;
}

FlowScene busy(std::uint32_t sites) {
  FlowScene scene = wan(sites, bits_per_second(100e9), Rng{1});
  add_arrivals(scene, {.count = 20'000, .load = 0.8}, Rng{2});
  return scene;
}

/// Those that SimGrid can play: its flows have no weights, and with a capped rate or a link that
/// recovers, direct communications of its release 3.32 did not do what was asked.
std::vector<FlowScene> scenes() {
  std::vector<FlowScene> all;
  for (const FlowScene& scene : small_scenes(1))
    if (scene.name == "parking lot" || scene.name == "wan-5") all.push_back(scene);
  all.push_back(busy(20));
  all.push_back(busy(100));
  all.push_back(crowd(2'000));
  return all;
}

/// Each route is between two hosts of its own choice: hosts are only names for routes here.
class Peer {
 public:
  explicit Peer(const FlowScene& scene) : scene_{scene} {
    auto* zone = sg::create_full_zone("zone");
    while (hosts_.size() < 2 || hosts_.size() * (hosts_.size() - 1) < scene.routes.size())
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
      const Flow& flow = std::get<Flow>(event.what);
      const auto [from, to] = ends(flow.route);
      auto comm = sg::Comm::sendto_init();
      comm->set_payload_size(flow.bytes);
      comm->set_source(from)->set_destination(to);  // Which starts it.
      comms_.emplace_back(flow.id, comm);
      all.push_back(comm);
    }
    sg::Comm::wait_all(all);
  }

  const FlowScene& scene_;
  std::vector<sg::Host*> hosts_;
  std::vector<sg::Link*> links_;
  std::vector<std::pair<std::uint64_t, sg::CommPtr>> comms_;
};

/// The largest difference between the times that a flow takes here and there.
struct Difference {
  double relative{};
  double seconds{};
};

Difference compare(const FlowScene& scene, const std::vector<FlowEnd>& ours,
                   const std::map<std::uint64_t, double>& theirs) {
  const auto starts = start_times(scene);
  Difference largest;
  for (const FlowEnd& end : ours) {
    const Instant start = starts.at(end.flow);
    const double time = (end.sent_at - start).seconds();
    const double there = theirs.at(end.flow) - (start - Instant{}).seconds();
    largest.seconds = std::max(largest.seconds, std::fabs(there - time));
    largest.relative = std::max(largest.relative, std::fabs(there / time - 1));
  }
  return largest;
}

void report(sg::Engine& engine, const FlowScene& scene) {
  double begin = processor_seconds();
  const std::vector<FlowEnd> ours = play_flows(scene);
  const double our_seconds = processor_seconds() - begin;
  Peer peer{scene};
  begin = processor_seconds();
  const std::map<std::uint64_t, double> theirs = peer.run(engine);
  const double their_seconds = processor_seconds() - begin;
  const Difference difference = compare(scene, ours, theirs);
  const double events = static_cast<double>(scene.events.size() + ours.size());
  fmt::print("{:24} {:6} {:11.1e} {:9.0f} {:10.0f} {:10.0f} {:6.1f}\n", scene.name, ours.size(),
             difference.relative, 1e9 * difference.seconds, events / our_seconds,
             events / their_seconds, their_seconds / our_seconds);
}

}  // namespace

/// flows_simgrid NUMBER: SimGrid plays one scene in a process.
int main(int argc, char** argv) {
  sg::Engine engine(&argc, argv);
  xbt_log_control_set("root.thresh:warning");
  for (const char* setting :
       {"network/model:CM02", "network/crosstraffic:0", "network/bandwidth-factor:1",
        "network/latency-factor:1", "network/weight-S:0", "network/TCP-gamma:0"})
    sg::Engine::set_config(setting);
  report(engine, scenes().at(argc > 1 ? std::stoul(argv[1]) : 0));
}
