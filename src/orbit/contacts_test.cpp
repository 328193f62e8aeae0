#include "axs/orbit/contacts.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "axs/orbit/shell.h"

using namespace axs;
using namespace axs::orbit;

namespace {

const catalog::UtcTime noon = *catalog::parse_utc("2025-10-08T12:00:00Z");
constexpr double anywhere = std::numeric_limits<double>::infinity();

Sgp4Batch shell(std::uint32_t planes, std::uint32_t slots) {
  std::vector<Sgp4> satellites;
  for (const MeanElements& e : *shell_elements({.epoch = noon,
                                                .planes = planes,
                                                .slots = slots,
                                                .inclination_deg = 53,
                                                .mean_motion = mean_motion_at(550)}))
    satellites.push_back(*prepare(e));
  return Sgp4Batch{std::move(satellites)};
}

std::vector<Contact> scan(const Sgp4Batch& satellites, const std::vector<GroundStation>& stations,
                          const ContactScan::Span& span) {
  ContactScan scan{satellites, stations, span};
  while (scan.advance()) {
  }
  CHECK(scan.progress() == 1);
  return scan.contacts();
}

bool in_sight(const GroundStation& from, const Sgp4& satellite, catalog::UtcTime at) {
  const Vec3 ecef = EarthRotation{at}.to_ecef(propagate(satellite, at).position_km);
  return elevation_deg(from.at, ecef) >= from.min_elevation_deg &&
         look(from.at, ecef).range_km <= from.max_range_km;
}

}  // namespace

TEST_CASE("contacts: the same as looking every second, to the millisecond at both ends") {
  const Sgp4Batch satellites = shell(3, 4);
  const std::vector<GroundStation> stations{{ground_point({50.1, 8.7}), 25, anywhere},
                                            {ground_point({0, 0}), 10, 1500}};
  const Duration length = seconds(4 * 3600);
  const auto found = scan(satellites, stations, {.start = noon, .length = length});
  std::size_t runs = 0;
  for (std::uint32_t station = 0; station < 2; ++station) {
    for (std::uint32_t satellite = 0; satellite < 12; ++satellite) {
      bool was = false;
      for (Duration t{}; t <= length; t = t + seconds(1)) {
        const bool is = in_sight(stations[station], satellites.satellites()[satellite], noon + t);
        const bool told = std::any_of(found.begin(), found.end(), [&](const Contact& c) {
          return c.station == station && c.satellite == satellite && c.rise <= noon + t &&
                 noon + t <= c.set;
        });
        REQUIRE(is == told);
        runs += is && !was;
        was = is;
      }
    }
  }
  CHECK(runs > 10);
  CHECK(found.size() >= runs);
  for (const Contact& c : found) {
    const GroundStation& station = stations[c.station];
    const Sgp4& satellite = satellites.satellites()[c.satellite];
    CHECK(in_sight(station, satellite, c.rise));
    CHECK(in_sight(station, satellite, c.set));
    if (!c.before) CHECK_FALSE(in_sight(station, satellite, c.rise + milliseconds(-1)));
    if (!c.after) CHECK_FALSE(in_sight(station, satellite, c.set + milliseconds(1)));
    CHECK(c.max_elevation_deg >= station.min_elevation_deg);
  }
}

TEST_CASE("contacts: any span in steps of half a minute gives what steps of a second give") {
  const Sgp4Batch satellites = shell(4, 5);
  CHECK(rc::check([&] {
    const auto number = [](int from, int to) { return *rc::gen::inRange(from, to); };
    const std::vector<GroundStation> stations{
        {ground_point({1.0 * number(-90, 91), 1.0 * number(-180, 180)}), 1.0 * number(0, 80),
         number(0, 2) == 0 ? anywhere : 1.0 * number(600, 3000)}};
    const catalog::UtcTime start = noon + seconds(number(0, 100'000));
    const Duration length = seconds(number(0, 3000));
    const auto coarse = scan(satellites, stations, {.start = start, .length = length});
    const auto fine =
        scan(satellites, stations, {.start = start, .length = length, .step = seconds(2)});
    RC_ASSERT(coarse.size() == fine.size());
    for (std::size_t i = 0; i < fine.size(); ++i) {
      const auto apart = [](catalog::UtcTime a, catalog::UtcTime b) {
        return std::max(a, b) - std::min(a, b);
      };
      RC_ASSERT(coarse[i].satellite == fine[i].satellite);
      RC_ASSERT(apart(coarse[i].rise, fine[i].rise) <= milliseconds(10));
      RC_ASSERT(apart(coarse[i].set, fine[i].set) <= milliseconds(10));
      RC_ASSERT(coarse[i].before == fine[i].before);
      RC_ASSERT(coarse[i].after == fine[i].after);
    }
  }));
}

TEST_CASE("contacts: the highest point of a contact of days, over which it rises again and again") {
  // Once round in a day at 30 degrees: always in sight from below, highest once a day.
  const Sgp4Batch satellites{{*prepare({.epoch = noon,
                                        .inclination_deg = 30,
                                        .raan_deg = 280,
                                        .eccentricity = 0.02,
                                        .mean_motion = 1.0027})}};
  double best_longitude = -180, best = -1;
  const Vec3 above =
      EarthRotation{noon}.to_ecef(propagate(satellites.satellites()[0], noon).position_km);
  for (double longitude = -180; longitude < 180; longitude += 5)
    if (const double sine = look(ground_point({10, longitude}), above).sin_elevation; sine > best)
      best = sine, best_longitude = longitude;
  const GroundStation below{ground_point({10, best_longitude}), 10, anywhere};
  const Duration length = seconds(3 * 86400);
  const auto found = scan(satellites, {below}, {.start = noon, .length = length});
  REQUIRE(found.size() == 1);
  double highest = 0;
  for (Duration t{}; t <= length; t = t + seconds(60)) {
    const catalog::UtcTime at = noon + t;
    const Vec3 ecef =
        EarthRotation{at}.to_ecef(propagate(satellites.satellites()[0], at).position_km);
    highest = std::max(highest, elevation_deg(below.at, ecef));
  }
  CHECK(found[0].max_elevation_deg >= highest - 1e-6);
  CHECK(found[0].max_elevation_deg < highest + 0.01);
}

TEST_CASE("contacts: a span of no length sees what is in sight at that moment") {
  const Sgp4Batch satellites = shell(40, 20);
  const auto found = scan(satellites, {{ground_point({40, 0}), 25, anywhere}}, {.start = noon});
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].rise == noon);
  CHECK(found[0].set == noon);
  CHECK(found[0].before);
  CHECK(found[0].after);
}

TEST_CASE("contacts: a station hands over to whoever stays longest") {
  const auto contact = [](std::uint32_t station, int rise, int set) {
    return Contact{.station = station,
                   .satellite = 0,
                   .rise = {rise},
                   .set = {set},
                   .highest = {rise},
                   .max_elevation_deg = 90,
                   .before = false,
                   .after = set == 100};
  };
  const std::vector<Contact> all{contact(0, 0, 10),  contact(0, 5, 20), contact(0, 6, 15),
                                 contact(0, 30, 40), contact(1, 0, 10), contact(1, 10, 100)};
  const auto next = handovers(all);
  CHECK(next[0] == 1);
  CHECK_FALSE(next[1]);
  CHECK(next[2] == 1);
  CHECK_FALSE(next[3]);
  CHECK(next[4] == 5);
  CHECK_FALSE(next[5]);
}
