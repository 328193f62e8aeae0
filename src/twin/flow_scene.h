#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "axs/core/id.h"
#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/core/units.h"
#include "axs/twin/fair_share.h"

namespace axs::twin {

/// One direction of a link.
struct FlowLink {
  BytesPerSecond rate;  ///< At least a byte per second; or 0, which lets nothing through.
  Duration delay{};
};

/// A packet on the wire; each link but the first sends the last one of a flow again, after all of
/// it has come.
inline constexpr Bytes packet_size{1500};

/// The way between two places, over links that may change while flows are on it.
using RouteId = Id<struct RouteTag>;

/// What strict flows leave of a link is shared by the fair ones.
enum class Precedence : std::uint8_t { strict, fair };

struct Flow {
  std::uint64_t id{};  ///< The caller's name for it; no two flows share one.
  RouteId route{};
  std::uint64_t bytes{};                ///< > 0.
  std::uint32_t weight = 1;             ///< > 0.
  BytesPerSecond rate_cap = unlimited;  ///< At least a byte per second.
  Precedence precedence = Precedence::fair;
};

struct FlowEnd {
  std::uint64_t flow{};
  Instant sent_at{};     ///< When its last byte has left.
  Instant arrived_at{};  ///< When that is at the far end, over the route as it is at sent_at.
};

/// From here on the link has this rate, as in FlowLink; 0 cuts it.
struct RateChange {
  LinkId link;
  BytesPerSecond rate;
};

/// From here on the route leads over these links.
struct RouteChange {
  RouteId route;
  std::vector<LinkId> links;
};

struct SceneEvent {
  Instant at;
  std::variant<Flow, RateChange, RouteChange> what;
};

/// What the fluid and the packet simulator both can play.
struct FlowScene {
  std::string name;
  std::vector<FlowLink> links;                ///< LinkId is the index.
  std::vector<std::vector<LinkId>> routes{};  ///< As they are at first; RouteId is the index.
  std::vector<SceneEvent> events{};           ///< In order of time.
};

/// Whether a link can have it: 0, or at least a byte per second.
bool is_link_rate(BytesPerSecond rate);
/// Whether a route can lead over them: links with ids below `link_count`, none twice.
bool is_way(std::span<const LinkId> links, std::size_t link_count);

/// Says what is wrong with a scene, and where; simulators take none that is.
Result<> validate(const FlowScene& scene);

}  // namespace axs::twin
