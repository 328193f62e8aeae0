#pragma once

#include <string>
#include <vector>

namespace axs::cli {

/// missing: AXS cannot do its main job; limited: it can, but something is slower or switched off.
enum class Level { ok, limited, missing };

/// One property of this machine. `advice` says what to do and is empty where all is well.
struct Check {
  std::string name;
  Level level;
  std::string seen;
  std::string advice;
};

/// What programs may have of this machine.
struct Capacity {
  unsigned cores = 0;
  double memory = 0;  ///< bytes, no more than the control group leaves
};
Capacity capacity();

/// Looks at the machine: size, libraries, kernel features, permissions. Changes nothing; what has
/// to be tried is tried in a child process and, for the network, in a namespace of its own.
std::vector<Check> examine_machine();

}  // namespace axs::cli
