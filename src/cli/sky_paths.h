#pragma once

#include <optional>
#include <string>
#include <vector>

#include "axs/cli/command.h"
#include "axs/cli/rows.h"
#include "axs/cli/sky_source.h"

namespace axs::cli {

/// The flags of the two commands below, and the path at each moment.
struct SkyWay {
  SkySource source;
  std::string from;
  std::string to;
  std::string reconfigure;
  std::string html;
  RowsFormat format;

  void declare(CLI::App& app);

  struct Moment {
    Duration at{};
    std::optional<Duration> round_trip;  ///< Nothing where there is no path.
    std::vector<std::uint32_t> satellites;
  };
  struct Way {
    SkySource::Satellites satellites;
    SkySource::Times times;
    orbit::GroundEnd from, to;
    std::vector<Moment> moments;
    Duration light;  ///< Both ways at the speed of light in vacuum, over the ground.
  };
  /// Finds the way, draws it if that is wanted, and prints the rows under that name.
  Result<ExitCode> tell(Duration usual_step, Rows (*rows_of)(const Way&),
                        const std::string& name) const;

 private:
  Result<Way> find(Duration usual_step) const;
};

/// Which satellites carry traffic between two places, from when to when.
class SkyPathsCommand : public Command {
 public:
  std::string name() const override { return "paths"; }
  std::string summary() const override {
    return "List the shortest paths over satellites between two places";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  SkyWay way_;
};

/// Round trip over satellites between two places as time goes by.
class SkyRttCommand : public Command {
 public:
  std::string name() const override { return "rtt"; }
  std::string summary() const override {
    return "Tell the round trip over satellites between two places as time goes by";
  }
  void declare(CLI::App& app) override;
  Result<ExitCode> run() override;

 private:
  SkyWay way_;
};

}  // namespace axs::cli
