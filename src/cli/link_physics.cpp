#include "axs/cli/link_physics.h"

#include <algorithm>
#include <numeric>

#include "axs/catalog/places.h"
#include "axs/catalog/scenario.h"
#include "axs/orbit/fibre.h"
#include "axs/orbit/sky.h"

namespace axs::cli {
namespace {

/// How many letters must be put in, left out or changed (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// The place whose code or name is most like the text.
const catalog::Place& nearest(std::string_view text) {
  const std::string wanted = lower(text);
  const auto unlike = [&](const catalog::Place& place) {
    return std::min(distance(wanted, place.code), distance(wanted, lower(place.name)));
  };
  return *std::ranges::min_element(catalog::places(), {}, unlike);
}

std::optional<Duration> leo_round_trip(catalog::GeoPoint from, catalog::GeoPoint to) {
  constexpr std::int64_t moments = 9;
  constexpr Duration orbit = seconds(5'730);
  const orbit::Shell starlink{.epoch = {1'759'924'800'000'000'000},
                              .planes = 72,
                              .slots = 22,
                              .inclination_deg = 53,
                              .mean_motion = orbit::mean_motion_at(550),
                              .walker_f = 39};
  const auto sky = orbit::Sky::of_shell(starlink);
  if (!sky) return std::nullopt;
  std::vector<Duration> found;
  for (std::int64_t i = 0; i < moments; ++i) {
    const orbit::SkyGraph graph{*sky, starlink.epoch + i * orbit / moments};
    if (const auto path = graph.shortest(sky->station(from), sky->station(to)))
      found.push_back(2 * path->one_way);
  }
  return net::percentile_of(found, moments - found.size(), 50);
}

}  // namespace

Result<catalog::GeoPoint> link_place(const std::string& text) {
  const auto place = catalog::parse_place(text);
  if (place || text.find(',') != std::string::npos) return place;
  const catalog::Place& near = nearest(text);
  return Error{Errc::invalid, "no place is known as \"" + text + "\", did you mean " +
                                  std::string{near.code} + " (" + std::string{near.name} +
                                  ")? Latitude and longitude like 37.77,-122.42 do too"};
}

net::LatencyOffer latency_offer(catalog::GeoPoint from, catalog::GeoPoint to) {
  const double usual_route = catalog::Link{}.route_factor;
  return {.light = 2 * orbit::surface_light_delay(from, to),
          .fibre = 2 * orbit::fibre_delay(from, to, usual_route),
          .leo = leo_round_trip(from, to)};
}

}  // namespace axs::cli
