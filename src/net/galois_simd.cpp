#include "axs/net/galois_simd.h"

#ifdef __x86_64__
#include <immintrin.h>

namespace axs::net::galois {

namespace {

/// Two look-ups of four bits each in a register (Plank, Greenan and Miller, "Screaming fast Galois
/// field arithmetic using Intel SIMD instructions", FAST 2013).
__attribute__((target("avx2"))) std::size_t by_look_up(const WideTask& task,
                                                       const NibbleProducts& products) {
  const auto both_halves = [](const auto& table) __attribute__((target("avx2"))) {
    return _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(table.data())));
  };
  const __m256i low = both_halves(products.low), high = both_halves(products.high);
  const __m256i nibble = _mm256_set1_epi8(15);
  std::size_t i = 0;
  for (; i + 32 <= task.out.size(); i += 32) {
    auto* out = reinterpret_cast<__m256i*>(&task.out[i]);
    const __m256i in = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(&task.in[i]));
    const __m256i upper = _mm256_and_si256(_mm256_srli_epi64(in, 4), nibble);
    const __m256i product = _mm256_xor_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(in, nibble)),
                                             _mm256_shuffle_epi8(high, upper));
    _mm256_storeu_si256(out, _mm256_xor_si256(_mm256_loadu_si256(out), product));
  }
  return i;
}

/// The processor's own product in this field.
__attribute__((target("avx512f,avx512bw,gfni"))) std::size_t by_instruction(const WideTask& task) {
  const __m512i factor = _mm512_set1_epi8(static_cast<char>(task.factor));
  std::size_t i = 0;
  for (; i + 64 <= task.out.size(); i += 64) {
    const __m512i product = _mm512_gf2p8mul_epi8(_mm512_loadu_si512(&task.in[i]), factor);
    _mm512_storeu_si512(&task.out[i], _mm512_xor_si512(_mm512_loadu_si512(&task.out[i]), product));
  }
  return i;
}

bool has_instruction() {
  return simd_level() == SimdLevel::avx512 && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("gfni");
}

}  // namespace

std::size_t multiply_add_wide(const WideTask& task, const NibbleProducts& products,
                              SimdLevel level) {
  if (level == SimdLevel::avx512 && has_instruction()) return by_instruction(task);
  if (level >= SimdLevel::avx2 && simd_level() >= SimdLevel::avx2)
    return by_look_up(task, products);
  return 0;
}

}  // namespace axs::net::galois

#else

namespace axs::net::galois {

std::size_t multiply_add_wide(const WideTask&, const NibbleProducts&, SimdLevel) {
  return 0;
}

}  // namespace axs::net::galois

#endif
