#include <fmt/format.h>

#include <array>
#include <cmath>

#include "axs/audit/calculations.h"
#include "axs/catalog/geo.h"
#include "axs/core/dmath.h"
#include "axs/orbit/fibre.h"

namespace axs::audit {

namespace {

using catalog::GeoPoint;

// The three places of the main job (IATA codes of places.h), one on each continent.
constexpr GeoPoint sfo{37.77, -122.42}, fra{50.11, 8.68}, tyo{35.68, 139.69};
constexpr GeoPoint nyc{40.71, -74.01};
constexpr double light_km_per_ms = 299.792458;
constexpr double earth_radius_km = 6371.0088;
/// Of real fibre against the great circle: what the project's scenarios take inside a region.
constexpr double regional_route_factor = 1.5;
constexpr double shell_km = 550;
constexpr double elevation_deg = 25;

double ms(Duration span) {
  return span.seconds() * 1e3;
}
/// There and back along the great circle, at the speed of light in vacuum.
double round_trip_ms(GeoPoint a, GeoPoint b) {
  return 2 * ms(orbit::surface_light_delay(a, b));
}
/// How far a round trip of that length can reach at the speed of light in vacuum.
double reach_km(double round_trip) {
  return round_trip / 2 * light_km_per_ms;
}

/// From the ground to a satellite at that elevation: law of cosines with the earth's centre.
double slant_km(double altitude_km, double elevation) {
  const double sine = dmath::sin(elevation * dmath::pi / 180);
  const double ratio = (earth_radius_km + altitude_km) / earth_radius_km;
  return earth_radius_km * (std::sqrt(ratio * ratio - (1 - sine * sine)) - sine);
}

Result<Finding> west_coast_to_europe(const plan::Facts&) {
  return Finding{Verdict::impossible,
                 fmt::format("{:.1f} ms at least, {:.1f} ms through straight fibre",
                             round_trip_ms(sfo, fra), 2 * ms(orbit::fibre_delay(sfo, fra, 1))),
                 "San Francisco to Frankfurt and back along the great circle; light takes that "
                 "long in vacuum.",
                 "axs link create sfo fra --rtt 5ms"};
}

Result<Finding> research_hubs(const plan::Facts&) {
  return Finding{
      Verdict::impossible,
      fmt::format("within {:.0f} km, {:.0f} km through straight fibre", reach_km(5),
                  reach_km(5) * 2 / 3),
      "Read as a round trip. It reaches no farther at the speed of light, and hubs around "
      "the globe are farther apart.",
      "axs link create nyc sfo --rtt 5ms"};
}

Result<Finding> intercontinental(const plan::Facts&) {
  return Finding{
      Verdict::impossible,
      fmt::format("{:.1f} ms America to Europe, {:.1f} America to Asia, {:.1f} Europe "
                  "to Asia, at least",
                  round_trip_ms(nyc, fra), round_trip_ms(sfo, tyo), round_trip_ms(fra, tyo)),
      fmt::format("At the speed of light 10 ms reach {:.0f} km; New York to Frankfurt, "
                  "San Francisco to Tokyo and Frankfurt to Tokyo are farther.",
                  reach_km(10)),
      "axs link create nyc fra --rtt 10ms"};
}

Result<Finding> fibre_across_continents(const plan::Facts&) {
  return Finding{
      Verdict::impossible,
      fmt::format("{:.1f} ms New York to Frankfurt, {:.1f} ms San Francisco to "
                  "Frankfurt, one way",
                  ms(orbit::fibre_delay(nyc, fra, 1)), ms(orbit::fibre_delay(sfo, fra, 1))),
      "Through fibre laid straight along the great circle; real routes are a third "
      "longer and more.",
      "axs link create nyc fra --rtt 40ms"};
}

Result<Finding> regional_latency(const plan::Facts&) {
  return Finding{
      Verdict::simulated,
      fmt::format("up to {:.0f} km apart", reach_km(10) * 2 / 3 / regional_route_factor),
      fmt::format("A round trip of 10 ms through fibre whose route is {} times the great "
                  "circle, nothing else waiting.",
                  regional_route_factor),
      ""};
}

Result<Finding> global_latency(const plan::Facts&) {
  const double share = (1 - dmath::cos(reach_km(30) / earth_radius_km)) / 2;
  const double antipode = 2 * dmath::pi * earth_radius_km / light_km_per_ms;
  return Finding{Verdict::simulated,
                 fmt::format("at least {:.0f} sites: one reaches {:.0f} % of the earth",
                             std::ceil(1 / share), 100 * share),
                 fmt::format("At the speed of light 30 ms there and back reach {:.0f} km over the "
                             "ground, and the other side of the earth takes {:.0f} ms. From one "
                             "place it is impossible.",
                             reach_km(30), antipode),
                 "axs link create sfo tyo --rtt 30ms"};
}

Result<Finding> edge_at_a_ground_station(const plan::Facts&) {
  const double least = 4 * shell_km / light_km_per_ms;
  const double most = 4 * slant_km(shell_km, elevation_deg) / light_km_per_ms;
  return Finding{
      Verdict::simulated, fmt::format("{:.1f} to {:.1f} ms of it are light's", least, most),
      fmt::format("User, satellite at {:.0f} km, gateway with the edge node beside it, and "
                  "back, from the zenith down to {:.0f} degrees. What a terminal's "
                  "scheduling and the model add is not in it; serving is not built yet.",
                  shell_km, elevation_deg),
      "axs sky rtt --shell data/starlink-4408.toml --from fra --to fra"};
}

constexpr std::array calculations{
    Calculation{12, west_coast_to_europe},     Calculation{13, research_hubs},
    Calculation{14, intercontinental},         Calculation{16, fibre_across_continents},
    Calculation{17, regional_latency},         Calculation{18, global_latency},
    Calculation{19, edge_at_a_ground_station},
};

}  // namespace

std::span<const Calculation> network_calculations() {
  return calculations;
}

}  // namespace axs::audit
