#include "axs/twin/storm_run.h"

namespace axs::twin {

namespace {

constexpr Duration run_limit = seconds(300);
/// After which no message of before may wait any more.
constexpr Duration quiet = seconds(3);
constexpr Duration between_keys = seconds(3);

void check_training(const Twin& world, const Storm& storm, Promises& promises) {
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
              .note = {},
              .witness = &promises}};
  Instant now;
  std::optional<Instant> converged;
  const Instant over = Instant{} + storm.over;
  const auto play_until = [&](Instant until) {
    for (; now < until; now = now + Promises::look_every) {
      world.play(now);
      promises.look(world, now);
    }
  };
  world.start();
  play_until(over);
  while (!converged && now <= over + Promises::convergence_limit) {
    play_until(now + Promises::look_every);
    if (Promises::converged(world)) converged = now;
  }
  if (!converged) promises.complain("tunnels or paths are still down");
  while (!world.finished() && now < Instant{} + run_limit) play_until(now + milliseconds(250));
  if (!world.finished()) promises.complain("the training has not ended");
  if (!world.finished()) check_training(world, storm, promises);
  const Instant calm = now;
  play_until(calm + quiet);
  promises.settle(calm);
  if (world.finished()) check_training(world, storm, promises);
  return {promises.complaints(), world.outcome(), converged ? *converged - over : Duration{},
          promises.worst_black_hole(), promises.delivered()};
}

}  // namespace axs::twin
