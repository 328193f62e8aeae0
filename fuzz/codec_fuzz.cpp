// The first byte chooses what the rest is: a message, a message whose checksum is made right so
// that the decoder's inside is reached, or floats to encode and decode.
#include <algorithm>
#include <bit>
#include <cmath>

#include "axs/codec/gradient_codec.h"
#include "axs/core/crc32c.h"
#include "axs/core/rng.h"
#include "target.h"

namespace axs::fuzz {
namespace {

using namespace codec;

enum Kind : std::uint8_t { any, sealed, values };

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all;
  Rng rng{1};
  for (const std::size_t count : {0u, 1u, 100u, 5'000u}) {
    std::vector<float> value(count), residual(count);
    for (float& v : value) v = static_cast<float>(rng.uniform() - 0.5);
    const ByteView raw{reinterpret_cast<const std::uint8_t*>(value.data()), 4 * count};
    all.push_back(tagged(values, raw));
    ByteVector message;
    AXS_ASSERT(encode_fp32(value, message));
    all.push_back(tagged(any, message));
    message.clear();
    AXS_ASSERT(encode_quant4(value, residual, message));
    all.push_back(tagged(any, message));
    all.push_back(tagged(sealed, message));
  }
  return all;
}

/// More values than this only take longer.
constexpr std::uint64_t most_values = 1 << 18;

void decode_any(ByteView message) {
  const auto header = read_gradient_header(message);
  if (!header || header->count > most_values) return;
  std::vector<float> out(header->count);
  if (!decode_gradient(message, out)) return;
  AXS_ASSERT(std::all_of(out.begin(), out.end(), [](float x) { return std::isfinite(x); }));
}

void decode_sealed(ByteVector message) {
  if (message.size() < 4) return;
  const std::uint32_t crc = crc32c(ByteView{message}.first(message.size() - 4));
  std::memcpy(message.data() + message.size() - 4, &crc, 4);
  decode_any(message);
}

void round_trip(ByteView data) {
  std::vector<float> value(data.size() / 4), residual(value.size(), 0), out(value.size());
  std::copy_n(data.data(), 4 * value.size(), reinterpret_cast<std::uint8_t*>(value.data()));
  ByteVector message;
  if (!encode_fp32(value, message)) return;
  AXS_ASSERT(decode_gradient(message, out).has_value());
  for (std::size_t i = 0; i < value.size(); ++i)
    AXS_ASSERT(std::bit_cast<std::uint32_t>(out[i]) == std::bit_cast<std::uint32_t>(value[i]));
  message.clear();
  AXS_ASSERT(encode_quant4(value, residual, message).has_value());
  AXS_ASSERT(decode_gradient(message, out).has_value());
  for (std::size_t i = 0; i < value.size(); ++i)
    AXS_ASSERT(static_cast<double>(out[i]) + static_cast<double>(residual[i]) ==
               static_cast<double>(value[i]));
}

void run(ByteView input) {
  const ByteView rest = input.subspan(1);
  if (input[0] % 3 == any) decode_any(rest);
  if (input[0] % 3 == sealed) decode_sealed({rest.begin(), rest.end()});
  if (input[0] % 3 == values) round_trip(rest);
}

}  // namespace

const Target target{
    .seeds = seeds, .mutations = 15'000, .memory_base = 16 * most_values, .memory_per_byte = 64};

}  // namespace axs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) axs::fuzz::run({data, size});
  return 0;
}
