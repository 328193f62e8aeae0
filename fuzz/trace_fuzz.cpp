// Measured traces. One that is accepted can be played: a pipe carries packets over it.
#include "axs/config/trace.h"
#include "axs/net/pipe.h"
#include "target.h"

namespace axs::fuzz {
namespace {

std::vector<ByteVector> seeds() {
  return {bytes_of("12\n8.5\n68\n"), bytes_of("t_ms,mbit_per_s\n0,24.36\n100,42.48\n200,0\n"),
          bytes_of("1\n1\n4\n9\n")};
}

void run(ByteView input) {
  net::PipeConfig config;
  if (auto delays = config::parse_delay_trace(text_of(input), "fuzz.txt"))
    config.delays = *std::move(delays);
  if (auto capacity = config::parse_capacity_trace(text_of(input), "fuzz.csv"))
    config.capacity = *std::move(capacity);
  AXS_ASSERT(net::validate(config, "link").has_value());
  net::Pipe pipe{config, Rng{1}};
  Instant left{};
  for (int i = 0; i < 20; ++i) {
    const net::Admission admission = pipe.admit(Instant{} + milliseconds(7 * i), 1'000);
    AXS_ASSERT(admission.arrives() && admission.departs_at >= left);
    left = admission.departs_at;
  }
}

}  // namespace

const Target target{.seeds = seeds, .mutations = 4'000, .memory_base = 64 << 20};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  axs::fuzz::run({data, size});
  return 0;
}
