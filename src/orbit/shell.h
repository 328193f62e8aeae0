#pragma once

#include <cstdint>
#include <vector>

#include "axs/core/result.h"
#include "axs/orbit/elements.h"

namespace axs::orbit {

/// Over how much of the equator the ascending nodes are spread: all of it (Walker delta), or half,
/// so that planes 0 and P-1 pass each other in opposite directions (Walker star).
enum class Spread { delta, star };

/// How the slots of one plane stand to those of the next. walker: each plane is ahead of the one
/// before by F / planes of a slot (Walker, "Satellite constellations", 1984). alternate: odd planes
/// are ahead of even ones by half a slot.
enum class Phasing { walker, alternate };

/// A shell of circular orbits. Satellite `plane * slots + slot` is number `slot` of its plane.
struct Shell {
  catalog::UtcTime epoch{};
  std::uint32_t planes{};
  std::uint32_t slots{};  ///< In each plane.
  double inclination_deg{};
  double mean_motion{};  ///< Revolutions per day, as in MeanElements.
  double eccentricity{};
  Spread spread = Spread::delta;
  Phasing phasing = Phasing::walker;
  std::uint32_t walker_f{};  ///< F, below `planes`; for Phasing::walker alone.
};

/// Revolutions per day of a circular orbit at this height over the equator, by Kepler's third law.
double mean_motion_at(double altitude_km);

/// An error names what about the shell is impossible.
Result<> check_shell(const Shell& shell);

/// The mean elements of every satellite, in order of index, without drag; check_shell() first.
Result<std::vector<MeanElements>> shell_elements(const Shell& shell);

}  // namespace axs::orbit
