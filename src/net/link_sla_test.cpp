#include "axs/net/link_sla.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

#include "axs/net/token_bucket.h"

namespace axs::net {
namespace {

static_assert(Policy<LinkWatch>);

/// San Francisco to Frankfurt.
const LatencyOffer offer{
    .light = microseconds(60'900), .fibre = microseconds(127'900), .leo = microseconds(84'000)};

Result<std::optional<LinkPromise>> ask(const PromiseWish& wish) {
  return promise_of("link sfo-fra", offer, wish);
}

TEST_CASE("a promise that light cannot keep is refused with the bound and what can be had") {
  const auto refused = ask({.round_trip = milliseconds(10), .stretch = {}});
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::invalid);
  CHECK(refused.error().what ==
        "link sfo-fra: a round trip of 10.0 ms is not possible, want at least 60.9 ms (stretch 1), "
        "there and back at the speed of light; to be had: about 127.9 ms over fibre, about 84.0 ms "
        "over low earth orbit");
  CHECK(!ask({.round_trip = {}, .stretch = 0.99}));
  CHECK(!ask({.round_trip = {}, .stretch = 0.0 / 0.0}));
  CHECK(!ask({.round_trip = {}, .stretch = 1e300}));
  CHECK(!ask({.round_trip = offer.light, .stretch = 2}));
  CHECK(!ask({.round_trip = {}, .stretch = 2, .percentile = 100}));
  CHECK(!promise_of("x", {}, {.round_trip = milliseconds(1), .stretch = {}}));
}

TEST_CASE("a promise is kept as stretch and round trip alike") {
  CHECK(!ask({})->has_value());
  const auto by_time = ask({.round_trip = milliseconds(90), .stretch = {}});
  REQUIRE(by_time);
  CHECK((*by_time)->stretch == doctest::Approx(90 / 60.9));
  CHECK(!beyond_known_ways(offer, **by_time));
  const auto by_stretch = ask({.round_trip = {}, .stretch = 1, .percentile = 95});
  REQUIRE(by_stretch);
  CHECK((*by_stretch)->round_trip == offer.light);
  CHECK(beyond_known_ways(offer, **by_stretch));
  CHECK(rc::check("whatever is accepted is no quicker than light", [] {
    const auto wish = milliseconds(*rc::gen::inRange(0, 1000));
    const auto promise = ask({.round_trip = wish, .stretch = {}});
    RC_ASSERT(promise.has_value() == (wish >= offer.light));
    if (promise) RC_ASSERT((*promise)->stretch >= 1 && (*promise)->round_trip == wish);
  }));
}

TEST_CASE("the percentile is the least value that so many do not exceed") {
  CHECK(rc::check([] {
    const auto values = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 50));
    const auto lost = *rc::gen::inRange<std::size_t>(0, 20);
    const double percentile = *rc::gen::element(50.0, 90.0, 99.0, 99.9);
    std::vector<Duration> answered;
    for (const int value : values) answered.push_back(milliseconds(value));
    const auto all = static_cast<double>(values.size() + lost);
    // The oracle tries every value.
    std::optional<Duration> least;
    for (int value = 0; value < 50; ++value) {
      const auto within = static_cast<double>(
          std::count_if(values.begin(), values.end(), [&](int v) { return v <= value; }));
      if (all > 0 && within * 100 >= percentile * all - 1e-6 && within > 0 && !least)
        least = milliseconds(value);
    }
    RC_ASSERT(percentile_of(answered, lost, percentile) == least);
  }));
}

/// A watch and a link that answers after a delay, or never.
struct Bench {
  explicit Bench(std::optional<LinkPromise> promise) : watch{{.promise = promise}, Instant{}} {}

  LinkWatch watch;
  std::multimap<Instant, std::uint32_t> answers;
  std::vector<WindowClosed> windows;
  std::uint32_t sent = 0;

  template <class Delay>
  void run(Instant from, Instant until, const Delay& delay) {
    for (Instant now = from; now < until; now = now + milliseconds(1)) {
      step(now, Wakeup{}, delay);
      while (!answers.empty() && answers.begin()->first <= now) {
        const auto [at, number] = *answers.begin();
        answers.erase(answers.begin());
        step(at, EchoArrived{number}, delay);
      }
    }
  }
  template <class Delay>
  void step(Instant now, const LinkWatch::Event& event, const Delay& delay) {
    std::vector<LinkWatch::Action> actions;
    watch.step(now, event, actions);
    for (const auto& action : actions) {
      if (const auto* closed = std::get_if<WindowClosed>(&action)) windows.push_back(*closed);
      const auto* echo = std::get_if<SendEcho>(&action);
      if (echo == nullptr) continue;
      ++sent;
      if (const std::optional<Duration> takes = delay(echo->number))
        answers.emplace(now + *takes, echo->number);
    }
  }
};

const LinkPromise ninety{.stretch = 1.48, .percentile = 99, .round_trip = milliseconds(90)};

TEST_CASE("a link that keeps its promise has no breach, one that does not has one per window") {
  Bench bench{ninety};
  const auto after = [](Duration d) { return [d](std::uint32_t) { return std::optional{d}; }; };
  bench.run(Instant{}, Instant{} + seconds(20), after(milliseconds(80)));
  bench.run(Instant{} + seconds(20), Instant{} + seconds(40), after(milliseconds(100)));
  bench.run(Instant{} + seconds(40), Instant{} + seconds(53), after(milliseconds(80)));
  REQUIRE(bench.windows.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    const WindowClosed& window = bench.windows[i];
    CHECK(window.begin == Instant{} + seconds(10 * static_cast<std::int64_t>(i)));
    CHECK(window.quality.probes == 200);
    CHECK(window.quality.lost == 0);
    CHECK(window.breach == (i == 2 || i == 3));
    CHECK(*window.quality.median == milliseconds(window.breach ? 100 : 80));
  }
}

TEST_CASE("probes that never come back count as slower than any promise") {
  const auto every = [](std::uint32_t n) {
    return [n](std::uint32_t number) {
      return number % n == 0 ? std::nullopt : std::optional{milliseconds(1)};
    };
  };
  Bench one_percent{ninety}, two_percent{ninety};
  one_percent.run(Instant{}, Instant{} + seconds(13), every(100));
  two_percent.run(Instant{}, Instant{} + seconds(13), every(50));
  CHECK(!one_percent.windows.at(0).breach);
  CHECK(one_percent.windows.at(0).quality.lost == 2);
  CHECK(two_percent.windows.at(0).breach);
  CHECK(!two_percent.windows.at(0).quality.percentile);
  CHECK(*two_percent.windows.at(0).quality.median == milliseconds(1));
}

TEST_CASE("without a promise nothing is a breach, and dead links are still measured") {
  Bench bench{std::nullopt};
  bench.run(Instant{}, Instant{} + seconds(13),
            [](std::uint32_t) { return std::optional<Duration>{}; });
  REQUIRE(bench.windows.size() == 1);
  CHECK(!bench.windows[0].breach);
  CHECK(bench.windows[0].quality.lost == 200);
  CHECK(bench.watch.recent(Instant{} + seconds(13)).lost == 200);
}

TEST_CASE("answers that make no sense change nothing") {
  Bench bench{ninety};
  std::vector<LinkWatch::Action> actions;
  bench.watch.step(Instant{}, EchoArrived{7}, actions);
  bench.watch.step(Instant{} + milliseconds(1), EchoArrived{0}, actions);
  bench.watch.step(Instant{} + milliseconds(9), EchoArrived{0}, actions);
  bench.watch.step(Instant{} + milliseconds(9), EchoArrived{0xffff'ffff}, actions);
  const LinkQuality recent = bench.watch.recent(Instant{} + milliseconds(10));
  CHECK(recent.probes == 1);
  CHECK(*recent.median == milliseconds(1));
}

TEST_CASE("a process that was stopped judges only what it measured") {
  Bench bench{ninety};
  const auto quick = [](std::uint32_t) { return std::optional{milliseconds(1)}; };
  bench.run(Instant{}, Instant{} + seconds(5), quick);
  bench.run(Instant{} + seconds(3600), Instant{} + seconds(3610), quick);
  REQUIRE(bench.windows.size() == 1);
  CHECK(bench.windows[0].quality.probes == 100);
  CHECK(!bench.windows[0].breach);
}

TEST_CASE("a token bucket keeps its mean rate, whatever the packets") {
  CHECK(rc::check([] {
    const double rate = *rc::gen::inRange(1'000, 10'000'000);
    TokenBucket bucket{BytesPerSecond{rate}, milliseconds(10), Instant{}};
    const auto sizes =
        *rc::gen::container<std::vector<std::size_t>>(30, rc::gen::inRange<std::size_t>(1, 65'000));
    Instant now{};
    double passed = 0;
    for (const std::size_t size : sizes) {
      while (!bucket.open(now)) {
        RC_ASSERT(bucket.opens_at() > now);
        now = bucket.opens_at();
      }
      bucket.take(now, size);
      // Beside the burst only the last packet may be ahead of its time.
      RC_ASSERT(passed <= rate * ((now - Instant{}).seconds() + 0.01) + 1);
      passed += static_cast<double>(size);
    }
  }));
}

}  // namespace
}  // namespace axs::net
