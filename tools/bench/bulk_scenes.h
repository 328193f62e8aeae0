#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "axs/live/underlay.h"
#include "axs/net/link_presets.h"

/// The links of tools/bench/bulk, and where their ends are.
namespace axs::bench {

/// Which attachment of the emulator: UDP ports, or namespaces behind TUN devices, for root.
enum class Mode { sockets, tun };

struct Scene {
  std::string_view name;
  std::vector<net::PipeConfig> links;  ///< Both directions alike.
};

inline std::vector<Scene> scenes() {
  // 70 ms there and back and a buffer of 50 ms; every packet may be lost, acknowledgements too.
  net::PipeConfig lossy = net::fibre(milliseconds(35), bits_per_second(1e9));
  lossy.loss = 0.01;
  const auto fibre = net::fibre(milliseconds(35), bits_per_second(200e6));
  const auto leo = net::leo(net::LeoTerminal::gateway, milliseconds(20), bits_per_second(100e6));
  return {{"gigabit", {lossy}}, {"both", {fibre, leo}}};
}

/// One end of a link: `side` 0 sends the bulk, 1 receives it.
struct LinkEnd {
  std::uint32_t link;
  std::uint32_t side;
  std::string netns() const { return fmt::format("axs-bulk-{}-{}", link, side); }
  std::string address() const { return fmt::format("10.78.{}.{}", link, side + 1); }
  SiteId site() const { return SiteId{2 * link + side}; }
  std::uint16_t emulator_port() const { return static_cast<std::uint16_t>(own_port() + 1); }
  std::uint16_t own_port() const {
    return static_cast<std::uint16_t>(15'100 + 4 * link + 2 * side);
  }
};

inline live::UnderlayConfig emulation(const Scene& scene, Mode mode) {
  live::UnderlayConfig config;
  for (std::uint32_t i = 0; i < scene.links.size(); ++i) {
    const LinkEnd near{i, 0}, far{i, 1};
    live::UnderlayLink link{.id = LinkId{i},
                            .name = fmt::format("{}-{}", scene.name, i),
                            .a = near.site(),
                            .b = far.site(),
                            .forth = {scene.links[i]},
                            .back = {scene.links[i]}};
    if (mode == Mode::sockets) {
      link.a_end = {.port = near.emulator_port(), .peer = near.own_port()};
      link.b_end = {.port = far.emulator_port(), .peer = far.own_port()};
    } else {
      for (const LinkEnd& end : {near, far})
        config.tun_sites.push_back({end.site(), end.netns(), end.address()});
    }
    config.links.push_back(link);
  }
  return config;
}

inline std::optional<Scene> find_scene(std::string_view name) {
  for (auto& scene : scenes())
    if (scene.name == name) return scene;
  return std::nullopt;
}

}  // namespace axs::bench
