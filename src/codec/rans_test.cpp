#include "axs/codec/rans.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <numeric>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::codec;

namespace {

/// n symbols below `alphabet`; the higher `skew`, the more of them are small.
ByteVector draw(std::size_t n, unsigned alphabet, unsigned skew, std::uint64_t seed) {
  Rng rng{seed};
  ByteVector symbols(n);
  for (auto& symbol : symbols) {
    std::uint64_t least = rng.below(alphabet);
    for (unsigned i = 0; i < skew; ++i) least = std::min(least, rng.below(alphabet));
    symbol = static_cast<std::uint8_t>(least);
  }
  return symbols;
}

/// The stream, which every choice of instructions must agree on.
ByteVector encode(std::span<const std::uint8_t> symbols) {
  ByteVector out, plain;
  encode_symbols(symbols, out, best_simd());
  encode_symbols(symbols, plain, Simd::none);
  REQUIRE(out == plain);
  return out;
}

bool decodes_to(ByteView stream, unsigned alphabet, const ByteVector& want) {
  const auto decodes = [&](Simd simd) {
    WireReader in{stream};
    ByteVector got(want.size());
    return decode_symbols(in, alphabet, got, simd) && in.remaining() == 0 && got == want;
  };
  const bool good = decodes(Simd::none);
  REQUIRE(decodes(best_simd()) == good);
  return good;
}

double entropy_bytes(std::span<const std::uint8_t> symbols) {
  double bits = 0;
  for (const double count : detail::count_symbols(symbols))
    if (count > 0) bits += count * std::log2(static_cast<double>(symbols.size()) / count);
  return bits / 8;
}

/// Decodes a coded stream as rans.h describes it, with cumulative sums instead of tables.
ByteVector reference_decode(ByteView stream, std::size_t n) {
  WireReader in{stream};
  std::uint8_t kind, first, last, byte;
  in.get(kind), in.get(first), in.get(last);
  std::vector<std::uint32_t> frequency(256, 0);
  for (unsigned s = first; s <= last; ++s) {
    in.get(byte);
    frequency[s] = byte;
    if (byte >= 128) in.get(byte), frequency[s] = (frequency[s] - 128) * 256 + byte;
  }
  std::vector<std::uint32_t> states(kind == 2 ? 1 : 32);
  for (auto& state : states) in.get(state);
  std::uint32_t words;
  in.get(words);
  ByteVector symbols;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint32_t& x = states[i % states.size()];
    std::uint32_t start = 0;
    std::uint8_t symbol = 0;
    while (start + frequency[symbol] <= x % 4096) start += frequency[symbol++];
    x = frequency[symbol] * (x / 4096) + x % 4096 - start;
    std::uint16_t word = 0;
    if (x < 65536) in.get(word), x = x * 65536 + word;
    symbols.push_back(symbol);
  }
  CHECK(in.remaining() == 0);
  return symbols;
}

}  // namespace

TEST_CASE("rans: every count, alphabet and skew comes back, and as the reference reads it") {
  for (const std::size_t n :
       {0u, 1u, 2u, 3u, 40u, 255u, 1000u, 8191u, 8192u, 8193u, 8223u, 100001u})
    for (const unsigned alphabet : {1u, 2u, 15u, 200u, 256u})
      for (const unsigned skew : {0u, 1u, 9u}) {
        CAPTURE(n);
        CAPTURE(alphabet);
        CAPTURE(skew);
        const ByteVector symbols = draw(n, alphabet, skew, n + alphabet);
        const ByteVector stream = encode(symbols);
        CHECK(decodes_to(stream, alphabet, symbols));
        if (stream[0] >= 2) CHECK(reference_decode(stream, n) == symbols);
      }
}

TEST_CASE("rans: within one per cent of the order-0 entropy") {
  for (const unsigned alphabet : {2u, 15u, 40u, 256u})
    for (const unsigned skew : {1u, 2u, 4u}) {
      CAPTURE(alphabet);
      CAPTURE(skew);
      const ByteVector symbols = draw(1 << 17, alphabet, skew, 7);
      const double table = 2.0 * alphabet + 150;
      CHECK(static_cast<double>(encode(symbols).size()) < 1.01 * entropy_bytes(symbols) + table);
    }
}

TEST_CASE("rans: what is rare, alone or without structure costs no more than it must") {
  CHECK(encode({}).size() == 1);
  CHECK(encode(ByteVector(100000, 9)).size() == 2);
  CHECK(encode(draw(1 << 16, 256, 0, 1)).size() == (1 << 16) + 1);
  CHECK(encode(draw(5, 256, 0, 1)).size() == 6);
  ByteVector rare(1 << 17, 3);
  rare[70000] = 4;
  CHECK(decodes_to(encode(rare), 15, rare));
  CHECK(encode(rare).size() < 200);
}

TEST_CASE("rans: probabilities add up and none that is needed is nought") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    detail::Histogram histogram{};
    for (auto& count : histogram)
      if (rng.chance(0.7))
        count = 1 + static_cast<std::uint32_t>(rng.next() >> (33 + rng.below(31)));
    histogram[rng.below(256)] = 1;
    const auto frequencies = detail::normalise(histogram);
    RC_ASSERT(std::accumulate(frequencies.begin(), frequencies.end(), 0u) == 4096u);
    for (std::size_t s = 0; s < 256; ++s) RC_ASSERT((frequencies[s] == 0) == (histogram[s] == 0));
  }));
}

TEST_CASE("rans: symbols outside the alphabet are refused") {
  for (const std::size_t n : {1u, 5u, 5000u, 50000u}) {
    ByteVector symbols = draw(n, 15, 1, 3);
    symbols[n / 2] = 15;
    CHECK(decodes_to(encode(symbols), 16, symbols));
    CHECK_FALSE(decodes_to(encode(symbols), 15, symbols));
  }
}

TEST_CASE("rans: every truncation of every kind of stream is refused") {
  for (const std::size_t n : {3u, 300u, 9000u})
    for (const unsigned alphabet : {1u, 15u, 256u}) {
      const ByteVector symbols = draw(n, alphabet, 2, 5), stream = encode(symbols);
      for (std::size_t size = 0; size < stream.size(); ++size)
        CHECK_FALSE(decodes_to(ByteView{stream}.first(size), alphabet, symbols));
    }
}

TEST_CASE("rans: a wrong last word is seen in the states that are left") {
  for (const std::size_t n : {300u, 9000u}) {
    ByteVector stream = encode(draw(n, 15, 2, 5)), got(n);
    stream.back() ^= 1;
    WireReader in{stream};
    CHECK_FALSE(decode_symbols(in, 15, got));
  }
}

TEST_CASE("rans: altered streams never crash, and random bytes neither") {
  CHECK(rc::check([](std::uint64_t seed, const ByteVector& noise) {
    Rng rng{seed};
    const ByteVector symbols = draw(1 + rng.below(20000), 15, 2, seed);
    ByteVector stream = encode(symbols), got(symbols.size());
    for (int i = 0; i < 3; ++i)
      stream[rng.below(std::min(stream.size(), std::size_t{200}))] ^=
          static_cast<std::uint8_t>(1 + rng.below(255));
    for (const ByteView input : {ByteView{stream}, ByteView{noise}}) {
      WireReader in{input}, plain_in{input};
      ByteVector plain = got;
      const bool good = decode_symbols(in, 15, got, best_simd());
      RC_ASSERT(decode_symbols(plain_in, 15, plain, Simd::none) == good);
      if (!good) continue;
      RC_ASSERT(got == plain);
      for (const auto symbol : got) RC_ASSERT(symbol < 15);
    }
  }));
}
