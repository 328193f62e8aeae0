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

/// Where the true value lies: nine times of ten of what the planner predicts (plan::StepTime), of
/// runs of a simulation the least and the greatest.
struct Interval {
  double low = 0;
  double high = 0;
  std::string of;     ///< what it is the interval of, with its unit: "days on 1,024 H100"
  std::string seeds;  ///< of the runs that it was seen in, "1 to 5"; empty: a prediction
};

/// "nine times of ten 6.8 to 10.2 days on 1,024 H100".
std::string interval_text(const Interval& interval);

struct Finding {
  Verdict verdict = Verdict::unsupported;
  std::string number;   ///< ours; empty if there is none
  std::string reason;   ///< in a few sentences
  std::string command;  ///< that repeats it; empty if nothing is to be run
  std::optional<Interval> interval{};
  std::vector<std::string> steps{};  ///< of the arithmetic, for whoever does it again by hand
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
