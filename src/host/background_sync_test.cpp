#include "axs/host/background_sync.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "axs/host/fd.h"

namespace axs::host {
namespace {

TEST_CASE("background sync: ends with nothing left to do, and a file that can be synced is") {
  std::string pattern = "/tmp/axs-sync-XXXXXX";
  const Fd file{::mkstemp(pattern.data())};
  REQUIRE(::unlink(pattern.c_str()) == 0);
  {
    const BackgroundSync idle{file.get(), "idle"};
  }
  BackgroundSync sync{file.get(), "busy"};
  for (int i = 0; i < 100; ++i) {
    REQUIRE(::write(file.get(), "x", 1) == 1);
    sync.request();
  }
  CHECK_FALSE(sync.failure());
}

TEST_CASE("background sync: a failure is told") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const Fd read{ends[0]}, write{ends[1]};
  BackgroundSync sync{write.get(), "a pipe"};
  sync.request();
  while (!sync.failure()) std::this_thread::yield();
  CHECK(sync.failure()->what.find("a pipe: fdatasync") == 0);
}

}  // namespace
}  // namespace axs::host
