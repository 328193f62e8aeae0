#include <cstdio>
#include <cstdlib>
#include <string>

#include "axs/twin/storm_run.h"

/// Storms of faults over the twin, each from its seed: prints the seeds in which a promise was
/// broken, and what was.
///
/// usage: twin_storms [FIRST [COUNT]]
int main(int argc, char** argv) {
  using namespace axs;
  const std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::printf("storms of seeds %llu to %llu; one alone: twin_storms SEED\n",
              static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1));
  std::uint64_t broken = 0, events = 0, messages = 0;
  double worst_hole = 0, worst_convergence = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const twin::StormOutcome outcome = twin::ride_out(twin::make_storm(seed));
    events += outcome.run.events;
    messages += outcome.messages;
    worst_hole = std::max(worst_hole, outcome.worst_black_hole);
    worst_convergence = std::max(worst_convergence, outcome.converged_after.seconds());
    if (count == 1) std::printf("digest %s\n", to_hex(outcome.run.digest).c_str());
    if (outcome.complaints.empty()) continue;
    ++broken;
    std::printf("seed %llu:\n", static_cast<unsigned long long>(seed));
    for (const std::string& what : outcome.complaints) std::printf("  %s\n", what.c_str());
    std::fflush(stdout);
  }
  std::printf(
      "%llu storms, %llu events, %llu messages delivered once; longest black hole %.0f %% of what "
      "is allowed, slowest convergence %.1f s; promises broken in %llu\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(events),
      static_cast<unsigned long long>(messages), 100 * worst_hole, worst_convergence,
      static_cast<unsigned long long>(broken));
  return broken == 0 ? 0 : 1;
}
