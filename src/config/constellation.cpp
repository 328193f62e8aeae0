#include "axs/config/constellation.h"

#include <fmt/format.h>

#include "axs/config/quantity.h"
#include "axs/config/table.h"
#include "axs/config/text_file.h"

namespace axs::config {

namespace {

using orbit::Phasing;
using orbit::Shell;
using orbit::Spread;

constexpr std::uint64_t constellation_version = 1;
constexpr std::uint64_t file_max = 1u << 20;
constexpr std::uint64_t satellites_max = 100'000;

double kilometres(Table& t, std::string_view key) {
  return t.quantity(key, parse_length).value() / 1000;
}

void read_phasing(Table& t, Shell& shell) {
  if (!t.has("phasing")) return;
  if (t.is_text("phasing")) {
    shell.phasing = t.choice<Phasing>("phasing", {{"alternate", Phasing::alternate}});
    return;
  }
  shell.walker_f = static_cast<std::uint32_t>(t.whole("phasing", 0, 100'000));
}

void read_shell(Table& t, Constellation& constellation, catalog::UtcTime epoch) {
  Shell shell;
  shell.epoch = epoch;
  shell.planes = static_cast<std::uint32_t>(t.whole("planes", 1, 100'000));
  shell.slots = static_cast<std::uint32_t>(t.whole("per-plane", 1, 100'000));
  shell.inclination_deg = t.number("inclination", 0, 180);
  if (t.has("altitude") == t.has("mean-motion"))
    t.fail("altitude", "want either altitude = \"550 km\" or mean-motion in revolutions per day");
  else if (t.has("altitude"))
    shell.mean_motion = orbit::mean_motion_at(kilometres(t, "altitude"));
  else
    shell.mean_motion = t.number("mean-motion", 0.01, 18);
  if (t.has("eccentricity")) shell.eccentricity = t.number("eccentricity", 0, 0.9);
  if (t.has("spread"))
    shell.spread = t.choice<Spread>("spread", {{"delta", Spread::delta}, {"star", Spread::star}});
  read_phasing(t, shell);
  constellation.shells.push_back(shell);
  if (const auto possible = orbit::check_shell(shell); !possible)
    t.fail("planes", possible.error().what);
}

void check_size(Table& top, const std::vector<Shell>& shells) {
  if (shells.empty()) top.fail("shell", "missing, want at least one [[shell]]");
  std::uint64_t satellites = 0;
  for (const Shell& shell : shells) satellites += std::uint64_t{shell.planes} * shell.slots;
  if (satellites > satellites_max)
    top.fail("shell",
             fmt::format("more than {} satellites in all shells together", satellites_max));
}

void read_lasers(Table& t, orbit::LaserLimits& lasers) {
  if (t.has("max-range")) lasers.max_range_km = kilometres(t, "max-range");
  if (t.has("min-altitude")) lasers.min_altitude_km = kilometres(t, "min-altitude");
  if (t.has("acquisition")) lasers.acquisition = t.duration("acquisition", orbit::sky_interval_max);
}

Constellation read(Table& top) {
  Constellation c;
  if (top.whole("version", 1, 1000) > constellation_version)
    top.fail("version", fmt::format("this program reads version {}", constellation_version));
  c.name = top.text("name");
  const catalog::UtcTime epoch = top.quantity("epoch", catalog::parse_utc);
  if (top.has("min-elevation")) c.links.min_elevation_deg = top.number("min-elevation", 0, 89);
  if (top.has("gateway-min-elevation"))
    c.links.gateway_min_elevation_deg = top.number("gateway-min-elevation", 0, 89);
  if (top.has("max-ground-range"))
    c.links.max_ground_range_km = kilometres(top, "max-ground-range");
  if (top.has("reconfiguration"))
    c.reconfiguration = top.duration("reconfiguration", orbit::sky_interval_max);
  top.table("lasers", [&](Table& t) { read_lasers(t, c.links.lasers); });
  top.tables("shell", [&](Table& t) { read_shell(t, c, epoch); });
  check_size(top, c.shells);
  top.finish();
  return c;
}

}  // namespace

Result<Constellation> parse_constellation(std::string_view text, const std::string& file) {
  const toml::table root = AXS_TRY(parse_toml(text, file));
  Table::Problem problem{file, std::nullopt};
  Table top{root, "", problem};
  Constellation constellation = read(top);
  if (problem.first) return *problem.first;
  return constellation;
}

Result<Constellation> read_constellation(const std::string& file) {
  return parse_constellation(AXS_TRY(read_text_file(file, "constellation", file_max)), file);
}

}  // namespace axs::config
