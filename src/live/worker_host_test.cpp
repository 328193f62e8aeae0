#include "axs/live/worker_host.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <fstream>

#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using axs::live::testing::must;

namespace {

/// The words that this program was started with.
std::vector<std::string> arguments() {
  std::ifstream file{"/proc/self/cmdline"};
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

WorkerLauncher this_program(const std::string& test_case) {
  return launch_process({.arguments = {"/proc/self/exe", "--no-skip", "--test-case=" + test_case},
                         .log = "/dev/null",
                         .ring_bytes = 1 << 16});
}

/// A loop that ends after a minute, should nothing else end it.
std::unique_ptr<host::Loop> bounded_loop() {
  auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  loop->after(seconds(60), [at = loop.get()] { at->stop(); });
  return loop;
}

}  // namespace

/// The child: answers Begin and every Evaluate, until it is to quit.
TEST_CASE("worker child: answers" * doctest::skip()) {
  using Channel = host::Channel<train::FromWorker, train::ToWorker>;
  const auto words = arguments();
  auto channel = must(Channel::open(must(host::parse_ring_fds(words.at(words.size() - 2))),
                                    must(host::parse_ring_fds(words.back()))));
  for (bool quit = false; !quit;) {
    auto received = must(channel.receive());
    if (!received) {
      if (channel.reader().sleep_until_message()) host::wait_readable(channel.reader().fd(), -1);
      continue;
    }
    const auto* begin = std::get_if<train::Begin>(&received->message);
    if (begin != nullptr) {
      train::Ready ready;
      ready.parameters = begin->seed;
      must(channel.send(ready));
    }
    if (std::holds_alternative<train::Evaluate>(received->message))
      must(channel.send(train::Evaluated{0, received->blob.size()}));
    quit = std::holds_alternative<train::Quit>(received->message);
    channel.release();
  }
}

TEST_CASE("worker child: ends at once" * doctest::skip()) {}

TEST_CASE("worker host: a child that is killed is replaced; one that is asked to quit is not") {
  const auto loop = bounded_loop();
  std::vector<std::int32_t> pids;
  std::vector<std::string> ends;
  std::unique_ptr<WorkerHost> worker;
  std::uint64_t answered = 0;
  const auto on_message = [&](const train::FromWorker& message, ByteView) -> Result<> {
    if (const auto* ready = std::get_if<train::Ready>(&message)) {
      CHECK(ready->parameters == pids.size());
      // Far more than the ring holds at once.
      for (int i = 0; i < 20; ++i) worker->send(train::Evaluate{}, ByteVector(20'000));
    } else {
      CHECK(std::get<train::Evaluated>(message).tokens == 20'000);
      if (++answered == 20) ::kill(pids.back(), SIGKILL);
      if (answered == 40) worker->quit();
    }
    return Ok{};
  };
  worker = std::make_unique<WorkerHost>(*loop, this_program("worker child: answers"),
                                        WorkerHost::Callbacks{.started =
                                                                  [&](std::int32_t pid) {
                                                                    pids.push_back(pid);
                                                                    train::Begin begin;
                                                                    begin.seed = pids.size();
                                                                    worker->send(begin);
                                                                  },
                                                              .message = on_message,
                                                              .lost =
                                                                  [&](const std::string& reason) {
                                                                    ends.push_back(reason);
                                                                    if (ends.size() == 2)
                                                                      loop->stop();
                                                                  }});
  worker->start();
  must(loop->run());
  CHECK(answered == 40);
  CHECK(ends == std::vector<std::string>{"killed by signal 9 (SIGKILL)", "exited with 0"});
  CHECK(pids.size() == 2);
}

TEST_CASE("worker host: one that keeps ending is started ever later") {
  const auto loop = bounded_loop();
  std::vector<Instant> starts;
  WorkerHost worker{
      *loop,
      this_program("worker child: ends at once"),
      {.started = [&](std::int32_t) { starts.push_back(loop->now()); },
       .message = [](const train::FromWorker&, ByteView) { return Result<>{Ok{}}; },
       .lost = [&](const std::string&) { starts.size() == 3 ? loop->stop() : void(); }}};
  worker.start();
  must(loop->run());
  REQUIRE(starts.size() == 3);
  CHECK(starts[1] - starts[0] >= WorkerHost::restart_first);
  CHECK(starts[2] - starts[1] >= 2 * WorkerHost::restart_first);
}

TEST_CASE("worker host: a program that is not there is an end with a reason") {
  const auto loop = bounded_loop();
  std::string reason;
  WorkerHost worker{*loop,
                    launch_process({.arguments = {"/nowhere/axs-worker"}, .log = {}}),
                    {.started = [](std::int32_t) { FAIL("it cannot start"); },
                     .message = [](const train::FromWorker&, ByteView) { return Result<>{Ok{}}; },
                     .lost = [&](const std::string& why) { reason = why; }}};
  worker.start();
  CHECK(reason.find("/nowhere/axs-worker") != std::string::npos);
}
