#include <fmt/format.h>

#include <algorithm>
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
double kilometres(GeoPoint a, GeoPoint b) {
  return orbit::great_circle(a, b).value() / 1e3;
}
/// The same by hand.
std::string round_trip_text(std::string_view name, GeoPoint a, GeoPoint b) {
  return fmt::format("{}: 2 x {:.0f} km / {:.3f} km/ms = {:.1f} ms", name, kilometres(a, b),
                     light_km_per_ms, round_trip_ms(a, b));
}
/// One way through straight fibre, by hand.
std::string fibre_text(std::string_view name, GeoPoint a, GeoPoint b) {
  return fmt::format("{}: {:.0f} km x 1.5 / {:.3f} km/ms = {:.1f} ms one way in fibre", name,
                     kilometres(a, b), light_km_per_ms, ms(orbit::fibre_delay(a, b, 1)));
}
/// How far a round trip of that length can reach at the speed of light in vacuum.
double reach_km(double round_trip) {
  return round_trip / 2 * light_km_per_ms;
}
std::string reach_text(double round_trip) {
  return fmt::format("{:.0f} ms / 2 x {:.3f} km/ms = {:.0f} km", round_trip, light_km_per_ms,
                     reach_km(round_trip));
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
                 "axs link create sfo fra --rtt 5ms",
                 {},
                 {round_trip_text("San Francisco to Frankfurt, great circle", sfo, fra),
                  fibre_text("The same", sfo, fra)}};
}

Result<Finding> research_hubs(const plan::Facts&) {
  return Finding{
      Verdict::impossible,
      fmt::format("within {:.0f} km, {:.0f} km through straight fibre", reach_km(5),
                  reach_km(5) * 2 / 3),
      fmt::format(
          "Read as a round trip. It reaches no farther at the speed of light, and hubs around "
          "the globe are farther apart: the command says that New York and San Francisco "
          "need {:.1f} ms.",
          round_trip_ms(nyc, sfo)),
      "axs link create nyc sfo --rtt 5ms",
      {},
      {reach_text(5),
       fmt::format("{:.0f} km x 2/3 in fibre = {:.0f} km", reach_km(5), reach_km(5) * 2 / 3),
       round_trip_text("New York to San Francisco, great circle", nyc, sfo)}};
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
      "axs link create nyc fra --rtt 10ms",
      {},
      {reach_text(10), round_trip_text("New York to Frankfurt", nyc, fra),
       round_trip_text("San Francisco to Tokyo", sfo, tyo),
       round_trip_text("Frankfurt to Tokyo", fra, tyo)}};
}

Result<Finding> fibre_across_continents(const plan::Facts&) {
  return Finding{
      Verdict::impossible,
      fmt::format("{:.1f} ms New York to Frankfurt, {:.1f} ms San Francisco to "
                  "Frankfurt, one way",
                  ms(orbit::fibre_delay(nyc, fra, 1)), ms(orbit::fibre_delay(sfo, fra, 1))),
      fmt::format("Through fibre laid straight along the great circle; real routes are a third "
                  "longer and more. The command speaks of round trips, twice as long: of {:.1f} ms "
                  "by light in vacuum from New York to Frankfurt, {:.1f} in straight fibre, and of "
                  "what real fibre takes.",
                  round_trip_ms(nyc, fra), 2 * ms(orbit::fibre_delay(nyc, fra, 1))),
      "axs link create nyc fra --rtt 40ms",
      {},
      {fibre_text("New York to Frankfurt", nyc, fra),
       fibre_text("San Francisco to Frankfurt", sfo, fra),
       round_trip_text("New York to Frankfurt in vacuum", nyc, fra)}};
}

Result<Finding> regional_latency(const plan::Facts&) {
  return Finding{
      Verdict::simulated,
      fmt::format("up to {:.0f} km apart", reach_km(10) * 2 / 3 / regional_route_factor),
      fmt::format("A round trip of 10 ms through fibre whose route is {} times the great "
                  "circle, nothing else waiting.",
                  regional_route_factor),
      "",
      {},
      {reach_text(10),
       fmt::format("{:.0f} km x 2/3 in fibre / {} = {:.0f} km", reach_km(10), regional_route_factor,
                   reach_km(10) * 2 / 3 / regional_route_factor)}};
}

/// Caps that cover a sphere have at least this angle from middle to edge (Fejes Toth, Lagerungen in
/// der Ebene, auf der Kugel und im Raum, 1953, chapter 5): the circle around an equilateral
/// triangle of 2 count - 4 that tile it. Reached by 3, 4, 6 and 12 caps.
double covering_angle(int count) {
  const double half_corner = dmath::pi / 6 * count / (count - 2);
  const double cosine = dmath::cos(half_corner) / dmath::sin(half_corner) / std::sqrt(3.0);
  return dmath::atan2(std::sqrt(1 - cosine * cosine), cosine);
}

Result<Finding> global_latency(const plan::Facts&) {
  constexpr int icosahedron = 12;
  constexpr double degree = dmath::pi / 180;
  const double angle = reach_km(30) / earth_radius_km;
  const double share = (1 - dmath::cos(angle)) / 2;
  const double antipode = 2 * dmath::pi * earth_radius_km / light_km_per_ms;
  int least = 3;
  while (covering_angle(least) > angle) ++least;
  return Finding{
      Verdict::simulated,
      fmt::format("at least {} sites, {} are enough: one reaches {:.0f} % of the earth", least,
                  icosahedron, 100 * share),
      fmt::format("At the speed of light 30 ms there and back reach {:.0f} km over the ground, and "
                  "the other side of the earth takes {:.0f} ms: from one place it is impossible, "
                  "as the command says of one pair. {} sites stand at the corners of an "
                  "icosahedron.",
                  reach_km(30), antipode, icosahedron),
      "axs link create sfo tyo --rtt 30ms",
      {},
      {reach_text(30),
       fmt::format("{:.0f} km / {:.1f} km = {:.2f} degrees; (1 - cos) / 2 = {:.3f} of the earth",
                   reach_km(30), earth_radius_km, angle / degree, share),
       "n caps that cover a sphere have arccos(cot(pi/6 x n/(n-2)) / sqrt(3)) at least (Fejes "
       "Toth)",
       fmt::format("{}: {:.2f} degrees, too wide; {}: {:.2f}; {}: {:.2f}, which an icosahedron has",
                   least - 1, covering_angle(least - 1) / degree, least,
                   covering_angle(least) / degree, icosahedron,
                   covering_angle(icosahedron) / degree)}};
}

Result<Finding> edge_at_a_ground_station(const plan::Facts&) {
  const double least = 4 * shell_km / light_km_per_ms;
  const double most = 4 * slant_km(shell_km, elevation_deg) / light_km_per_ms;
  return Finding{
      Verdict::simulated,
      fmt::format("{:.1f} to {:.1f} ms of it are light's", least, most),
      fmt::format("User, satellite at {:.0f} km, gateway with the edge node beside it, and "
                  "back, from the zenith down to {:.0f} degrees. What a terminal's "
                  "scheduling and the model add is not in it; serving is not built yet.",
                  shell_km, elevation_deg),
      "axs sky rtt --shell data/starlink-4408.toml --from fra --to fra",
      {},
      {fmt::format("4 x {:.0f} km / {:.3f} km/ms = {:.1f} ms", shell_km, light_km_per_ms, least),
       fmt::format("r (sqrt((1 + {:.0f} km / r)^2 - cos^2 e) - sin e), r = {:.1f} km, e = {:.0f} "
                   "degrees: {:.0f} km",
                   shell_km, earth_radius_km, elevation_deg, slant_km(shell_km, elevation_deg)),
       fmt::format("4 x {:.0f} km / {:.3f} km/ms = {:.1f} ms", slant_km(shell_km, elevation_deg),
                   light_km_per_ms, most)}};
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
