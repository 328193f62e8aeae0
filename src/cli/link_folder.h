#pragma once

#include <string>

#include "axs/live/link_keeper.h"

namespace CLI {
class App;
}

namespace axs::cli {

/// Where the links of this machine are kept; a flag of every `axs link` command.
struct LinkFlags {
  std::string folder;  ///< Empty: the usual place.
  bool json = false;

  void declare(CLI::App& app);
  /// Absolute.
  std::string path() const;
  live::LinkFolder of(const std::string& name) const { return {path() + "/" + name}; }
  /// The record of a link, or an error that names those that there are.
  Result<live::LinkSpec> load(const std::string& name) const;
};

/// The path of this program.
std::string own_program();

/// Starts the local ends of a link and waits for them.
Result<> start_link(const live::LinkFolder& folder, const live::LinkSpec& spec);
/// Ends and forgets a link.
Result<> remove_link(const live::LinkFolder& folder, const live::LinkSpec& spec);

/// "150.0 ms", or "-" for nothing.
std::string milliseconds_text(std::optional<Duration> d);
/// "within 90.0 ms (1.48 times light's 60.9 ms) for 99 % of probes", or that nothing is promised.
std::string promise_text(const live::LinkSpec& spec);
std::string rate_text(const live::LinkSpec& spec);

}  // namespace axs::cli
