#include "axs/net/galois.h"

#include <algorithm>
#include <array>

#include "axs/core/assert.h"
#include "axs/net/galois_simd.h"

namespace axs::net::galois {

namespace {

constexpr unsigned polynomial = 0x11b;

/// By the definition, bit by bit.
constexpr std::uint8_t slow_multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (int bit = 0; bit < 8; ++bit) {
    if ((b >> bit & 1) != 0) product ^= a << bit;
  }
  for (int bit = 14; bit >= 8; --bit) {
    if ((product >> bit & 1) != 0) product ^= polynomial << (bit - 8);
  }
  return static_cast<std::uint8_t>(product);
}

/// Powers of 3, which run through all elements but 0, and what power an element is.
struct Powers {
  std::array<std::uint8_t, 255> of_three{};
  std::array<std::uint8_t, 256> exponent{};
};

constexpr Powers make_powers() {
  Powers powers;
  unsigned element = 1;
  for (unsigned i = 0; i < 255; ++i) {
    powers.of_three[i] = static_cast<std::uint8_t>(element);
    powers.exponent[element] = static_cast<std::uint8_t>(i);
    element = slow_multiply(element, 3);
  }
  return powers;
}

constexpr Powers powers = make_powers();

constexpr std::uint8_t fast_multiply(std::uint8_t a, std::uint8_t b) {
  if (a == 0 || b == 0) return 0;
  return powers.of_three[(powers.exponent[a] + powers.exponent[b]) % 255];
}

/// A product is the sum of what the two halves of its factor give: 32 bytes say it all.
constexpr std::array<NibbleProducts, 256> make_products() {
  std::array<NibbleProducts, 256> all{};
  for (unsigned factor = 0; factor < 256; ++factor) {
    for (unsigned i = 0; i < 16; ++i) {
      const auto by = static_cast<std::uint8_t>(factor);
      all[factor].low[i] = fast_multiply(by, static_cast<std::uint8_t>(i));
      all[factor].high[i] = fast_multiply(by, static_cast<std::uint8_t>(i << 4));
    }
  }
  return all;
}

constexpr std::array<NibbleProducts, 256> products_by_factor = make_products();

}  // namespace

std::uint8_t multiply(std::uint8_t a, std::uint8_t b) {
  return fast_multiply(a, b);
}

std::uint8_t inverse(std::uint8_t a) {
  AXS_ASSERT(a != 0);
  return powers.of_three[(255 - powers.exponent[a]) % 255];
}

void multiply_add(std::span<std::uint8_t> out, std::span<const std::uint8_t> in,
                  std::uint8_t factor, SimdLevel level) {
  AXS_ASSERT(out.size() == in.size());
  const NibbleProducts& products = products_by_factor[factor];
  const std::size_t done = multiply_add_wide({out, in, factor}, products, level);
  for (std::size_t i = done; i < out.size(); ++i)
    out[i] ^= static_cast<std::uint8_t>(products.low[in[i] & 15] ^ products.high[in[i] >> 4]);
}

void scale(std::span<std::uint8_t> data, std::uint8_t factor) {
  std::transform(data.begin(), data.end(), data.begin(),
                 [factor](std::uint8_t byte) { return multiply(factor, byte); });
}

}  // namespace axs::net::galois
