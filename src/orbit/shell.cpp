#include "axs/orbit/shell.h"

#include <cmath>
#include <string>

#include "axs/core/dmath.h"

namespace axs::orbit {

namespace {

/// How far a plane's slots are ahead of those of plane 0, in slots.
double slots_ahead(const Shell& shell, std::uint32_t plane) {
  if (shell.phasing == Phasing::alternate) return plane % 2 == 0 ? 0.0 : 0.5;
  return static_cast<double>(shell.walker_f) * plane / shell.planes;
}

}  // namespace

Result<> check_shell(const Shell& shell) {
  constexpr std::uint32_t most = 100'000;
  if (shell.planes < 1 || shell.slots < 1 || shell.planes > most / shell.slots)
    return Error{Errc::invalid, "shell of " + std::to_string(shell.planes) + " planes with " +
                                    std::to_string(shell.slots) +
                                    " slots, want at least 1 and at most 100000 satellites"};
  if (!(shell.inclination_deg >= 0 && shell.inclination_deg <= 180))
    return Error{Errc::invalid, "shell with inclination " + std::to_string(shell.inclination_deg) +
                                    " degrees, want it in [0, 180]"};
  if (shell.walker_f >= shell.planes)
    return Error{Errc::invalid, "shell with phasing factor " + std::to_string(shell.walker_f) +
                                    ", want it below the " + std::to_string(shell.planes) +
                                    " planes"};
  return Ok{};
}

double mean_motion_at(double altitude_km) {
  constexpr double mu = 398600.8, equator_km = 6378.135;  // WGS-72, as in SGP4
  const double a = equator_km + altitude_km;
  return std::sqrt(mu / (a * a * a)) * 86400 / (2 * dmath::pi);
}

Result<std::vector<MeanElements>> shell_elements(const Shell& shell) {
  AXS_TRY(check_shell(shell));
  const double spread_deg = shell.spread == Spread::delta ? 360 : 180;
  std::vector<MeanElements> elements;
  for (std::uint32_t plane = 0; plane < shell.planes; ++plane) {
    for (std::uint32_t slot = 0; slot < shell.slots; ++slot) {
      const double anomaly = (slot + slots_ahead(shell, plane)) * 360 / shell.slots;
      elements.push_back({.epoch = shell.epoch,
                          .inclination_deg = shell.inclination_deg,
                          .raan_deg = plane * spread_deg / shell.planes,
                          .eccentricity = shell.eccentricity,
                          .mean_anomaly_deg = anomaly < 360 ? anomaly : anomaly - 360,
                          .mean_motion = shell.mean_motion});
    }
  }
  return elements;
}

}  // namespace axs::orbit
