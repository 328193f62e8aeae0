#include "axs/plan/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "axs/core/rng.h"
#include "axs/plan/interleaving.h"

using namespace axs;
using namespace axs::plan;

namespace {

constexpr std::uint32_t all_of_them = 1'000'000;
constexpr double rounding = 1 + 1e-12;

std::vector<TurnTime> turns(const std::vector<double>& seconds, double forward) {
  std::vector<TurnTime> stages;
  for (const double s : seconds)
    stages.push_back({Seconds{forward * s}, Seconds{(1 - forward) * s}});
  return stages;
}

/// A pipeline of stages, as the planner sees it.
struct Closed {
  Seconds fill{}, slowest{};
  std::size_t where = 0;  ///< the last of the slowest stages

  explicit Closed(const std::vector<TurnTime>& stages) {
    for (std::size_t i = 0; i < stages.size(); ++i) {
      fill += stages[i].both();
      if (stages[i].both() >= slowest) where = i;
      slowest = std::max(slowest, stages[i].both());
    }
  }
  Seconds end(std::uint32_t micro_batches) const { return fill + (micro_batches - 1.0) * slowest; }
};

std::vector<double> random_stages(Rng& rng) {
  std::vector<double> seconds(1 + rng.below(8));
  for (double& s : seconds) s = 0.1 + rng.uniform();
  return seconds;
}

}  // namespace

TEST_SUITE_BEGIN("schedule");

TEST_CASE("schedule: two stages and three micro-batches, by hand") {
  const auto schedule = one_forward_one_backward(turns({3, 3}, 1.0 / 3), 3, all_of_them);
  std::string order;
  std::vector<double> begins;
  for (const Pass& pass : schedule.passes) {
    order += (pass.kind == PassKind::forward ? "F" : "B") + std::to_string(pass.micro_batch);
    begins.push_back(pass.begin.value());
  }
  CHECK(order == "F0F1B0F2B1B2F0B0F1B1F2B2");
  const std::vector<double> by_hand{0, 1, 4, 6, 7, 10, 1, 2, 4, 5, 7, 8};
  REQUIRE(begins.size() == by_hand.size());
  for (std::size_t i = 0; i < begins.size(); ++i) CHECK(begins[i] == doctest::Approx(by_hand[i]));
  CHECK(schedule.end.value() == doctest::Approx(12));
}

TEST_CASE(
    "schedule: what the planner counts is exact for equal stages, a slow last one, one batch") {
  Rng rng{1};
  for (int round = 0; round < 300; ++round) {
    std::vector<double> seconds = random_stages(rng);
    std::uint32_t count = 1 + static_cast<std::uint32_t>(rng.below(20));
    switch (round % 3) {
      case 0:
        std::ranges::fill(seconds, seconds.front());
        break;
      case 1:
        std::ranges::sort(seconds);
        break;
      default:
        count = 1;
    }
    const auto stages = turns(seconds, rng.uniform());
    const double counted = Closed{stages}.end(count).value();
    CHECK(one_forward_one_backward(stages, count, all_of_them).end.value() ==
          doctest::Approx(counted).epsilon(1e-12));
  }
}

TEST_CASE("schedule: what the planner counts is a bound, and above by no more than it says") {
  Rng rng{2};
  double widest = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::vector<double> seconds = random_stages(rng);
    const auto stages = turns(seconds, rng.uniform());
    const auto count = 1 + static_cast<std::uint32_t>(rng.below(20));
    const Closed closed{stages};
    Seconds after{};
    for (std::size_t i = closed.where + 1; i < stages.size(); ++i) after += stages[i].both();
    const Seconds end = one_forward_one_backward(stages, count, all_of_them).end;
    CHECK(end <= closed.end(count) * rounding);
    CHECK(end * rounding >= closed.end(count) - after);
    widest = std::max(widest, closed.end(count) / end);
  }
  CHECK(widest > 1.05);
}

TEST_CASE("schedule: stages that differ in their share of forward passes exceed it by little") {
  Rng rng{3};
  for (int round = 0; round < 2000; ++round) {
    std::vector<TurnTime> stages;
    for (const double s : random_stages(rng)) stages.push_back(turns({s}, rng.uniform()).front());
    const auto count = 1 + static_cast<std::uint32_t>(rng.below(20));
    Seconds forward{}, backward{};
    for (const TurnTime& turn : stages) {
      forward = std::max(forward, turn.forward);
      backward = std::max(backward, turn.backward);
    }
    const Closed closed{stages};
    const double turned = std::min<double>(static_cast<double>(stages.size()), count) - 1;
    const Seconds most = closed.end(count) + turned * (forward + backward - closed.slowest);
    CHECK(one_forward_one_backward(stages, count, all_of_them).end <= most * rounding);
  }
}

TEST_CASE("schedule: passes of a stage follow each other, and each waits for what it needs") {
  Rng rng{4};
  for (int round = 0; round < 100; ++round) {
    const auto stages = turns(random_stages(rng), 0.4);
    const auto count = 1 + static_cast<std::uint32_t>(rng.below(9));
    const auto schedule = one_forward_one_backward(stages, count, all_of_them);
    REQUIRE(schedule.passes.size() == 2 * stages.size() * count);
    const auto find = [&](std::uint32_t stage, PassKind kind, std::uint32_t micro_batch) {
      return *std::ranges::find_if(schedule.passes, [&](const Pass& p) {
        return p.stage == stage && p.kind == kind && p.micro_batch == micro_batch;
      });
    };
    for (std::size_t i = 0; i < schedule.passes.size(); ++i) {
      const Pass& pass = schedule.passes[i];
      if (i > 0 && schedule.passes[i - 1].stage == pass.stage)
        CHECK(schedule.passes[i - 1].end <= pass.begin);
      const bool forward = pass.kind == PassKind::forward;
      if (forward && pass.stage > 0)
        CHECK(find(pass.stage - 1, PassKind::forward, pass.micro_batch).end <= pass.begin);
      if (!forward && pass.stage + 1 < stages.size())
        CHECK(find(pass.stage + 1, PassKind::backward, pass.micro_batch).end <= pass.begin);
      if (!forward) CHECK(find(pass.stage, PassKind::forward, pass.micro_batch).end <= pass.begin);
    }
  }
}

TEST_CASE("schedule: micro-batches that are left out change neither the end nor the ends") {
  const auto stages = turns({1, 1.5, 0.7, 1.2}, 0.3);
  const auto all = one_forward_one_backward(stages, 500, all_of_them);
  const auto some = one_forward_one_backward(stages, 500, 60);
  CHECK(some.end.value() == doctest::Approx(all.end.value()).epsilon(1e-12));
  CHECK(some.passes.size() == stages.size() * (2 * 60 + 1));
  CHECK(some.passes.back().micro_batch == 499);
  CHECK(some.passes.back().begin.value() == doctest::Approx(all.passes.back().begin.value()));
  const auto gap = std::ranges::find(some.passes, PassKind::left_out, &Pass::kind);
  REQUIRE(gap != some.passes.end());
  CHECK(gap->micro_batch == 440);
  CHECK(gap->end > gap->begin);
}

TEST_CASE("schedule: two stages of two chunks and two micro-batches, by hand") {
  const auto schedule = interleaved(turns({6, 6}, 1.0 / 3), 2, 2, all_of_them);
  std::string order;
  std::vector<double> begins;
  for (const Pass& pass : schedule.passes) {
    order += (pass.kind == PassKind::forward ? "F" : "B") + std::to_string(pass.micro_batch) +
             std::to_string(pass.chunk) + " ";
    begins.push_back(pass.begin.value());
  }
  CHECK(order == "F00 F10 F01 F11 B01 B11 B00 B10 F00 F10 F01 B01 F11 B11 B00 B10 ");
  const std::vector<double> by_hand{0, 1, 2, 3, 6, 9, 11, 13, 1, 2, 3, 4, 6, 7, 9, 11};
  REQUIRE(begins.size() == by_hand.size());
  for (std::size_t i = 0; i < begins.size(); ++i) CHECK(begins[i] == doctest::Approx(by_hand[i]));
  CHECK(schedule.end.value() == doctest::Approx(15));
}

TEST_CASE("schedule: interleaved stages that are equal end when the planner says") {
  Rng rng{5};
  for (int i = 0; i < 300; ++i) {
    const auto stages = static_cast<std::uint32_t>(2 + rng.below(7));
    const auto chunks = static_cast<std::uint32_t>(2 + rng.below(5));
    const auto count = static_cast<std::uint32_t>(1 + rng.below(4 * stages));
    const std::vector<double> seconds(stages, 0.1 + rng.uniform());
    const auto all = turns(seconds, rng.uniform());
    const Seconds turn = all.front().both();
    const Seconds counted =
        fill_of(stages * turn, turn, chunks) +
        (static_cast<double>(in_rounds(count, round_of(stages, chunks))) - 1) * turn;
    const auto schedule = interleaved(all, chunks, count, all_of_them);
    CHECK(schedule.end.value() == doctest::Approx(counted.value()).epsilon(1e-12));
    CHECK(schedule.passes.size() == std::size_t{2} * stages * chunks * count);
    const auto some = interleaved(all, chunks, count, 2 * stages);
    CHECK(some.end.value() == doctest::Approx(counted.value()).epsilon(1e-12));
  }
}

TEST_CASE("schedule: interleaved stages that differ end no later than the planner says") {
  struct Spread {
    double inner_most, end_least, end_most;  ///< inner ones take at least 1
  };
  for (const auto& [inner_most, end_least, end_most] :
       {Spread{1, 1, 2}, Spread{1, 0.05, 1}, Spread{2, 0.05, 3}}) {
    Rng rng{6};
    const auto between = [&](double least, double most) {
      return least + (most - least) * rng.uniform();
    };
    double widest = 1;
    for (int i = 0; i < 2000; ++i) {
      const auto stages = static_cast<std::uint32_t>(2 + rng.below(7));
      const auto chunks = static_cast<std::uint32_t>(2 + rng.below(5));
      const std::uint32_t count = stages * static_cast<std::uint32_t>(1 + rng.below(4));
      std::vector<double> seconds(stages);
      for (double& s : seconds) s = between(1, inner_most);
      seconds.front() = between(end_least, end_most);
      seconds.back() = between(end_least, end_most);
      const auto all = turns(seconds, between(0.25, 0.5));
      const Closed closed{all};
      const Seconds counted =
          fill_of(closed.fill, closed.slowest, chunks) + (count - 1.0) * closed.slowest;
      const Seconds end = interleaved(all, chunks, count, all_of_them).end;
      CHECK(end <= counted * rounding);
      CHECK(end * rounding >= count * closed.slowest);
      widest = std::max(widest, counted / end);
    }
    CHECK(widest > 1.05);
  }
}

TEST_CASE("schedule: of interleaved micro-batches as many are shown as asked for, or two rounds") {
  for (const std::uint32_t stages : {2u, 5u, 16u})
    for (const std::uint32_t chunks : {2u, 8u})
      for (const std::uint32_t most : {2u, 40u, 100u}) {
        const auto all = turns(std::vector<double>(stages, 1), 1.0 / 3);
        const auto schedule = interleaved(all, chunks, 1000 * stages, most);
        const std::uint32_t shown = std::max(2 * stages, most - most % stages);
        const auto gaps = std::ranges::count(schedule.passes, PassKind::left_out, &Pass::kind);
        CHECK(gaps == stages);
        CHECK(schedule.passes.size() == stages * (2 * chunks * shown + 1));
      }
}

TEST_CASE("schedule: each interleaved pass waits for what it needs, and follows the one before") {
  Rng rng{7};
  for (int i = 0; i < 60; ++i) {
    const auto stages = static_cast<std::uint32_t>(2 + rng.below(4));
    const auto chunks = static_cast<std::uint32_t>(2 + rng.below(3));
    const auto count = static_cast<std::uint32_t>(1 + rng.below(9));
    std::vector<double> seconds(stages);
    for (double& s : seconds) s = 0.1 + rng.uniform();
    const auto schedule = interleaved(turns(seconds, 0.4), chunks, count, all_of_them);
    const auto end_of = [&](std::uint32_t part, PassKind kind, std::uint32_t micro_batch) {
      return std::ranges::find_if(schedule.passes,
                                  [&](const Pass& p) {
                                    return p.chunk * stages + p.stage == part && p.kind == kind &&
                                           p.micro_batch == micro_batch;
                                  })
          ->end;
    };
    for (std::size_t n = 0; n < schedule.passes.size(); ++n) {
      const Pass& pass = schedule.passes[n];
      if (n > 0 && schedule.passes[n - 1].stage == pass.stage)
        CHECK(schedule.passes[n - 1].end <= pass.begin);
      const std::uint32_t part = pass.chunk * stages + pass.stage;
      const bool forward = pass.kind == PassKind::forward;
      if (forward && part > 0)
        CHECK(end_of(part - 1, PassKind::forward, pass.micro_batch) <= pass.begin);
      if (!forward && part + 1 < stages * chunks)
        CHECK(end_of(part + 1, PassKind::backward, pass.micro_batch) <= pass.begin);
      if (!forward) CHECK(end_of(part, PassKind::forward, pass.micro_batch) <= pass.begin);
    }
  }
}

TEST_SUITE_END();
