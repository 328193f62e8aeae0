#include "axs/net/galois.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>

#include "axs/core/rng.h"
#include "axs/core/wire.h"

using namespace axs;
using namespace axs::net;

namespace {

/// By the definition: the oracle.
std::uint8_t product(unsigned a, unsigned b) {
  unsigned sum = 0;
  for (; b != 0; b >>= 1) {
    if ((b & 1) != 0) sum ^= a;
    a = a << 1 ^ ((a & 0x80) != 0 ? 0x11bU : 0U);
  }
  return static_cast<std::uint8_t>(sum);
}

}  // namespace

TEST_CASE("galois: products and inverses are those of the definition") {
  for (unsigned a = 0; a < 256; ++a) {
    const auto by = static_cast<std::uint8_t>(a);
    for (unsigned b = 0; b < 256; ++b)
      REQUIRE(galois::multiply(by, static_cast<std::uint8_t>(b)) == product(a, b));
    if (a > 0) CHECK(galois::multiply(by, galois::inverse(by)) == 1);
  }
  CHECK(galois::multiply(0x57, 0x83) == 0xc1);  // FIPS 197, section 4.2.
}

TEST_CASE("galois: every level adds the same multiples, whatever the size and the place") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const std::size_t skipped = rng.below(70), size = rng.below(1500);
    ByteVector in(skipped + size), out(skipped + size);
    for (auto* bytes : {&in, &out})
      for (auto& byte : *bytes) byte = static_cast<std::uint8_t>(rng.next());
    const auto factor = static_cast<std::uint8_t>(rng.below(256));
    ByteVector want = out;
    for (std::size_t i = skipped; i < want.size(); ++i) want[i] ^= product(factor, in[i]);
    for (const SimdLevel level : simd_levels) {
      ByteVector got = out;
      galois::multiply_add(std::span{got}.subspan(skipped), ByteView{in}.subspan(skipped), factor,
                           level);
      RC_ASSERT(got == want);
    }
  }));
}
