#include "axs/host/channel.h"

#include <doctest/doctest.h>

#include <numeric>
#include <thread>

#include "axs/core/time.h"

using namespace axs;
using namespace axs::host;

namespace {

struct Ship {
  std::uint64_t round;
  std::string name;
};
struct Stop {
  bool now;
};
using Order = std::variant<Ship, Stop>;
struct Report {
  std::uint64_t round;
  double sum;
};

struct Ends {
  Channel<Order, Report> left;
  Channel<Report, Order> right;
};

RingFds duplicates(const RingFds& fds) {
  return {*duplicate(fds.memory), *duplicate(fds.data), *duplicate(fds.space)};
}

Ends make_ends(std::size_t capacity) {
  RingFds there = *make_ring(capacity), back = *make_ring(capacity);
  return {*Channel<Order, Report>::open(duplicates(there), duplicates(back)),
          *Channel<Report, Order>::open(std::move(back), std::move(there))};
}

}  // namespace

TEST_CASE("channel: a message and its blob arrive, the blob aligned and in place") {
  Ends ends = make_ends(4096);
  CHECK_FALSE(*ends.right.receive());
  const ByteVector blob{1, 2, 3, 4, 5};
  CHECK(*ends.left.send(Ship{7, "embedding"}, blob));
  CHECK(*ends.left.send(Stop{true}));
  {
    const auto got = *ends.right.receive();
    REQUIRE(got);
    CHECK(std::get<Ship>(got->message).name == "embedding");
    CHECK(ByteVector{got->blob.begin(), got->blob.end()} == blob);
    CHECK(reinterpret_cast<std::uintptr_t>(got->blob.data()) % 8 == 0);
    ends.right.release();
  }
  CHECK(std::get<Stop>((*ends.right.receive())->message).now);
  ends.right.release();
  CHECK_FALSE(*ends.right.receive());
}

TEST_CASE("channel: a full channel says no, an impossible message is an error") {
  Ends ends = make_ends(4096);
  int sent = 0;
  while (*ends.left.send(Ship{1, "x"}, ByteVector(500))) ++sent;
  CHECK(sent == 7);
  CHECK(ends.left.writer().sleep_until_free(*ends.left.size_of(Ship{1, "x"}, 500)));
  (void)*ends.right.receive();
  ends.right.release();
  CHECK(wait_readable(ends.left.writer().fd(), -1));
  CHECK(*ends.left.send(Ship{1, "x"}, ByteVector(500)));
  CHECK(ends.left.send(Ship{1, "x"}, ByteVector(5000)).error().code == Errc::invalid);
}

TEST_CASE("channel: a message of another type is refused and the next one is read") {
  RingFds fds = *make_ring(4096);
  Channel<Report, Report> sender =
      *Channel<Report, Report>::open(duplicates(fds), *make_ring(4096));
  Channel<Order, Order> receiver = *Channel<Order, Order>::open(*make_ring(4096), std::move(fds));
  CHECK(*sender.send(Report{200, 1.5}));
  CHECK(receiver.receive().error().code == Errc::corrupt);
  CHECK_FALSE(*receiver.receive());
}

TEST_CASE("channel: two threads exchange tensors filled and read in place") {
  constexpr std::uint64_t rounds = 2000;
  Ends ends = make_ends(1 << 16);
  std::thread worker{[&right = ends.right] {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      auto got = *right.receive();
      while (!got) {
        if (right.reader().sleep_until_message()) wait_readable(right.reader().fd(), -1);
        got = *right.receive();
      }
      const double sum = std::accumulate(got->blob.begin(), got->blob.end(), 0.0);
      const Report report{std::get<Ship>(got->message).round, sum};
      right.release();
      while (!*right.send(report))
        if (right.writer().sleep_until_free(*right.size_of(report, 0)))
          wait_readable(right.writer().fd(), -1);
    }
  }};
  std::uint64_t sent = 0, right_sums = 0;
  for (std::uint64_t received = 0; received < rounds;) {
    if (sent < rounds) {
      if (const auto room = *ends.left.reserve(Ship{sent, "w"}, sent % 1000)) {
        std::fill(room->begin(), room->end(), std::uint8_t{2});
        ends.left.commit();
        ++sent;
      }
    }
    while (const auto got = *ends.left.receive()) {
      right_sums += got->message.sum == 2.0 * static_cast<double>(received % 1000) &&
                    got->message.round == received;
      ++received;
      ends.left.release();
    }
  }
  worker.join();
  CHECK(right_sums == rounds);
}
