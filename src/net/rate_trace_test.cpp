#include "axs/net/rate_trace.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/net/pipe.h"

using namespace axs;
using namespace axs::net;

namespace {

CapacityTrace random_trace(Rng& rng) {
  CapacityTrace trace{.step = nanoseconds(1 + static_cast<std::int64_t>(rng.below(50))),
                      .bytes_per_second = {}};
  for (std::uint64_t left = 1 + rng.below(12); left > 0; --left)
    trace.bytes_per_second.push_back(rng.chance(0.3) ? 0 : static_cast<std::int64_t>(rng.below(9)));
  trace.bytes_per_second[rng.below(trace.bytes_per_second.size())] = 3;
  return trace;
}

/// One nanosecond after the other: what the trace does in [at, at + 1 ns).
std::int64_t rate_at(const CapacityTrace& trace, std::int64_t at) {
  const auto count = static_cast<std::int64_t>(trace.bytes_per_second.size());
  const std::int64_t period = count * trace.step.ns;
  const std::int64_t into = (at % period + period) % period;
  return trace.bytes_per_second[static_cast<std::size_t>(into / trace.step.ns)];
}

}  // namespace

TEST_CASE("rate trace: the integral and its inverse are those of counting nanoseconds") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    const CapacityTrace trace = random_trace(rng);
    const RateIntegral integral{trace};
    const std::int64_t from = static_cast<std::int64_t>(rng.below(2'000)) - 1'000;
    const auto wanted = static_cast<std::int64_t>(1 + rng.below(2'000));
    std::int64_t done = 0, at = from;
    while (done < wanted) done += rate_at(trace, at++);
    RC_ASSERT(integral.finish(Instant{from}, wanted) == Instant{at});
    RC_ASSERT(integral.between(Instant{from}, Instant{at}) == done);
  }));
}

TEST_CASE("rate trace: trains of packets leave a pipe exactly when the trace has carried them") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    PipeConfig config;
    config.capacity.step = milliseconds(static_cast<std::int64_t>(1 + rng.below(100)));
    for (std::uint64_t left = 1 + rng.below(20); left > 0; --left)
      config.capacity.bytes_per_second.push_back(static_cast<std::int64_t>(rng.below(9'000'000)));
    config.capacity.bytes_per_second.push_back(1'000'000);
    const RateIntegral integral{config.capacity};
    Pipe pipe{config, Rng{1}};
    Instant now{static_cast<std::int64_t>(rng.below(1'000'000'000))}, begun = now, busy = now;
    RateIntegral::Work work = 0;
    for (int i = 0; i < 200; ++i) {
      if (rng.chance(0.2)) now = now + microseconds(static_cast<std::int64_t>(rng.below(20'000)));
      if (now > busy) begun = now, work = 0;
      const std::size_t size = 1 + rng.below(1'500);
      work += RateIntegral::Work{RateIntegral::byte} * size;
      const Admission admission = pipe.admit(now, size);
      busy = integral.finish(begun, work);
      RC_ASSERT(admission.departs_at == busy);
      RC_ASSERT(pipe.backlog(now) >= static_cast<std::int64_t>(size));
    }
  }));
}

TEST_CASE("rate trace: a constant trace is a fixed rate") {
  PipeConfig fixed{.rate = BytesPerSecond{1'234'567.0}}, traced;
  traced.capacity = {milliseconds(100), {1'234'567}};
  Pipe one{fixed, Rng{1}}, other{traced, Rng{1}};
  Rng rng{3};
  Instant now{};
  for (int i = 0; i < 5'000; ++i) {
    now = now + microseconds(static_cast<std::int64_t>(rng.below(1'500)));
    const std::size_t size = 1 + rng.below(1'500);
    CHECK(one.backlog(now) == other.backlog(now));
    CHECK(one.admit(now, size).departs_at == other.admit(now, size).departs_at);
  }
}

TEST_CASE("rate trace: delays are those of the trace, step by step, and begin again") {
  PipeConfig config;
  config.delays = {milliseconds(10), {milliseconds(8), milliseconds(9), milliseconds(68)}};
  Pipe pipe{config, Rng{1}};
  for (const int ms : {5, 15, 25}) {
    const Instant sent = Instant{} + milliseconds(ms);
    CHECK(pipe.admit(sent, 1).released_at - sent >= config.delays.at(sent));
    CHECK(pipe.admit(sent, 1).released_at - sent <= config.delays.at(sent) + nanoseconds(2));
  }
  // Packets do not overtake those that the spike holds.
  const Instant behind = Instant{} + milliseconds(35);
  CHECK(pipe.admit(behind, 1).released_at >= Instant{} + milliseconds(25 + 68));
  CHECK(config.delays.at(Instant{-1}) == milliseconds(68));
  CHECK(config.delays.at(Instant{30'000'000}) == milliseconds(8));
}

TEST_CASE("rate trace: a full link carries in each step what the trace says, to the packet") {
  CHECK(rc::check([] {
    Rng rng{*rc::gen::arbitrary<std::uint64_t>()};
    PipeConfig config{.queue_bytes = 100'000};
    config.capacity.step = milliseconds(100);
    for (int i = 0; i < 20; ++i)
      config.capacity.bytes_per_second.push_back(static_cast<std::int64_t>(rng.below(9'000'000)));
    config.capacity.bytes_per_second.push_back(2'000'000);
    const std::size_t size = 100 + rng.below(1'400);
    std::vector<std::int64_t> carried(3 * config.capacity.bytes_per_second.size());
    Pipe pipe{config, Rng{1}};
    const Instant end =
        Instant{} + config.capacity.step * static_cast<std::int64_t>(carried.size());
    for (Instant now{}; now < end;) {
      const Admission admission = pipe.admit(now, size);
      if (admission.fate == Fate::queue_full) {
        now = now + milliseconds(1);
        continue;
      }
      const auto step =
          static_cast<std::size_t>((admission.departs_at.ns - 1) / config.capacity.step.ns);
      if (step < carried.size()) carried[step] += static_cast<std::int64_t>(size);
    }
    for (std::size_t i = 0; i < carried.size(); ++i) {
      const auto& rates = config.capacity.bytes_per_second;
      const std::int64_t wanted = rates[i % rates.size()] / 10;
      RC_ASSERT(std::abs(carried[i] - wanted) <= static_cast<std::int64_t>(size));
    }
  }));
}

TEST_CASE("rate trace: one that makes no sense is refused, and the link named") {
  const auto why = [](CapacityTrace trace) {
    const auto checked = validate(trace, "link ams-lon");
    return checked ? std::string{} : checked.error().what;
  };
  CHECK(why({}).empty());
  CHECK(why({milliseconds(100), {0, 0}}) ==
        "link ams-lon: the capacity of the trace is 0 throughout, want more");
  CHECK(why({milliseconds(100), {1, -5}}) ==
        "link ams-lon: capacity -5 bytes/s in the trace, want 0 to 10^15");
  CHECK(why({{}, {1}}) == "link ams-lon: trace steps of 0 ns, want 1 ns to 1 h");
  const DelayTrace early{milliseconds(10), {milliseconds(-1)}};
  CHECK(validate(early, "link ams-lon").error().what ==
        "link ams-lon: delay -1000000 ns in the trace, want >= 0");
}
