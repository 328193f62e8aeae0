#include "axs/host/clock.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/wire.h"
#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"

using namespace axs;
using namespace axs::host;

TEST_CASE("clock: goes on, and a second process with the mark reads the same") {
  const RunClock clock{Instant{5'000'000'000}};
  const Instant first = clock.now();
  CHECK(first >= Instant{5'000'000'000});
  CHECK(clock.now() >= first);
  const RunClock other = RunClock::resume(clock.mark(), Instant{});
  for (const auto up : {seconds(0), seconds(1), seconds(86400)})
    CHECK(other.show(up) == clock.show(up));
}

TEST_CASE("clock: a mark survives the disk, and time passed since then counts on the same boot") {
  const TemporaryFolder folder;
  const RunClock clock{Instant{}};
  REQUIRE(save_clock_mark(folder / "clock", clock.mark()));
  const auto mark = load_clock_mark(folder / "clock");
  REQUIRE(mark);
  CHECK(RunClock::resume(*mark, Instant{}).show(seconds(10)) == clock.show(seconds(10)));
}

TEST_CASE("clock: after a reboot it goes on from the last known Instant, never before") {
  ClockMark mark = RunClock{Instant{seconds(100).ns}}.mark();
  mark.boot[0] ^= 1;
  mark.since_boot = mark.since_boot + seconds(1'000'000);
  const RunClock without_journal = RunClock::resume(mark, Instant{});
  CHECK(without_journal.now() >= mark.at);
  CHECK(without_journal.now() < mark.at + seconds(1000));
  const RunClock with_journal = RunClock::resume(mark, mark.at + seconds(2000));
  CHECK(with_journal.now() >= mark.at + seconds(2000));
  CHECK(RunClock::resume(with_journal.mark(), Instant{}).show(seconds(9)) ==
        with_journal.show(seconds(9)));
}

TEST_CASE("clock: offset and drift") {
  const RunClock straight{Instant{}};
  const ClockMark mark = straight.mark();
  const RunClock skewed =
      RunClock::resume(mark, Instant{}, {.offset = milliseconds(-250), .ppm = 100});
  const Duration epoch = straight.when(Instant{});
  CHECK(skewed.show(epoch) == Instant{milliseconds(-250).ns});
  CHECK(skewed.show(epoch + seconds(1000)) - straight.show(epoch + seconds(1000)) ==
        milliseconds(100 - 250));
}

TEST_CASE("clock: when() is the exact inverse of show(), which never decreases") {
  CHECK(rc::check([] {
    const auto ppm = *rc::gen::inRange(-500'000, 500'001);
    const Duration offset{*rc::gen::inRange<std::int64_t>(-1'000'000'000'000, 1'000'000'000'000)};
    const RunClock clock = RunClock::resume(RunClock{Instant{}}.mark(), Instant{},
                                            {.offset = offset, .ppm = ppm * 1.0});
    const Duration up{*rc::gen::inRange<std::int64_t>(0, 400LL * 86400 * 1'000'000'000)};
    const Instant at = clock.show(up);
    const Duration when = clock.when(at);
    RC_ASSERT(clock.show(up + nanoseconds(1)) >= at);
    RC_ASSERT(when <= up);
    RC_ASSERT(clock.show(when) >= at);
    RC_ASSERT(clock.show(when - nanoseconds(1)) < at);
  }));
}

TEST_CASE("clock: never is far away whatever the drift") {
  for (const double ppm : {-500'000.0, 0.0, 500'000.0}) {
    const RunClock clock{Instant{}, {.offset = seconds(-1), .ppm = ppm}};
    CHECK(clock.when(Instant{INT64_MAX}) > seconds(30LL * 365 * 86400));
    CHECK(clock.when(Instant{INT64_MIN}) < seconds(-30LL * 365 * 86400));
  }
}

TEST_CASE("clock: a damaged mark and one of another version are refused") {
  const TemporaryFolder folder;
  ClockMark mark = RunClock{Instant{}}.mark();
  mark.version = 2;
  REQUIRE(save_clock_mark(folder / "clock", mark));
  CHECK(load_clock_mark(folder / "clock").error().code == Errc::invalid);
  REQUIRE(write_file_atomically(folder / "clock", ByteVector(3), FileAccess::everyone));
  CHECK(load_clock_mark(folder / "clock").error().code == Errc::corrupt);
  CHECK(load_clock_mark(folder / "none").error().code == Errc::not_found);
}

TEST_CASE("clock: the wall clock is later than the day this was written") {
  CHECK(unix_time() > seconds(1'760'000'000));
}
