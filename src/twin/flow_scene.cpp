#include "axs/twin/flow_scene.h"

#include <algorithm>
#include <set>

namespace axs::twin {

namespace {

Error wrong(const std::string& what) {
  return {Errc::invalid, what};
}

/// Checks events one after the other.
class EventCheck {
 public:
  explicit EventCheck(const FlowScene& scene) : scene_{scene} {}

  Result<> check(const SceneEvent& event) {
    const std::string at = "at " + std::to_string(event.at.ns) + " ns";
    if (event.at < last_) return wrong(at + ": want events in order of time, from 0 on");
    last_ = event.at;
    return std::visit([&](const auto& what) { return check(at, what); }, event.what);
  }

 private:
  Result<> check(const std::string& at, const Flow& flow) {
    const std::string name = at + ": flow " + std::to_string(flow.id);
    if (!ids_.insert(flow.id).second) return wrong(name + ": want ids that are used once");
    if (flow.route.value >= scene_.routes.size())
      return wrong(name + ": route " + std::to_string(flow.route.value) + ", want one below " +
                   std::to_string(scene_.routes.size()));
    if (flow.bytes == 0 || flow.weight == 0) return wrong(name + ": want bytes and weight > 0");
    if (!(flow.rate_cap.value() >= 1)) return wrong(name + ": want a cap of 1 byte/s or more");
    return Ok{};
  }
  Result<> check(const std::string& at, const RateChange& change) const {
    if (change.link.value < scene_.links.size() && is_link_rate(change.rate)) return Ok{};
    return wrong(at + ": link " + std::to_string(change.link.value) + ", rate " +
                 std::to_string(change.rate.value()) +
                 " bytes/s, want a link of the scene and 0 or at least 1");
  }
  Result<> check(const std::string& at, const RouteChange& change) const {
    if (change.route.value < scene_.routes.size() && is_way(change.links, scene_.links.size()))
      return Ok{};
    return wrong(at + ": route " + std::to_string(change.route.value) +
                 ", want one of the scene, over links of the scene, none of them twice");
  }

  const FlowScene& scene_;
  Instant last_{};
  std::set<std::uint64_t> ids_;
};

}  // namespace

bool is_link_rate(BytesPerSecond rate) {
  return rate.value() == 0 || (rate.value() >= 1 && rate < unlimited);
}

bool is_way(std::span<const LinkId> links, std::size_t link_count) {
  return std::all_of(links.begin(), links.end(), [&](LinkId link) {
    return link.value < link_count && std::count(links.begin(), links.end(), link) == 1;
  });
}

Result<> validate(const FlowScene& scene) {
  for (std::size_t i = 0; i < scene.links.size(); ++i)
    if (!is_link_rate(scene.links[i].rate) || scene.links[i].delay < Duration{})
      return wrong(scene.name + ": link " + std::to_string(i) + ": rate " +
                   std::to_string(scene.links[i].rate.value()) + " bytes/s, delay " +
                   std::to_string(scene.links[i].delay.ns) +
                   " ns, want 0 or at least 1, and a delay >= 0");
  for (std::size_t i = 0; i < scene.routes.size(); ++i)
    if (!is_way(scene.routes[i], scene.links.size()))
      return wrong(scene.name + ": route " + std::to_string(i) +
                   ": want links of the scene, none of them twice");
  EventCheck events{scene};
  for (const SceneEvent& event : scene.events)
    if (auto outcome = events.check(event); !outcome)
      return wrong(scene.name + ": " + outcome.error().what);
  return Ok{};
}

}  // namespace axs::twin
