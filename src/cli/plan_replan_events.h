#pragma once

#include <string>
#include <vector>

#include "axs/config/job.h"
#include "axs/plan/fleet_events.h"

namespace axs::cli {

/// What happened to a job's fleet, as flags have it.
struct EventFlags {
  std::vector<std::string> lost{};   ///< "sfo", "sfo:8" or "sfo:8:H100"
  std::vector<std::string> slow{};   ///< "sfo:0.5"
  std::vector<std::string> links{};  ///< "sfo-fra:1Gb/s" or "sfo-fra:cut"
};

/// An error that names the flag, what was seen and what was wanted.
Result<plan::FleetEvents> events_of(const EventFlags& flags, const plan::Fleet& fleet);

/// Tokens that are left of `tokens`, if "40%" of them are done, or "400G".
Result<double> tokens_left(const std::string& done, double tokens);

}  // namespace axs::cli
