#include "axs/twin/storm_run.h"

#include <algorithm>

#include "axs/twin/convergence.h"

namespace axs::twin {

namespace {

/// How often it is looked whether all is well again.
constexpr Duration step = milliseconds(10);
/// After which no message of before may wait any more.
constexpr Duration quiet = seconds(3);
constexpr Duration between_keys = seconds(3);

/// What one site alone would take for the whole job.
Duration alone(const Storm& storm) {
  Duration longest{};
  for (const WorkerSpeed& speed : storm.workers)
    longest =
        std::max(longest, scaled(speed.step, static_cast<double>(storm.scenario.train.tokens) /
                                                 static_cast<double>(speed.tokens_per_step)));
  return longest;
}

void check_budgets(const Twin& world, const Storm& storm, Promises& promises) {
  const std::uint64_t budget = storm.scenario.train.tokens;
  for (std::uint32_t i = 0; i < storm.scenario.sites.size(); ++i) {
    const std::uint64_t merged = world.agent(SiteId{i})->merged_tokens();
    if (merged < budget || merged != world.agent(SiteId{0})->merged_tokens())
      promises.complain("site " + std::to_string(i) + " has merged " + std::to_string(merged) +
                        " tokens of " + std::to_string(budget));
  }
}

}  // namespace

StormOutcome ride_out(const Storm& storm) {
  Promises promises;
  Twin world{{.scenario = storm.scenario,
              .links = storm.links,
              .workers = storm.workers,
              .rekey_after = between_keys,
              .handovers_known = {},  // Nobody knows of a burst of losses beforehand.
              .note = {},
              .witness = &promises}};
  promises.attend(world);
  StormOutcome outcome;
  const Instant over = Instant{} + storm.over;
  world.start();
  world.play(over);
  const Duration limit = settling_limit(world);
  auto missing = unsettled(world);
  while (missing && world.now() < over + limit) {
    world.play(world.now() + step);
    missing = unsettled(world);
  }
  outcome.converged_after = world.now() - over;
  outcome.worst_convergence = outcome.converged_after.seconds() / limit.seconds();
  if (missing)
    promises.complain(*missing + " " + std::to_string(limit.seconds()) + " s after the last fault");
  const Instant give_up = world.now() + alone(storm);
  while (!world.finished() && world.now() < give_up) world.play(world.now() + step);
  if (world.failure()) promises.complain(world.failure()->what);
  if (!world.finished()) promises.complain("the training has not ended");
  const Instant calm = world.now();
  world.play(calm + quiet);
  promises.settle(calm);
  check_budgets(world, storm, promises);
  outcome.complaints = promises.complaints();
  outcome.run = world.outcome();
  outcome.worst_black_hole = promises.worst_black_hole();
  outcome.messages = promises.delivered();
  return outcome;
}

}  // namespace axs::twin
