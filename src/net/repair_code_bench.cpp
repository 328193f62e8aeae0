#include <benchmark/benchmark.h>

#include "axs/net/galois.h"
#include "axs/net/repair_code.h"

using namespace axs;
using namespace axs::net;

namespace {

constexpr std::uint32_t symbols = 126;
constexpr std::size_t length = 1323;

ByteVector any_bytes(std::size_t size) {
  ByteVector bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 167 >> 3);
  return bytes;
}

/// One symbol times a factor into a sum, by the level of vectors.
void multiply_add(benchmark::State& state) {
  const auto level = simd_levels.at(static_cast<std::size_t>(state.range(0)));
  const ByteVector in = any_bytes(length);
  ByteVector out(length);
  for (auto _ : state) {
    galois::multiply_add(out, in, 0x53, level);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(length));
}
BENCHMARK(multiply_add)->Arg(0)->Arg(1)->Arg(2);

/// One repair of a block of 126 full packets; bytes are those of the message that are read.
void repair(benchmark::State& state) {
  const ByteVector message = any_bytes(symbols * length);
  ByteVector sum(length);
  std::uint32_t index = 0;
  for (auto _ : state) {
    std::fill(sum.begin(), sum.end(), std::uint8_t{0});
    for (std::uint32_t i = 0; i < symbols; ++i)
      add_to_repair(sum, index, i, 0, ByteView{message}.subspan(i * length, length));
    index = (index + 1) % RepairBlock::max_repairs;
    benchmark::DoNotOptimize(sum.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(repair);

/// A block of 126 full packets, of which so many are lost; bytes are those of the block.
void rebuild(benchmark::State& state) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  const ByteVector message = any_bytes(symbols * length);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < count; ++i) numbers.push_back(i);
  for (auto _ : state) {
    Rebuilder rebuilder{numbers, numbers};
    for (std::uint32_t i = 0; i < count; ++i)
      rebuilder.take_repair(i, ByteView{message}.first(length));
    for (std::uint32_t i = count; i < symbols; ++i)
      rebuilder.take(i, 0, ByteView{message}.subspan(i * length, length));
    benchmark::DoNotOptimize(std::move(rebuilder).rebuild());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(rebuild)->Arg(1)->Arg(4)->Arg(16)->Arg(64);

}  // namespace
