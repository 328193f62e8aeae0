#include <benchmark/benchmark.h>

#include <algorithm>
#include <deque>

#include "axs/net/transport.h"
#include "axs/net/transport_pair_test.h"

using namespace axs;
using namespace axs::net;

namespace {

constexpr PathId path{0};
constexpr Duration delay = milliseconds(10);

/// Two transports and a pipe that delays and never loses.
class Pipe {
 public:
  Pipe() {
    for (std::size_t side : {0u, 1u}) {
      step(side, PathUp{path});
      step(side, RouteSet{TrafficClass::bulk, path, {}});
      step(side, RateAssigned{path, 1'250'000'000});
    }
  }
  void step(std::size_t side, const Transport::Event& event) {
    actions_.clear();
    ends_[side].step(now_, event, actions_);
    for (auto& action : actions_) {
      if (auto* transmit = std::get_if<Transmit>(&action)) {
        ++packets_;
        in_flight_[1 - side].push_back({now_ + delay, PacketReceived{std::move(transmit->packet)}});
      }
      acknowledged_ += std::holds_alternative<Acknowledged>(action) ? 1 : 0;
    }
  }
  /// Moves on to the next thing that happens.
  void advance() {
    Instant next{INT64_MAX};
    for (std::size_t side : {0u, 1u}) {
      if (!in_flight_[side].empty()) next = std::min(next, in_flight_[side].front().first);
      if (const auto at = ends_[side].wakeup()) next = std::min(next, *at);
    }
    now_ = std::max(now_, next);
    for (std::size_t side : {0u, 1u}) {
      while (!in_flight_[side].empty() && in_flight_[side].front().first <= now_) {
        const Transport::Event event = std::move(in_flight_[side].front().second);
        in_flight_[side].pop_front();
        step(side, event);
      }
      if (const auto at = ends_[side].wakeup(); at && *at <= now_) step(side, Wakeup{});
    }
  }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t packets() const { return packets_; }

 private:
  std::array<Transport, 2> ends_{Transport{{}}, Transport{{}}};
  std::array<std::deque<std::pair<Instant, PacketReceived>>, 2> in_flight_;
  Instant now_;
  std::vector<Transport::Action> actions_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t packets_ = 0;
};

/// Messages of 16 MiB at 10 Gb/s through both ends; `packets` counts data and acknowledgements.
void transfer(benchmark::State& state) {
  Pipe pipe;
  std::uint64_t sent = 0;
  for (auto _ : state) {
    pipe.step(0, SendMessage{TrafficClass::bulk, sent++, 16u << 20});
    while (pipe.acknowledged() < sent) pipe.advance();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(sent) << 24);
  state.counters["packets"] =
      benchmark::Counter(static_cast<double>(pipe.packets()), benchmark::Counter::kIsRate);
}
BENCHMARK(transfer)->Unit(benchmark::kMillisecond);

/// Messages of two pieces, of which so many are under way: first all first pieces, then the rest.
void reassemble(benchmark::State& state) {
  const auto messages = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    Reassembly inbox{{}};
    Reassembly::Arrival arrival;
    for (const std::uint32_t offset : {0u, 1'000u})
      for (std::uint64_t i = 0; i < messages; ++i) {
        arrival.clear();
        benchmark::DoNotOptimize(inbox.receive(
            DataFrame{TrafficClass::gradient, 7 * i, i, 2'000, offset, 1'000}, arrival));
      }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(reassemble)->Arg(16)->Arg(256)->Arg(4'096)->Unit(benchmark::kMicrosecond);

/// How long messages take from SendMessage to Deliver, each alone on a path in use, of 1 Gb/s and
/// 70 ms there and back, beyond what physics allows: size by rate plus one way. The arguments: the
/// size in KB, the loss in one thousandth, and how many full packets are lost in a row. `sent` is
/// what the link carried, by the bytes of the messages. The times are of the virtual clock: the
/// same on every machine.
void completion(benchmark::State& state) {
  const auto size = static_cast<std::uint64_t>(state.range(0)) * 1000;
  const std::uint64_t messages = std::clamp<std::uint64_t>(1'600'000'000 / size, 100, 1000);
  const double loss = static_cast<double>(state.range(1)) * 1e-3;
  const auto burst = static_cast<int>(state.range(2));
  test::LinkModel link{.delay = milliseconds(35), .bytes_per_second = 125e6};
  if (burst > 1) {
    link.burst_start = loss / burst;
    link.burst_time = burst * microseconds(11);
  } else {
    link.loss = loss;
  }
  const double limit_ms = 35 + static_cast<double>(size) / 125e3;
  std::vector<double> beyond_ms;
  double sent = 0;
  for (auto _ : state) {
    test::TransportPair pair;
    pair.add_path(path, link);
    pair.route(path);
    const auto carry = [&](std::uint64_t id, std::uint64_t bytes) {
      const Instant start = pair.now();
      const test::TransportPair::Key key{TrafficClass::gradient, id};
      pair.send(0, key, bytes);
      pair.run(start + seconds(100), [&] { return pair.end(1).delivered.contains(key); });
      return (pair.now() - start).seconds() * 1e3;
    };
    carry(0, 80'000'000);
    pair.run(pair.now() + milliseconds(250));
    const std::uint64_t before = pair.link(0, path).bytes_sent();
    beyond_ms.clear();
    for (std::uint64_t i = 1; i <= messages; ++i) {
      beyond_ms.push_back(carry(i, size) - limit_ms);
      pair.run(pair.now() + milliseconds(250));
    }
    sent = static_cast<double>(pair.link(0, path).bytes_sent() - before);
  }
  std::sort(beyond_ms.begin(), beyond_ms.end());
  state.counters["p50_ms"] = beyond_ms[beyond_ms.size() / 2];
  state.counters["p99_ms"] = beyond_ms[beyond_ms.size() * 99 / 100];
  state.counters["sent"] = sent / static_cast<double>(messages * size);
}
BENCHMARK(completion)
    ->ArgsProduct({{64, 1'000, 4'000, 32'000}, {0, 1, 10, 30, 50}, {1}})
    ->ArgsProduct({{64, 1'000, 4'000, 32'000}, {10, 30}, {10}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
