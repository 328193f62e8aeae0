#include "axs/catalog/places.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace axs;
using namespace axs::catalog;

TEST_CASE("places: codes are in order and unique, coordinates are on the earth") {
  CHECK(std::ranges::is_sorted(places(), std::less{}, &Place::code));
  CHECK(std::ranges::adjacent_find(places(), {}, &Place::code) == places().end());
  for (const Place& place : places()) {
    CHECK(place.code.size() == 3);
    CHECK(parse_place(place.code)->latitude_deg == place.at.latitude_deg);
  }
}

TEST_CASE("places: coordinates, with signs and blanks") {
  CHECK(parse_place("37.77,-122.42")->longitude_deg == -122.42);
  CHECK(parse_place(" +14.6042 , 120.9822")->latitude_deg == 14.6042);
  CHECK(parse_place("-90,180")->latitude_deg == -90);
}

TEST_CASE("places: what is wrong") {
  CHECK(parse_place("xyz").error().what ==
        "no place is known as \"xyz\", want its latitude and longitude, like 37.77,-122.42, or a "
        "city's code, like sfo");
  CHECK(parse_place("91,0").error().what == "place \"91,0\": latitude not in [-90, 90]");
  CHECK(parse_place("0,nan").error().what == "place \"0,nan\": longitude not in [-180, 180]");
  for (const char* text : {"", ",", "1,", ",1", "1,2,3", "1 2", "a,b"})
    CHECK_FALSE(parse_place(text));
}
