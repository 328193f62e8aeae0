#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/orbit/contacts.h"
#include "axs/orbit/route.h"

namespace CLI {
class App;
}

namespace axs::cli {

/// The flags of every `axs sky` command that say which satellites are meant, and when.
struct SkySource {
  std::string shell;
  std::string elements;
  std::string start;
  std::string duration = "1h";
  std::string step;
  std::optional<double> min_elevation_deg;

  void declare(CLI::App& app);

  struct Satellites {
    std::vector<orbit::MeanElements> elements;
    std::vector<std::string> names;
    orbit::SkyOptions links;
    /// Of the file, if it has one.
    std::optional<Duration> reconfiguration;
    std::vector<orbit::Shell> shells;  ///< Empty for real satellites.

    /// Leaves only those with `part` in their name; an error if there is none.
    Result<> keep(const std::string& part);
    orbit::GroundStation station(const orbit::GroundEnd& end) const;
    Result<orbit::Sgp4Batch> batch() const;
    /// With the lasers of their shells, or else such as a matching for the time `at` assigns.
    Result<orbit::Sky> sky(catalog::UtcTime at) const;
  };
  Result<Satellites> satellites() const;

  struct Times {
    catalog::UtcTime start{};
    Duration length{};
    Duration step{};
  };
  /// `usual_step` where --step is not given.
  Result<Times> times(const Satellites& satellites, Duration usual_step) const;
};

/// What a flag says of a station, "sfo" or "gateway:37.77,-122.42", or an error that names the
/// flag.
Result<orbit::GroundEnd> station_of(const std::string& flag, const std::string& text);

/// "2025-10-08T12:00:00.123Z".
std::string utc_text(catalog::UtcTime at);

}  // namespace axs::cli
