#include "axs/net/mtu_search.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::net;

namespace {

static_assert(Policy<MtuSearch>);

/// From `at` on the path carries packets of up to `mtu` bytes; 0: none.
struct Width {
  Instant at;
  std::uint32_t mtu;
};

struct Model {
  std::vector<Width> widths{};
  Duration round_trip = milliseconds(60);
  double loss = 0;
  std::uint32_t interface = 65'535;  ///< What the sender's own machine takes.
};

/// A search over a path, and the books of what it did.
class Path {
 public:
  Path(const MtuSearchConfig& config, Model model, Rng rng)
      : search{config}, model_{std::move(model)}, rng_{rng} {
    step(MtuPathOpened{});
  }

  void run_until(Instant end) {
    for (;;) {
      const auto wakeup = search.wakeup();
      REQUIRE(wakeup.has_value());
      const bool answered = !arrivals_.empty() && arrivals_.begin()->first <= *wakeup;
      const Instant next = answered ? arrivals_.begin()->first : *wakeup;
      REQUIRE(next >= now_);
      if (next > end) break;
      now_ = next;
      answered ? step(arrived()) : step(Wakeup{});
    }
    now_ = end;
  }
  std::uint32_t width() const {
    std::uint32_t mtu = 0;
    for (const Width& width : model_.widths)
      if (width.at <= now_) mtu = width.mtu;
    return std::min(mtu, model_.interface);
  }

  MtuSearch search;
  std::size_t probes = 0;

 private:
  MtuEvent arrived() {
    const std::uint32_t number = arrivals_.begin()->second;
    arrivals_.erase(arrivals_.begin());
    return MtuProbeArrived{number};
  }
  void step(const MtuEvent& event) {
    std::vector<SendMtuProbe> actions;
    const std::uint32_t before = search.packet_size();
    search.step(now_, event, actions);
    const std::uint32_t after = search.packet_size();
    // Wider only by what the peer said; narrower only to the base.
    if (after > before) REQUIRE(std::holds_alternative<MtuProbeArrived>(event));
    if (after > before) REQUIRE(largest_arrived_ >= after);
    if (after < before) REQUIRE(after == 1'200);
    REQUIRE(actions.size() <= 1);
    if (!actions.empty()) send(actions[0]);
  }
  void send(const SendMtuProbe& probe) {
    ++probes;
    if (probe.size > model_.interface) return step(MtuProbeRefused{probe.number});
    if (probe.size > width() || rng_.chance(model_.loss)) return;
    largest_arrived_ = std::max(largest_arrived_, probe.size);
    const Duration jitter = nanoseconds(static_cast<std::int64_t>(rng_.below(5'000'000)));
    arrivals_.emplace(now_ + model_.round_trip + jitter, probe.number);
  }

  Model model_;
  Rng rng_;
  Instant now_ = Instant{} - seconds(5);
  std::multimap<Instant, std::uint32_t> arrivals_;
  std::uint32_t largest_arrived_ = 0;
};

Instant at(Duration since) {
  return Instant{} + since;
}

bool settled(const Path& path, const MtuSearchConfig& config) {
  const std::uint32_t size = path.search.packet_size(), width = path.width();
  return size <= width && std::min(width, config.max) - size < config.step;
}

}  // namespace

TEST_CASE("mtu: a path as wide as the interface is known after two round trips") {
  Path path{{}, {.widths = {{at(seconds(-9)), 1'472}}}, Rng{1}};
  path.run_until(at(seconds(-5) + milliseconds(140)));
  CHECK(path.search.complete());
  CHECK(path.search.packet_size() == 1'472);
  CHECK(path.probes == 2);
}

TEST_CASE("mtu: the machine's own interface is believed at once") {
  const MtuSearchConfig config{.max = 8'972};
  Path path{config, {.widths = {{at(seconds(-9)), 9'000}}, .interface = 1'472}, Rng{1}};
  path.run_until(at(seconds(-4)));
  CHECK(path.search.complete());
  CHECK(settled(path, config));
}

TEST_CASE("mtu: a black hole ends within the confirmation time and a few round trips") {
  const MtuSearchConfig config;
  Path path{config, {.widths = {{at(seconds(-9)), 1'472}, {at(seconds(60)), 1'400}}}, Rng{1}};
  path.run_until(at(seconds(60)));
  CHECK(path.search.packet_size() == 1'472);
  path.run_until(at(seconds(60) + config.confirm_every + seconds(1)));
  CHECK(path.search.packet_size() <= 1'400);
  path.run_until(at(seconds(70)));
  CHECK(settled(path, config));
}

TEST_CASE("mtu: an outage is not taken for a narrow path") {
  // The path fails at every instant of a search, and comes back.
  for (int ms = -4'990; ms < 4'000; ms += 97) {
    const Instant cut = at(milliseconds(ms));
    const MtuSearchConfig config;
    Path path{config,
              {.widths = {{at(seconds(-9)), 1'420}, {cut, 0}, {cut + seconds(30), 1'420}}},
              Rng{1}};
    path.run_until(cut + seconds(40));
    CHECK(settled(path, config));
  }
}

TEST_CASE("mtu: finds every width, wider and narrower, whatever the delay, never a wrong one") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const MtuSearchConfig config{.max = rng.chance(0.5) ? 1'472U : 8'972U,
                                 .raise_after = seconds(120)};
    Model model{.round_trip = milliseconds(1 + static_cast<std::int64_t>(rng.below(700)))};
    for (int i = 0; i < 4; ++i)
      model.widths.push_back(
          {at(seconds(300 * i - 10)), 1'200 + static_cast<std::uint32_t>(rng.below(8'000))});
    Path path{config, model, rng.fork(1)};
    for (int i = 0; i < 4; ++i) {
      path.run_until(at(seconds(300 * i + 289)));
      RC_ASSERT(settled(path, config));
    }
    // A probe in every confirmation time, and some for each search.
    RC_ASSERT(path.probes < 1'200 / 2 + 10 * 60);
  }));
}

TEST_CASE("mtu: under loss it is never wider than the path for long, and mostly right") {
  int right = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const MtuSearchConfig config;
    Path path{config, {.widths = {{at(seconds(-9)), 1'400}}, .loss = 0.1}, Rng{seed}};
    path.run_until(at(seconds(120)));
    CHECK(path.search.packet_size() <= 1'400);
    if (settled(path, config)) ++right;
  }
  CHECK(right >= 45);
}

TEST_CASE("mtu: numbers that were not asked for change nothing") {
  MtuSearch search{{}};
  std::vector<SendMtuProbe> actions;
  search.step(Instant{}, MtuProbeArrived{0}, actions);
  search.step(Instant{}, Wakeup{}, actions);
  CHECK(actions.empty());
  CHECK_FALSE(search.wakeup());
  search.step(Instant{}, MtuPathOpened{}, actions);
  REQUIRE(actions.size() == 1);
  for (const std::uint32_t number : {1U, 2U, ~0U}) {
    search.step(Instant{}, MtuProbeArrived{number}, actions);
    search.step(Instant{}, MtuProbeRefused{number}, actions);
  }
  CHECK(actions.size() == 1);
  CHECK(search.packet_size() == 1'200);
}
