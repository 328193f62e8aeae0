#include "axs/host/ring.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "axs/core/rng.h"
#include "axs/host/test_helper.h"

using namespace axs;
using namespace axs::host;

namespace {

std::shared_ptr<RingMemory> new_ring(std::size_t capacity) {
  return *RingMemory::map(*make_ring(capacity));
}

RingFds duplicates(const RingFds& fds) {
  return {*duplicate(fds.memory), *duplicate(fds.data), *duplicate(fds.space)};
}

/// Message i of a stream that both sides know.
ByteVector expected(std::uint64_t i, std::size_t size_max) {
  Rng rng = Rng{1}.fork(i);
  ByteVector message(rng.below(size_max + 1));
  for (auto& byte : message) byte = static_cast<std::uint8_t>(rng.next());
  return message;
}

/// False if the peer ended before there was room.
bool send(RingWriter& writer, ByteView message, int peer = -1) {
  while (true) {
    auto room = *writer.reserve(message.size());
    if (room) {
      std::copy(message.begin(), message.end(), room->begin());
      writer.commit(message.size());
      return true;
    }
    if (writer.sleep_until_free(message.size()) && !wait_readable(writer.fd(), peer)) return false;
  }
}

/// Nothing if the peer ended and the ring is empty.
std::optional<ByteVector> receive(RingReader& reader, int peer = -1) {
  bool peer_ended = false;
  while (true) {
    if (const auto message = *reader.peek()) {
      ByteVector copy{message->begin(), message->end()};
      reader.consume();
      return copy;
    }
    if (peer_ended) return std::nullopt;
    // Once more after its end: it may have sent something between our look and its end.
    if (reader.sleep_until_message()) peer_ended = !wait_readable(reader.fd(), peer);
  }
}

/// The raw memory of a ring, as a hostile peer sees it.
class Intruder {
 public:
  explicit Intruder(const RingFds& fds) {
    struct stat facts;
    REQUIRE(::fstat(fds.memory.get(), &facts) == 0);
    size_ = static_cast<std::size_t>(facts.st_size);
    base_ = static_cast<std::uint8_t*>(
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fds.memory.get(), 0));
    REQUIRE(base_ != MAP_FAILED);
  }
  ~Intruder() { ::munmap(base_, size_); }
  void write(std::size_t offset, std::uint64_t value) {
    std::memcpy(base_ + offset, &value, sizeof value);
  }
  void set_written(std::uint64_t value) { write(64, value); }
  void set_read(std::uint64_t value) { write(128, value); }
  void set_data(std::size_t at, std::uint64_t value) {
    write(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + at, value);
  }

 private:
  std::uint8_t* base_;
  std::size_t size_;
};

}  // namespace

TEST_CASE("ring: messages of any size come in order, across the end of the ring") {
  const auto memory = new_ring(1);
  CHECK(memory->capacity() == static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  RingWriter writer{memory};
  RingReader reader{memory};
  CHECK_FALSE(*reader.peek());
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const ByteVector message = expected(i, writer.message_size_max());
    REQUIRE(send(writer, message));
    CHECK(*receive(reader) == message);
  }
}

TEST_CASE("ring: a full ring says so and a reserved message is not seen") {
  const auto memory = new_ring(4096);
  RingWriter writer{memory};
  RingReader reader{memory};
  std::size_t sent = 0;
  while (auto room = *writer.reserve(100)) {
    CHECK(room->size() == 100);
    if (sent++ == 0) CHECK_FALSE(*reader.peek());
    writer.commit(60);
  }
  CHECK(sent > 40);
  for (std::size_t i = 0; i < sent; ++i) CHECK(receive(reader)->size() == 60);
  CHECK_FALSE(*reader.peek());
}

TEST_CASE("ring: both sides are woken only when they asked for it and it came true") {
  const auto memory = new_ring(4096);
  RingWriter writer{memory};
  RingReader reader{memory};
  const auto raised = [](int event) {
    std::uint64_t count;
    return ::read(event, &count, sizeof count) == sizeof count;
  };
  REQUIRE(send(writer, ByteVector(100)));
  CHECK_FALSE(raised(reader.fd()));
  CHECK_FALSE(reader.sleep_until_message());
  (void)receive(reader);
  CHECK(reader.sleep_until_message());
  REQUIRE(send(writer, ByteVector(2000)));
  CHECK(raised(reader.fd()));
  REQUIRE(send(writer, ByteVector(1500)));
  CHECK_FALSE(raised(reader.fd()));
  CHECK_FALSE(writer.sleep_until_free(100));
  CHECK(writer.sleep_until_free(3000));
  (void)receive(reader);
  CHECK_FALSE(raised(writer.fd()));
  (void)receive(reader);
  CHECK(raised(writer.fd()));
  CHECK_FALSE(raised(writer.fd()));
}

TEST_CASE("ring: two threads, every message once and in order") {
  constexpr std::uint64_t count = 20'000;
  const auto memory = new_ring(8192);
  std::thread sender{[&] {
    RingWriter writer{memory};
    for (std::uint64_t i = 0; i < count; ++i) send(writer, expected(i, 700));
  }};
  RingReader reader{memory};
  std::uint64_t right = 0;
  for (std::uint64_t i = 0; i < count; ++i) right += receive(reader) == expected(i, 700);
  sender.join();
  CHECK(right == count);
  CHECK_FALSE(*reader.peek());
}

TEST_CASE("ring: helper that sends for ever" * doctest::skip()) {
  RingWriter writer{*RingMemory::map(*parse_ring_fds(test_argument()))};
  for (std::uint64_t i = 0;; ++i) send(writer, expected(i, 3000));
}

TEST_CASE("ring: helper that stops in the middle of a message" * doctest::skip()) {
  RingWriter writer{*RingMemory::map(*parse_ring_fds(test_argument()))};
  send(writer, expected(0, 3000));
  auto room = *writer.reserve(1000);
  std::fill_n(room->begin(), 500, std::uint8_t{0xff});
  raise_event(writer.fd());
  while (true) ::pause();
}

TEST_CASE("ring: a writer killed at any moment leaves whole messages and a working ring") {
  for (int round = 0; round < 5; ++round) {
    const RingFds fds = *make_ring(10'000);
    auto options = run_test_case("ring: helper that sends for ever", format_ring_fds(fds));
    options.inherited_fds = {fds.memory.get(), fds.data.get(), fds.space.get()};
    auto child = Child::spawn(options);
    REQUIRE(child);
    const auto memory = *RingMemory::map(duplicates(fds));
    RingReader reader{memory};
    std::uint64_t next = 0;
    for (; next < 500; ++next) REQUIRE(receive(reader, child->fd()) == expected(next, 3000));
    REQUIRE(child->signal(SIGKILL));
    while (const auto message = receive(reader, child->fd()))
      REQUIRE(*message == expected(next++, 3000));
    CHECK(child->wait() == Exit{.signal = SIGKILL});
    RingWriter successor{memory};
    REQUIRE(send(successor, ByteVector{1, 2, 3}));
    CHECK(*receive(reader) == ByteVector{1, 2, 3});
  }
}

TEST_CASE("ring: half a message is never seen, and a killed peer is noticed while waiting") {
  const RingFds fds = *make_ring(10'000);
  auto options =
      run_test_case("ring: helper that stops in the middle of a message", format_ring_fds(fds));
  options.inherited_fds = {fds.memory.get(), fds.data.get(), fds.space.get()};
  auto child = Child::spawn(options);
  REQUIRE(child);
  RingReader reader{*RingMemory::map(duplicates(fds))};
  REQUIRE(wait_readable(fds.space.get(), child->fd()));
  CHECK(receive(reader, child->fd()) == expected(0, 3000));
  CHECK_FALSE(*reader.peek());
  REQUIRE(child->signal(SIGKILL));
  CHECK_FALSE(receive(reader, child->fd()));
}

TEST_CASE("ring: whatever a hostile writer does, the reader stays inside") {
  CHECK(rc::check([](const std::vector<std::pair<std::uint16_t, std::uint64_t>>& scribbles,
                     std::uint64_t written, bool small) {
    const auto memory = new_ring(4096);
    RingReader reader{memory};
    Intruder intruder{memory->fds()};
    for (const auto& [at, value] : scribbles)
      intruder.set_data(at % 512 * 8, small ? value % 5000 : value);
    intruder.set_written(small ? written % 5000 : written);
    for (int i = 0; i < 100; ++i) {
      const auto message = reader.peek();
      if (!message || !*message) return;
      const std::uint8_t* begin = memory->data(0);
      RC_ASSERT((*message)->data() >= begin);
      RC_ASSERT((*message)->data() + (*message)->size() <= begin + 2 * memory->capacity());
      RC_ASSERT((*message)->size() <= memory->capacity());
      reader.consume();
    }
  }));
}

TEST_CASE("ring: a broken ring is an error for good, on both sides") {
  const auto memory = new_ring(4096);
  RingReader reader{memory};
  RingWriter writer{memory};
  Intruder intruder{memory->fds()};
  intruder.set_written(5000);
  CHECK(reader.peek().error().code == Errc::corrupt);
  CHECK_FALSE(reader.sleep_until_message());
  intruder.set_written(0);
  CHECK(reader.peek().error().what == "ring: broken by its writer");
  REQUIRE(send(writer, ByteVector(2000)));
  intruder.set_read(2016);
  CHECK(writer.reserve(4000).error().what == "ring: broken by its reader");
  intruder.set_read(0);
  CHECK_FALSE(writer.reserve(1));
  CHECK_FALSE(writer.sleep_until_free(4000));
}

TEST_CASE("ring: a length beyond what was written is refused") {
  const auto memory = new_ring(4096);
  RingWriter writer{memory};
  REQUIRE(send(writer, ByteVector(16)));
  RingReader reader{memory};
  Intruder{memory->fds()}.set_data(0, 17);
  CHECK_FALSE(reader.peek());
  RingReader other{memory};
  Intruder{memory->fds()}.set_data(0, ~std::uint64_t{0});
  CHECK_FALSE(other.peek());
}

TEST_CASE("ring: only sealed memory of the right kind is mapped") {
  RingFds fds = *make_ring(4096);
  CHECK(::ftruncate(fds.memory.get(), 0) != 0);
  RingFds unsealed = duplicates(fds);
  unsealed.memory = Fd{::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  CHECK(RingMemory::map(std::move(unsealed)).error().code == Errc::corrupt);
  RingFds event = duplicates(fds);
  std::swap(event.memory, event.data);
  CHECK_FALSE(RingMemory::map(std::move(event)));
  Intruder{fds}.write(0, 1);
  CHECK(RingMemory::map(duplicates(fds)).error().code == Errc::corrupt);
  CHECK_FALSE(parse_ring_fds("1,2"));
  CHECK_FALSE(parse_ring_fds("1,2,3,4"));
  CHECK_FALSE(parse_ring_fds("1,-2,3"));
  CHECK_FALSE(parse_ring_fds("1,2,x"));
}
