#include "axs/catalog/places.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace axs::catalog {

namespace {

/// City centres to two decimals, about a kilometre.
constexpr std::array known{
    Place{"akl", "Auckland", {-36.85, 174.76}},
    Place{"ams", "Amsterdam", {52.37, 4.90}},
    Place{"anc", "Anchorage", {61.22, -149.90}},
    Place{"bjs", "Beijing", {39.90, 116.41}},
    Place{"bom", "Mumbai", {19.08, 72.88}},
    Place{"bue", "Buenos Aires", {-34.60, -58.38}},
    Place{"cai", "Cairo", {30.04, 31.24}},
    Place{"chi", "Chicago", {41.88, -87.63}},
    Place{"cpt", "Cape Town", {-33.92, 18.42}},
    Place{"del", "Delhi", {28.61, 77.21}},
    Place{"den", "Denver", {39.74, -104.99}},
    Place{"dfw", "Dallas", {32.78, -96.80}},
    Place{"dub", "Dublin", {53.35, -6.26}},
    Place{"dxb", "Dubai", {25.20, 55.27}},
    Place{"fra", "Frankfurt", {50.11, 8.68}},
    Place{"hel", "Helsinki", {60.17, 24.94}},
    Place{"hkg", "Hong Kong", {22.32, 114.17}},
    Place{"hnl", "Honolulu", {21.31, -157.86}},
    Place{"iad", "Ashburn", {39.04, -77.49}},
    Place{"ist", "Istanbul", {41.01, 28.98}},
    Place{"jkt", "Jakarta", {-6.21, 106.85}},
    Place{"jnb", "Johannesburg", {-26.20, 28.05}},
    Place{"lax", "Los Angeles", {34.05, -118.24}},
    Place{"lim", "Lima", {-12.05, -77.04}},
    Place{"lon", "London", {51.51, -0.13}},
    Place{"los", "Lagos", {6.52, 3.38}},
    Place{"mad", "Madrid", {40.42, -3.70}},
    Place{"mex", "Mexico City", {19.43, -99.13}},
    Place{"mia", "Miami", {25.76, -80.19}},
    Place{"mnl", "Manila", {14.60, 120.98}},
    Place{"mow", "Moscow", {55.76, 37.62}},
    Place{"nbo", "Nairobi", {-1.29, 36.82}},
    Place{"nyc", "New York", {40.71, -74.01}},
    Place{"osa", "Osaka", {34.69, 135.50}},
    Place{"par", "Paris", {48.86, 2.35}},
    Place{"per", "Perth", {-31.95, 115.86}},
    Place{"sao", "Sao Paulo", {-23.55, -46.63}},
    Place{"scl", "Santiago", {-33.45, -70.67}},
    Place{"sea", "Seattle", {47.61, -122.33}},
    Place{"sel", "Seoul", {37.57, 126.98}},
    Place{"sfo", "San Francisco", {37.77, -122.42}},
    Place{"sha", "Shanghai", {31.23, 121.47}},
    Place{"sin", "Singapore", {1.35, 103.82}},
    Place{"sto", "Stockholm", {59.33, 18.07}},
    Place{"syd", "Sydney", {-33.87, 151.21}},
    Place{"tlv", "Tel Aviv", {32.09, 34.78}},
    Place{"tpe", "Taipei", {25.03, 121.57}},
    Place{"tyo", "Tokyo", {35.68, 139.69}},
    Place{"yto", "Toronto", {43.65, -79.38}},
    Place{"yvr", "Vancouver", {49.28, -123.12}},
    Place{"zrh", "Zurich", {47.38, 8.54}},
};

std::string quoted(std::string_view text) {
  return "\"" + std::string{text} + "\"";
}

std::optional<double> number(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(' ') - first + 1);
  if (text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<GeoPoint> coordinates(std::string_view text, std::size_t comma) {
  const auto north = number(text.substr(0, comma)), east = number(text.substr(comma + 1));
  if (!north || !east)
    return Error{Errc::invalid, "place " + quoted(text) + ", want it like 37.77,-122.42 or sfo"};
  if (!(*north >= -90 && *north <= 90))
    return Error{Errc::invalid, "place " + quoted(text) + ": latitude not in [-90, 90]"};
  if (!(*east >= -180 && *east <= 180))
    return Error{Errc::invalid, "place " + quoted(text) + ": longitude not in [-180, 180]"};
  return GeoPoint{*north, *east};
}

}  // namespace

std::span<const Place> places() {
  return known;
}

Result<GeoPoint> parse_place(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma != std::string_view::npos) return coordinates(text, comma);
  const auto place = std::ranges::find(known, text, &Place::code);
  if (place == known.end())
    return Error{Errc::invalid, "no place is known as " + quoted(text) +
                                    ", want its latitude and longitude, like 37.77,-122.42, or "
                                    "a city's code, like sfo"};
  return place->at;
}

}  // namespace axs::catalog
