// The memory of a ring as a hostile process leaves it: the input is a list of writes into it, made
// after a good message has been put there. The channel that reads it and the one that writes to it
// may say that it is broken; they stay inside it.
#include <sys/mman.h>
#include <sys/stat.h>

#include "axs/host/channel.h"
#include "axs/train/worker_protocol.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace host;
using Sender = Channel<train::FromWorker, train::ToWorker>;
using Receiver = Channel<train::ToWorker, train::FromWorker>;

constexpr std::size_t capacity = 4096;

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all{{0}};
  // Each write: the offset in 16 bits, eight bytes.
  for (const std::size_t at : {64u, 128u, 192u, 256u, 4096u, 4104u, 4112u, 4120u})
    for (const std::uint64_t value : {0ull, 8ull, 24ull, 4096ull, 5000ull, 1ull << 63, ~0ull}) {
      ByteVector input{static_cast<std::uint8_t>(at), static_cast<std::uint8_t>(at >> 8)};
      const ByteVector number = to_wire(value);
      input.insert(input.end(), number.begin(), number.end());
      all.push_back(input);
    }
  return all;
}

RingFds duplicates(const RingFds& fds) {
  return {*duplicate(fds.memory), *duplicate(fds.data), *duplicate(fds.space)};
}

void write(const RingFds& ring, ByteView input) {
  struct stat facts;
  AXS_ASSERT(::fstat(ring.memory.get(), &facts) == 0);
  const auto size = static_cast<std::size_t>(facts.st_size);
  for (; input.size() >= 10; input = input.subspan(10)) {
    const std::size_t at = input[0] | static_cast<std::size_t>(input[1]) << 8;
    // The magic number is looked at once, when the ring is mapped.
    const std::size_t offset = 8 + at % (size - 16);
    AXS_ASSERT(::pwrite(ring.memory.get(), &input[2], 8, static_cast<off_t>(offset)) == 8);
  }
}

void run(ByteView input) {
  const RingFds forth = *make_ring(capacity), back = *make_ring(capacity);
  auto sender = *Sender::open(duplicates(forth), duplicates(back));
  AXS_ASSERT(*sender.send(train::Progress{1, 2, 3.0, seconds(4), {}}, ByteVector(100)));
  auto receiver = *Receiver::open(duplicates(back), duplicates(forth));
  write(forth, input);
  std::size_t seen = 0;
  for (int i = 0; i < 50; ++i) {
    const auto got = receiver.receive();
    if (!got || !*got) break;
    for (const std::uint8_t byte : (*got)->blob) seen += byte;
    receiver.release();
  }
  AXS_ASSERT(seen <= 255 * 50 * capacity);
  // Its own end goes on with what the other one did to it.
  for (int i = 0; i < 3; ++i) (void)sender.send(train::Exported{}, ByteVector(200)).has_value();
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 5'000, .memory_base = 1 << 16, .memory_per_byte = 64};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
