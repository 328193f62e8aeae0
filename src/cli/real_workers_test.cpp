#include "axs/cli/real_workers.h"

#include <doctest/doctest.h>

using namespace axs;
using namespace axs::cli;

namespace {

train::SiteSync::Captured capture(std::uint64_t sync, std::uint32_t site, const ByteVector& bytes) {
  return {{sync}, {SiteId{site}, {0, 256}, sha256(bytes), bytes.size()}, {}};
}

}  // namespace

TEST_CASE("contributions: kept until no worker can ask for them, even after a kill") {
  Contributions kept{2};
  const ByteVector mine{1, 2, 3}, yours{4, 5};
  const auto a = capture(0, 0, mine), b = capture(0, 1, yours);
  ByteVector both = mine;
  both.insert(both.end(), yours.begin(), yours.end());
  const auto rest = kept.keep(a, both);
  REQUIRE(rest);
  CHECK(kept.keep(b, *rest)->empty());
  CHECK(*kept.bytes_of({0}, {a.contribution, b.contribution}) == both);
  kept.saved(SiteId{0}, {1});
  CHECK(kept.bytes_of({0}, {a.contribution}));  // The other may be killed, and merge it again.
  kept.saved(SiteId{1}, {1});
  CHECK(kept.bytes_of({0}, {a.contribution}).error().what ==
        "sync 0: a contribution that no worker has made");
}

TEST_CASE("contributions: fewer bytes than a capture names are refused") {
  Contributions kept{1};
  CHECK(kept.keep(capture(0, 0, {1, 2, 3}), ByteVector{1, 2}).error().what ==
        "2 bytes attached, want 3");
}

TEST_CASE("real workers: a program that is not there is an error of the first wait for it") {
  RealWorker::Config config;
  config.name = "fra";
  config.launch = live::launch_process({.arguments = {"/nowhere/axs-worker"}, .log = {}});
  config.contributions = std::make_shared<Contributions>(1);
  config.patience = std::make_shared<Patience>(*Patience::create(std::nullopt));
  RealWorker worker{std::move(config), {}};
  worker.start();
  CHECK(worker.next_work() == twin::Worker::Work::step);
  const auto ready = worker.ready();
  REQUIRE_FALSE(ready);
  CHECK(ready.error().what.starts_with("worker of fra: "));
  CHECK(worker.end(twin::Worker::Work::step).error().what == ready.error().what);
}
