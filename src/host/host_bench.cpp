#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "axs/core/rng.h"
#include "axs/host/journal_writer.h"
#include "axs/host/loop.h"
#include "axs/host/ring.h"

using namespace axs;
using namespace axs::host;

namespace {

void wait_unless(bool woken_otherwise, int fd) {
  if (!woken_otherwise) wait_readable(fd, -1);
}

/// Copies messages out until an empty one comes.
void drain(const std::shared_ptr<RingMemory>& memory) {
  ByteVector copy(1 << 20);
  RingReader reader{memory};
  while (true) {
    const auto message = *reader.peek();
    if (!message) {
      wait_unless(!reader.sleep_until_message(), reader.fd());
      continue;
    }
    std::copy(message->begin(), message->end(), copy.begin());
    benchmark::DoNotOptimize(copy.data());
    const bool last = message->empty();
    reader.consume();
    if (last) return;
  }
}

void send(RingWriter& writer, ByteView message) {
  while (true) {
    if (const auto room = *writer.reserve(message.size())) {
      std::copy(message.begin(), message.end(), room->begin());
      return writer.commit(message.size());
    }
    wait_unless(!writer.sleep_until_free(message.size()), writer.fd());
  }
}

/// Messages from one thread to another, copied in and out.
void ring(benchmark::State& state) {
  const auto memory = *RingMemory::map(*make_ring(4 << 20));
  std::thread reader{drain, memory};
  RingWriter writer{memory};
  const ByteVector message(static_cast<std::size_t>(state.range(0)), 1);
  for (auto _ : state) send(writer, message);
  send(writer, {});
  reader.join();
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ring)->Arg(64)->Arg(1400)->Arg(65536)->Arg(1 << 20)->UseRealTime();

/// Another thread's post reaches the loop, one at a time.
void loop_post_and_return(benchmark::State& state) {
  const auto loop = *Loop::create(RunClock{Instant{}});
  std::thread server{[&] { (void)loop->run().has_value(); }};
  for (auto _ : state) {
    std::atomic<bool> done = false;
    loop->post([&] {
      done = true;
      done.notify_one();
    });
    done.wait(false);
  }
  loop->stop();
  server.join();
}
BENCHMARK(loop_post_and_return)->UseRealTime();

/// A descriptor that is always ready: the cost of one event.
void loop_ready_descriptor(benchmark::State& state) {
  const auto loop = *Loop::create(RunClock{Instant{}});
  const Fd event = *make_event();
  raise_event(event.get());
  (void)loop
      ->watch(event.get(), Interest::readable,
              [&](Ready) {
                if (!state.KeepRunning()) loop->stop();
              })
      .has_value();
  (void)loop->run().has_value();
}
BENCHMARK(loop_ready_descriptor);

/// Timers 200 us apart on average; how late they run, in microseconds.
void loop_timer_lateness(benchmark::State& state) {
  const auto loop = *Loop::create(RunClock{Instant{}});
  std::vector<double> late;
  Rng rng{1};
  Instant due = loop->now();
  std::function<void()> next = [&] {
    late.push_back(1e6 * (loop->now() - due).seconds());
    if (!state.KeepRunning()) return loop->stop();
    due = due + microseconds(static_cast<std::int64_t>(100 + rng.below(200)));
    loop->at(due, next);
  };
  loop->at(due, next);
  (void)loop->run().has_value();
  std::sort(late.begin(), late.end());
  const auto quantile = [&](double q) {
    return late[static_cast<std::size_t>(q * static_cast<double>(late.size() - 1))];
  };
  state.counters["late_us_p50"] = quantile(0.5);
  state.counters["late_us_p99"] = quantile(0.99);
  state.counters["late_us_p999"] = quantile(0.999);
}
BENCHMARK(loop_timer_lateness)->Iterations(20'000)->UseRealTime();

/// A folder beside the program, on a real disk, that is removed at the end.
struct JournalFolder {
  std::string path = "host_bench.journal";
  JournalFolder() { std::filesystem::remove_all(path); }
  ~JournalFolder() { std::filesystem::remove_all(path); }
  Journal open() const {
    return *Journal::open(path, {}, [](std::uint64_t, ByteView) -> Result<> { return Ok{}; });
  }
};

void journal_append(benchmark::State& state) {
  const JournalFolder folder;
  Journal journal = folder.open();
  const ByteVector record(200, 1);
  for (auto _ : state) (void)journal.append(record).has_value();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(journal_append);

void journal_append_and_sync(benchmark::State& state) {
  const JournalFolder folder;
  Journal journal = folder.open();
  const ByteVector record(200, 1);
  for (auto _ : state) {
    (void)journal.append(record).has_value();
    (void)journal.sync().has_value();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(journal_append_and_sync)->UseRealTime();

/// All durable, many at a time: what group commit gains over the line above.
void journal_writer(benchmark::State& state) {
  const JournalFolder folder;
  auto writer = *JournalWriter::start(folder.open(), 1 << 20);
  const ByteVector record(200, 1);
  std::uint64_t last = 0;
  const auto wait_for = [&](std::uint64_t end) {
    while (writer->progress().durable_end < end) wait_readable(writer->fd(), -1);
  };
  for (auto _ : state) {
    auto sequence = writer->append(record);
    while (!sequence) {
      wait_readable(writer->fd(), -1);
      (void)writer->progress();
      sequence = writer->append(record);
    }
    last = *sequence;
  }
  wait_for(last + 1);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(journal_writer)->UseRealTime();

}  // namespace
