// What Boost.Asio costs for the two things that loop_* in host_bench.cpp measures: the ground of a
// decision in docs/design/006-host.md. Asio 1.81 wants <utility> before it in C++20.
// clang-format off
#include <utility>
#include <boost/asio.hpp>
// clang-format on

#include <benchmark/benchmark.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "axs/core/rng.h"

namespace {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;
using Handler = std::function<void()>;

void asio_ready_descriptor(benchmark::State& state) {
  asio::io_context context{1};
  asio::posix::stream_descriptor event{context, ::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)};
  Handler next = [&] {
    if (!state.KeepRunning()) return;
    event.async_wait(asio::posix::stream_descriptor::wait_read, [&](auto) { next(); });
  };
  event.async_wait(asio::posix::stream_descriptor::wait_read, [&](auto) { next(); });
  context.run();
}
BENCHMARK(asio_ready_descriptor);

void asio_timer_lateness(benchmark::State& state) {
  asio::io_context context{1};
  asio::steady_timer timer{context};
  std::vector<double> late;
  axs::Rng rng{1};
  auto due = SteadyClock::now();
  Handler next = [&] {
    late.push_back(std::chrono::duration<double, std::micro>{SteadyClock::now() - due}.count());
    if (!state.KeepRunning()) return;
    due += std::chrono::microseconds{100 + rng.below(200)};
    timer.expires_at(due);
    timer.async_wait([&](auto) { next(); });
  };
  timer.expires_at(due);
  timer.async_wait([&](auto) { next(); });
  context.run();
  std::sort(late.begin(), late.end());
  const auto quantile = [&](double q) {
    return late[static_cast<std::size_t>(q * static_cast<double>(late.size() - 1))];
  };
  state.counters["late_us_p50"] = quantile(0.5);
  state.counters["late_us_p99"] = quantile(0.99);
  state.counters["late_us_p999"] = quantile(0.999);
}
BENCHMARK(asio_timer_lateness)->Iterations(20'000)->UseRealTime();

}  // namespace
