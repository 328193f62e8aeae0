#include "axs/live/underlay_stats.h"

#include <nlohmann/json.hpp>

#include "axs/core/enums.h"
#include "axs/core/fields.h"

namespace axs::live {

namespace {

using Json = nlohmann::ordered_json;

double microseconds_of(Duration d) {
  return static_cast<double>(d.ns) / 1e3;
}

Json error_json(const ReleaseError& error) {
  return {{"packets", error.packets},
          {"p50_us", microseconds_of(error.p50)},
          {"p99_us", microseconds_of(error.p99)},
          {"max_us", microseconds_of(error.max)}};
}

Json direction_json(const DirectionStats& direction) {
  Json json{{"link", direction.link},
            {"from", direction.from.value},
            {"to", direction.to.value},
            {"sent", direction.sent},
            {"in_flight", direction.in_flight},
            {"no_memory", direction.no_memory},
            {"no_peer", direction.no_peer},
            {"refused", direction.refused},
            {"kernel_dropped", direction.kernel_dropped},
            {"release_error", error_json(direction.error)}};
  for_each_field(direction.pipe,
                 [&](std::string_view name, std::uint64_t value) { json["pipe"][name] = value; });
  return json;
}

}  // namespace

std::string to_json(const UnderlayStats& stats) {
  Json json{{"scheduling", enum_name(stats.scheduling)}, {"ran_us", microseconds_of(stats.ran)},
            {"cpu_us", microseconds_of(stats.cpu)},      {"no_route", stats.no_route},
            {"release_error", error_json(stats.error)},  {"directions", Json::array()}};
  for (const DirectionStats& direction : stats.directions)
    json["directions"].push_back(direction_json(direction));
  return json.dump(2);
}

}  // namespace axs::live
