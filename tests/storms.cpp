#include <cstdio>
#include <cstdlib>
#include <string>

#include "axs/twin/storm_run.h"

namespace {

using namespace axs;

/// What a person who looks into one storm wants to know.
void describe(const twin::Storm& storm, const twin::StormOutcome& outcome) {
  for (const catalog::Fault& fault : storm.scenario.faults) {
    std::printf("%7.3f s  ", std::get<Duration>(fault.at).seconds());
    if (const auto* cut = std::get_if<catalog::CutLink>(&fault.what))
      std::printf("cut %s for %.3f s\n", storm.links[cut->link.value].name.c_str(),
                  cut->lasts.seconds());
    if (const auto* slow = std::get_if<catalog::SlowSite>(&fault.what))
      std::printf("slow s%u by %.1f for %.3f s\n", slow->site.value, slow->factor,
                  slow->lasts.seconds());
    if (const auto* kill = std::get_if<catalog::KillProcess>(&fault.what))
      std::printf("kill the %s %s\n", std::string{enum_name(kill->process)}.c_str(),
                  kill->site ? storm.scenario.sites[kill->site->value].name.c_str() : "");
  }
  std::printf("took %.3f s, digest %s\n", outcome.run.took.seconds(),
              to_hex(outcome.run.digest).c_str());
}

}  // namespace

/// Storms of faults over the twin, each from its seed: prints the seeds in which a promise was
/// broken, and what was.
///
/// usage: twin_storms [FIRST [COUNT]]
int main(int argc, char** argv) {
  const std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::printf("storms of seeds %llu to %llu; one alone: twin_storms SEED\n",
              static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + count - 1));
  std::uint64_t broken = 0, events = 0, messages = 0;
  double worst_hole = 0, worst_convergence = 0, slowest_s = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const twin::Storm storm = twin::make_storm(seed);
    const twin::StormOutcome outcome = twin::ride_out(storm);
    events += outcome.run.events;
    messages += outcome.messages;
    worst_hole = std::max(worst_hole, outcome.worst_black_hole);
    worst_convergence = std::max(worst_convergence, outcome.worst_convergence);
    slowest_s = std::max(slowest_s, outcome.converged_after.seconds());
    if (count == 1) describe(storm, outcome);
    if (outcome.complaints.empty()) continue;
    ++broken;
    std::printf("seed %llu:\n", static_cast<unsigned long long>(seed));
    for (const std::string& what : outcome.complaints) std::printf("  %s\n", what.c_str());
    std::fflush(stdout);
  }
  std::printf(
      "%llu storms, %llu events, %llu messages delivered once; longest black hole %.0f %% of what "
      "is allowed, slowest convergence %.1f s, or %.0f %% of what is allowed; promises broken in "
      "%llu\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(events),
      static_cast<unsigned long long>(messages), 100 * worst_hole, slowest_s,
      100 * worst_convergence, static_cast<unsigned long long>(broken));
  return broken == 0 ? 0 : 1;
}
