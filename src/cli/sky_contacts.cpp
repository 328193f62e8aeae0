#include "axs/cli/sky_contacts.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <span>

#include "axs/cli/output_of.h"
#include "axs/cli/sky_scan.h"
#include "axs/report/assets.h"
#include "axs/report/page.h"
#include "axs/report/text.h"
#include "axs/report/world_map.h"

namespace axs::cli {
namespace {

using catalog::UtcTime;
using orbit::Contact;

constexpr Duration usual_step = seconds(30);

/// Steps longer than that could miss a pass.
Result<> check_step(Duration step) {
  if (step > seconds(60))
    return Error{Errc::invalid,
                 fmt::format("--step: {} s, want at most 60s: a longer one would miss "
                             "short passes",
                             step.seconds())};
  return Ok{};
}

struct Found {
  SkySource::Times times;
  std::vector<Contact> contacts;
};

Result<Found> find(const SkySource& source, const SkySource::Satellites& satellites,
                   const orbit::Sgp4Batch& batch, std::vector<orbit::GroundStation> stations) {
  const auto times = AXS_TRY(source.times(satellites, usual_step));
  AXS_TRY(check_step(times.step));
  orbit::ContactScan scan{batch, std::move(stations), {times.start, times.length, times.step}};
  Progress progress{"looking for contacts"};
  AXS_TRY(finish(scan, progress, source.duration, "contacts"));
  return Found{times, scan.contacts()};
}

orbit::Vec3 ecef_at(const orbit::Sgp4& satellite, UtcTime at) {
  return orbit::EarthRotation{at}.to_ecef(orbit::propagate(satellite, at).position_km);
}

/// Nothing where the satellite has come down by then.
void add_place(const orbit::Sgp4& satellite, UtcTime at, std::vector<catalog::GeoPoint>& track) {
  const orbit::TemeState state = orbit::propagate(satellite, at);
  if (state.state == orbit::OrbitState::fine)
    track.push_back(orbit::place_below(orbit::EarthRotation{at}.place_of(state)));
}

Decimal azimuth(const orbit::GroundStation& from, const orbit::Sgp4& satellite, UtcTime at) {
  return {orbit::azimuth_deg(from.at, ecef_at(satellite, at)), 0};
}

/// Where the satellite is over, every 10 seconds, from `around` before its pass to as long after.
std::vector<catalog::GeoPoint> ground_track(const orbit::Sgp4& satellite, const Contact& contact,
                                            Duration around) {
  std::vector<catalog::GeoPoint> track;
  const UtcTime end = contact.set + around;
  for (UtcTime at{contact.rise.ns - around.ns}; at < end; at = at + seconds(10))
    add_place(satellite, at, track);
  add_place(satellite, end, track);
  return track;
}

struct PassesPage {
  std::string at;
  catalog::GeoPoint place;
  double min_elevation_deg;
  std::string span;
};

std::string passes_page(const PassesPage& head, const std::vector<Contact>& contacts,
                        const orbit::Sgp4Batch& batch, const std::vector<std::string>& names) {
  // A few passes show where the satellites come from and go to; many would only cover the map, and
  // there is no telling thousands apart.
  constexpr std::size_t tracks_max = 500;
  const Duration around = contacts.size() <= 12 ? seconds(40 * 60) : Duration{};
  report::WorldMap map{report::land_rings()};
  for (const Contact& c : std::span{contacts}.first(std::min(contacts.size(), tracks_max)))
    map.track(ground_track(batch.satellites()[c.satellite], c, around), names[c.satellite]);
  map.mark(head.place, head.at);
  return report::page("Passes over " + head.at,
                      fmt::format("<h1>Passes over {}</h1>\n<p>{} passes above {} degrees {}.</p>\n"
                                  "<div class=\"panel\">{}</div>\n",
                                  report::escaped(head.at), contacts.size(), head.min_elevation_deg,
                                  head.span, map.svg("Ground tracks of the passes")));
}

}  // namespace

void SkyPassesCommand::declare(CLI::App& app) {
  source_.declare(app);
  app.add_option("--at", at_, "The place: latitude and longitude, or a city's code")->required();
  app.add_option("--satellite", satellite_, "Only satellites with this in their name");
  app.add_option("--html", html_, "Draw the ground tracks on a map, into this file");
  format_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs sky passes --elements data/leo-53-550.tle --at sfo --duration 20min\n"
      "  axs sky passes --shell data/kuiper-630.toml --at 48.1,11.6 --csv\n"
      "  axs sky passes --elements stations.json --satellite ISS --at fra --duration 2d "
      "--min-elevation 10");
}

Result<ExitCode> SkyPassesCommand::run() {
  const auto page = AXS_TRY(output_of("--html", html_));
  auto satellites = AXS_TRY(source_.satellites());
  const orbit::GroundEnd place = AXS_TRY(station_of("--at", at_));
  if (!satellite_.empty()) AXS_TRY(satellites.keep(satellite_));
  const orbit::Sgp4Batch batch = AXS_TRY(satellites.batch());
  const orbit::GroundStation station = satellites.station(place);
  const Found found = AXS_TRY(find(source_, satellites, batch, {station}));
  Rows rows{{{"satellite", "SATELLITE"},
             {"rise", "RISE"},
             {"rise_azimuth_deg", "AZ"},
             {"highest", "HIGHEST"},
             {"max_elevation_deg", "ELEVATION"},
             {"set", "SET"},
             {"set_azimuth_deg", "AZ"},
             {"duration_s", "SECONDS"}},
            {}};
  for (const Contact& c : found.contacts) {
    const orbit::Sgp4& satellite = batch.satellites()[c.satellite];
    rows.rows.push_back(
        {satellites.names[c.satellite], utc_text(c.rise), azimuth(station, satellite, c.rise),
         utc_text(c.highest), Decimal{c.max_elevation_deg, 1}, utc_text(c.set),
         azimuth(station, satellite, c.set), Decimal{(c.set - c.rise).seconds(), 1}});
  }
  if (page)
    AXS_TRY(page->write(
        passes_page({at_, place.at, station.min_elevation_deg,
                     fmt::format("from {} for {}", catalog::format_utc(found.times.start),
                                 report::escaped(source_.duration))},
                    found.contacts, batch, satellites.names)));
  std::fputs(format_.text(rows, "passes").c_str(), stdout);
  return ExitCode::done;
}

void SkyContactsCommand::declare(CLI::App& app) {
  source_.declare(app);
  app.add_option("--at", at_,
                 "A station: latitude and longitude, or a city's code, gateway: before it for "
                 "one; repeat it")
      ->required();
  format_.declare(app);
  app.footer(
      "Examples:\n"
      "  axs sky contacts --shell data/starlink-4408.toml --at sfo --at fra --duration 10min\n"
      "  axs sky contacts --elements data/leo-53-550.tle --at 64.1,-21.9 --start "
      "2025-10-08T12:00:00Z --json\n"
      "NEXT is the satellite in sight at the end of the contact that stays longest.");
}

Result<ExitCode> SkyContactsCommand::run() {
  const auto satellites = AXS_TRY(source_.satellites());
  std::vector<orbit::GroundStation> stations;
  for (const std::string& at : at_)
    stations.push_back(satellites.station(AXS_TRY(station_of("--at", at))));
  const orbit::Sgp4Batch batch = AXS_TRY(satellites.batch());
  const Found found = AXS_TRY(find(source_, satellites, batch, std::move(stations)));
  const auto next = orbit::handovers(found.contacts);
  Rows rows{{{"station", "STATION"},
             {"satellite", "SATELLITE"},
             {"rise", "RISE"},
             {"set", "SET"},
             {"duration_s", "SECONDS"},
             {"max_elevation_deg", "ELEVATION"},
             {"next", "NEXT"}},
            {}};
  for (std::size_t i = 0; i < found.contacts.size(); ++i) {
    const Contact& c = found.contacts[i];
    const Cell onward =
        next[i] ? Cell{satellites.names[found.contacts[*next[i]].satellite]} : Cell{};
    rows.rows.push_back({at_[c.station], satellites.names[c.satellite], utc_text(c.rise),
                         utc_text(c.set), Decimal{(c.set - c.rise).seconds(), 1},
                         Decimal{c.max_elevation_deg, 1}, onward});
  }
  std::fputs(format_.text(rows, "contacts").c_str(), stdout);
  return ExitCode::done;
}

}  // namespace axs::cli
