#include "axs/live/stream_listener.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <vector>

#include "axs/live/run_testing.h"

namespace axs::live {
namespace {

using testing::must;

/// Takes all descriptors that this process may still have.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = 200, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (int fd; (fd = ::dup(0)) >= 0;) taken_.emplace_back(fd);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
  std::vector<host::Fd> taken_;
};

TEST_CASE("stream listener: who comes while there are no descriptors waits, at no cost") {
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  std::vector<host::Fd> taken;
  const auto listener = must(StreamListener::open(*loop, {}, "test", [&](host::Fd stream) {
    taken.push_back(std::move(stream));
    loop->stop();
  }));
  const host::Fd client = must(connect_stream(listener->local()));
  {
    const NoDescriptors none;
    const std::clock_t before = std::clock();  // Of the processor.
    loop->after(2 * StreamListener::pause, [&] { loop->stop(); });
    must(loop->run());
    CHECK(taken.empty());
    const auto used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    CHECK(used < StreamListener::pause.seconds());
  }
  loop->after(seconds(30), [&] { loop->stop(); });
  must(loop->run());
  CHECK(taken.size() == 1);
}

}  // namespace
}  // namespace axs::live
