#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace axs::audit {

/// measured: on a running system, whether or not it bears the claim out. simulated: worked out by
/// the models of this program, which docs/benchmarks.md compares with measurements. impossible:
/// against physics or arithmetic. unsupported: nobody has shown it, or what has been shown says
/// otherwise. judgement: nothing that can be measured.
enum class Verdict { measured, simulated, impossible, unsupported, judgement };

struct Finding {
  Verdict verdict = Verdict::unsupported;
  std::string number;   ///< ours; empty if there is none
  std::string reason;   ///< in one or two sentences
  std::string command;  ///< that repeats it; empty if nothing is to be run
};

/// A statement of the published description.
struct Claim {
  std::uint32_t id = 0;
  std::string area;
  std::string text;
  std::optional<Finding> known;  ///< none: it is worked out
  bool built = true;             ///< false: of a capability that this project lacks yet
};

struct Audited {
  Claim claim;
  Finding finding;
};

}  // namespace axs::audit
