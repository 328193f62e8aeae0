#include "axs/host/loop.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

using namespace axs;
using namespace axs::host;

namespace {

std::unique_ptr<Loop> make_loop(ClockSkew skew = {}) {
  return *Loop::create(RunClock{Instant{}, skew});
}

struct Sockets {
  Fd left, right;
};

Sockets make_sockets() {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
  return {Fd{pair[0]}, Fd{pair[1]}};
}

}  // namespace

TEST_CASE("loop: timers run in order, never early, and can be cancelled") {
  const auto loop = make_loop({.offset = seconds(-5), .ppm = 200'000});
  const Instant start = loop->now();
  std::vector<int> order;
  const auto timer = [&](int name, Duration delay) {
    return loop->at(start + delay, [&order, &loop, name, start, delay] {
      CHECK(loop->now() >= start + delay);
      order.push_back(name);
    });
  };
  timer(3, milliseconds(3));
  timer(1, milliseconds(1));
  const TimerId cancelled = timer(9, milliseconds(2));
  timer(2, milliseconds(2));
  timer(4, milliseconds(3));
  timer(0, seconds(-100));
  loop->cancel(cancelled);
  loop->at(start + milliseconds(4), [&] { loop->stop(); });
  REQUIRE(loop->run());
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("loop: a timer may set, cancel and repeat timers without starving descriptors") {
  const auto loop = make_loop();
  const Fd event = *make_event();
  raise_event(event.get());
  int repeated = 0;
  bool seen = false;
  std::function<void()> repeat = [&] {
    ++repeated;
    loop->at(Instant{}, repeat);
  };
  const TimerId later = loop->after(milliseconds(1), [] { FAIL("cancelled"); });
  loop->at(Instant{}, [&] { loop->cancel(later); });
  loop->at(Instant{}, repeat);
  REQUIRE(loop->watch(event.get(), Interest::readable, [&](Ready ready) {
    CHECK(ready.readable);
    seen = true;
    if (repeated >= 3) loop->stop();
  }));
  REQUIRE(loop->run());
  CHECK(seen);
  CHECK(repeated >= 3);
}

TEST_CASE("loop: descriptors are told apart by readable and writable, and by their end") {
  const auto loop = make_loop();
  auto [left, right] = make_sockets();
  std::vector<std::string> log;
  REQUIRE(loop->watch(left.get(), Interest::writable, [&](Ready ready) {
    CHECK_FALSE(ready.readable);
    log.push_back("writable");
    REQUIRE(loop->change(left.get(), Interest::readable));
    REQUIRE(::write(right.get(), "x", 1) == 1);
    loop->stop();
  }));
  REQUIRE(loop->run());
  loop->unwatch(left.get());
  REQUIRE(loop->watch(left.get(), Interest::both, [&](Ready ready) {
    CHECK(ready.writable);
    char byte;
    log.push_back(ready.readable && ::read(left.get(), &byte, 1) == 1 ? "readable" : "end");
    if (log.back() == "readable") return right.reset();
    loop->unwatch(left.get());
    loop->stop();
  }));
  REQUIRE(loop->run());
  CHECK(log == std::vector<std::string>{"writable", "readable", "end"});
  loop->unwatch(left.get());
  CHECK_FALSE(loop->watch(-1, Interest::readable, [](Ready) {}));
}

TEST_CASE("loop: a descriptor closed and reused by a callback of the same turn gets no old event") {
  const auto loop = make_loop();
  Fd first = *make_event(), second = *make_event();
  const int numbers[] = {first.get(), second.get()};
  int calls = 0;
  // Both are ready in one turn; whichever comes first replaces the other by an event not raised.
  const auto replace = [&](Fd& self, Fd& other) {
    ++calls;
    clear_event(self.get());
    loop->unwatch(other.get());
    other.reset();
    other = *make_event();
    REQUIRE((other.get() == numbers[0] || other.get() == numbers[1]));
    REQUIRE(loop->watch(other.get(), Interest::readable, [](Ready) { FAIL("old event"); }));
    loop->after(milliseconds(1), [&] { loop->stop(); });
  };
  REQUIRE(loop->watch(first.get(), Interest::readable, [&](Ready) { replace(first, second); }));
  REQUIRE(loop->watch(second.get(), Interest::readable, [&](Ready) { replace(second, first); }));
  raise_event(first.get());
  raise_event(second.get());
  REQUIRE(loop->run());
  CHECK(calls == 1);
}

TEST_CASE("loop: other threads post work, and each thread's comes in order") {
  const auto loop = make_loop();
  constexpr int count = 5000;
  std::array<int, 2> next{};
  bool in_order = true;
  const auto post_all = [&](std::size_t thread) {
    for (int i = 0; i < count; ++i)
      loop->post([&, thread, i] {
        in_order = in_order && next[thread] == i;
        if (++next[thread] == count && next[0] == next[1]) loop->stop();
      });
  };
  std::thread other{post_all, 0};
  std::thread another{post_all, 1};
  REQUIRE(loop->run());
  other.join();
  another.join();
  CHECK(in_order);
}

TEST_CASE("loop: stopped in the middle, nothing that was due is lost") {
  const auto loop = make_loop();
  std::vector<int> log;
  for (int i = 0; i < 3; ++i)
    loop->post([&, i] {
      log.push_back(i);
      loop->stop();
    });
  loop->at(Instant{}, [&] {
    log.push_back(10);
    loop->stop();
  });
  for (int i = 0; i < 4; ++i) REQUIRE(loop->run());
  std::sort(log.begin(), log.end());
  CHECK(log == std::vector<int>{0, 1, 2, 10});
  std::thread other{[&] { loop->stop(); }};
  REQUIRE(loop->run());
  other.join();
}
