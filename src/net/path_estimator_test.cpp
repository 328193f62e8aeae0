#include "axs/net/path_estimator.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "axs/core/rng.h"

namespace axs::net {
namespace {

constexpr Duration interval = milliseconds(20);

Duration exponential(Rng& rng, Duration mean) {
  return from_seconds(-std::log1p(-rng.uniform()) * mean.seconds());
}

TEST_CASE("a sliding window knows the order statistics of the last samples") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const auto capacity = 1 + rng.below(20);
    SlidingWindow window{capacity};
    std::deque<Duration> plain;
    for (int i = 0; i < 100; ++i) {
      const Duration sample{static_cast<std::int64_t>(rng.below(10))};
      window.add(sample);
      plain.push_back(sample);
      if (plain.size() > capacity) plain.pop_front();
      auto sorted = plain;
      std::sort(sorted.begin(), sorted.end());
      const double q = rng.uniform();
      RC_ASSERT(window.size() == plain.size());
      RC_ASSERT(window.quantile(q) ==
                sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))]);
      RC_ASSERT(window.range() == sorted.back() - sorted.front());
    }
  }));
}

TEST_CASE("a step of the round trip is seen within a dozen samples, its size included") {
  for (const int step : {-30, 30}) {
    CAPTURE(step);
    Rng rng{7};
    StepDetector detector;
    for (int i = 0; i < 750; ++i)
      REQUIRE_FALSE(detector.add(milliseconds(70) + exponential(rng, microseconds(900))));
    int samples = 1;
    while (!detector.add(milliseconds(70 + step) + exponential(rng, microseconds(900)))) ++samples;
    CHECK(samples >= 4);  // The noise before the step may have helped a little.
    CHECK(samples <= 12);
    for (int i = 0; i < 15; ++i)
      CHECK_FALSE(detector.add(milliseconds(70 + step) + exponential(rng, microseconds(900))));
    CHECK(std::abs((detector.level() - milliseconds(71 + step)).seconds()) < 1e-3);
  }
}

TEST_CASE("jitter is no step: below one false alarm a day") {
  Rng rng{1};
  StepDetector detector;
  int alarms = 0;
  for (int i = 0; i < 4'320'000; ++i)
    alarms += detector.add(milliseconds(70) + exponential(rng, milliseconds(2)));
  CHECK(alarms <= 1);
}

TEST_CASE("a single late packet is no step") {
  StepDetector detector;
  for (int i = 0; i < 1'000; ++i) CHECK_FALSE(detector.add(milliseconds(i % 100 == 50 ? 500 : 70)));
}

TEST_CASE("losses are counted over the last 512 hellos") {
  LossEstimator loss;
  CHECK(loss.recent() == 0);
  for (int i = 0; i < 512; ++i) loss.sample(i % 4 == 0 ? HelloFate::lost : HelloFate::answered);
  CHECK(loss.recent() == 0.25);
  for (int i = 0; i < 512; ++i) loss.sample(HelloFate::answered);
  CHECK(loss.recent() == 0);
}

TEST_CASE("the chain's two numbers are learnt from what it does") {
  Rng rng{3};
  LossEstimator loss;
  bool lost = false;
  for (int i = 0; i < 16'000; ++i) {
    lost = rng.chance(lost ? 0.6 : 0.01);
    loss.add(lost ? HelloFate::lost : HelloFate::answered);
  }
  CHECK(loss.after_loss() == doctest::Approx(0.6).epsilon(0.1));
  CHECK(loss.any() == doctest::Approx(0.01 / 0.41).epsilon(0.25));  // Stationary share.
}

/// An estimator that has seen `count` hellos of a path.
PathEstimator learned(int count, double loss_probability, Duration jitter_mean,
                      std::uint64_t seed) {
  Rng rng{seed};
  PathEstimator estimator;
  for (int i = 0; i < count; ++i) {
    const bool lost = rng.chance(loss_probability);
    estimator.judged(Instant{} + i * interval, lost ? HelloFate::lost : HelloFate::answered);
    if (lost) continue;
    estimator.answered(Instant{} + i * interval, milliseconds(70) + exponential(rng, jitter_mean));
  }
  return estimator;
}

TEST_CASE("smoothed, least, jitter and quantile say what the samples are") {
  const PathEstimator estimator = learned(2'000, 0, milliseconds(2), 5);
  CHECK(estimator.smoothed().seconds() == doctest::Approx(0.072).epsilon(0.04));
  CHECK(estimator.least() >= milliseconds(70));
  CHECK(estimator.least() <= milliseconds(71));
  CHECK(estimator.jitter().seconds() == doctest::Approx(0.002).epsilon(0.5));  // E|X - Y| = mean.
  CHECK(estimator.quantile(0.5).seconds() == doctest::Approx(0.070 + 0.002 * 0.6931).epsilon(0.01));
  CHECK(estimator.steps() == 0);
}

TEST_CASE("the silence limit follows the losses, the jitter and the interval") {
  const Instant later = Instant{} + seconds(200);
  const auto limit = [&](double loss, Duration jitter) {
    return learned(8'000, loss, jitter, 11).silence_limit(later, interval);
  };
  const Duration quiet = limit(0, microseconds(20));
  CHECK(quiet >= 3 * interval);
  CHECK(quiet <= 6 * interval);
  CHECK(limit(0.02, microseconds(20)) >= quiet);
  CHECK(limit(0.2, microseconds(20)) > limit(0.02, microseconds(20)));
  CHECK(limit(0, milliseconds(3)) >= quiet + milliseconds(15));
  CHECK(learned(8'000, 0, microseconds(20), 11).silence_limit(later, milliseconds(1)) <=
        milliseconds(8));
  CHECK(limit(0.95, milliseconds(3)) == PathEstimator::limit_max);
}

TEST_CASE("the chance of as many misses as the limit allows keeps the promise") {
  // The formula again, from the true loss rate instead of the learnt one.
  for (const double loss : {0.001, 0.01, 0.02, 0.05, 0.1}) {
    CAPTURE(loss);
    const Duration limit =
        learned(16'000, loss, Duration{}, 13).silence_limit(Instant{} + seconds(400), interval);
    const double misses = static_cast<double>(limit.ns / interval.ns);
    CHECK(std::pow(loss, misses) / interval.seconds() <= 1.0 / 86'400);
  }
}

TEST_CASE("hellos that are slower than the longest limit are waited for, and one may be lost") {
  const Instant later = Instant{} + seconds(200);
  const PathEstimator estimator = learned(8'000, 0.1, microseconds(20), 11);
  CHECK(estimator.silence_limit(later, milliseconds(700)) == PathEstimator::limit_max);
  CHECK(estimator.silence_limit(later, seconds(5)) == milliseconds(12'500) + estimator.range());
  CHECK(learned(100, 0, Duration{}, 11).silence_limit(Instant{}, seconds(5)) ==
        milliseconds(12'500));
}

TEST_CASE("experience lengthens the limit for five minutes, and its lack for one") {
  PathEstimator estimator = learned(2'000, 0, microseconds(20), 17);  // 40 s.
  const Instant now = Instant{} + seconds(40);
  CHECK(estimator.silence_limit(now, interval) == milliseconds(500));
  const Instant later = Instant{} + seconds(90);
  CHECK(estimator.silence_limit(later, interval) < milliseconds(150));
  estimator.survived(later, milliseconds(200), interval);
  CHECK(estimator.silence_limit(later + seconds(200), interval) == milliseconds(20 + 270));
  CHECK(estimator.silence_limit(later + seconds(320), interval) < milliseconds(150));
}

TEST_CASE("a block of experience that has just begun does not look like a calm one") {
  PathEstimator estimator = learned(2'000, 0, microseconds(20), 17);
  Instant now = Instant{} + seconds(90);
  for (int i = 0; i < 20; ++i, now = now + seconds(15))
    estimator.survived(now, milliseconds(100 + i % 2), interval);
  const Duration before = estimator.silence_limit(now - seconds(1), interval);
  estimator.survived(now, interval + microseconds(10), interval);
  CHECK(estimator.silence_limit(now, interval) <= before);
}

TEST_CASE("nothing is known of a new path, so its limit is the longest") {
  CHECK(PathEstimator{}.silence_limit(Instant{-5}, interval) == PathEstimator::limit_max);
}

}  // namespace
}  // namespace axs::net
