#include "axs/host/lock.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include "axs/host/process.h"
#include "axs/host/temporary_folder.h"

using namespace axs;
using namespace axs::host;

TEST_CASE("lock: one holder at a time, named in the error") {
  const TemporaryFolder folder;
  const std::string path = folder / "lock";
  {
    const auto first = FileLock::acquire(path);
    REQUIRE(first);
    const auto second = FileLock::acquire(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::unavailable);
    CHECK(second.error().what ==
          path + ": held by process " + std::to_string(::getpid()) + ", want it free");
    CHECK(*FileLock::holder(path) == *identify(::getpid()));
  }
  CHECK(FileLock::holder(path)->has_value() == false);
  CHECK(FileLock::acquire(path));
  CHECK(FileLock::acquire(folder / "no/lock").error().code == Errc::not_found);
}

TEST_CASE("lock: a child does not keep it") {
  const TemporaryFolder folder;
  std::optional<Child> child;
  {
    const auto lock = FileLock::acquire(folder / "lock");
    REQUIRE(lock);
    child.emplace(*Child::spawn({.arguments = {"/bin/sh", "-c", "exec sleep 1000"}}));
  }
  CHECK(FileLock::acquire(folder / "lock"));
}
