#ifdef __x86_64__
#include <immintrin.h>

#include "axs/codec/rans_lanes.h"

#define AXS_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

namespace axs::codec::detail {

namespace {

/// One encode_step for sixteen lanes. The words of the lanes that give one up are stored together,
/// in ascending order of lanes, as the decoder will want them.
AXS_AVX512 inline __m512i encode_half(const std::uint8_t* symbols, const EncodeTable& table,
                                      __m512i state, std::uint16_t*& words) {
  static_assert(sizeof(EncodeEntry) == 16 && offsetof(EncodeEntry, complement) == 12);
  const __m512i symbol =
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(symbols)));
  const __m512i entry =
      _mm512_i32gather_epi32(_mm512_slli_epi32(symbol, 1), &table[0].complement, 8);
  const __m512i complement = _mm512_and_si512(entry, _mm512_set1_epi32(0xffff));
  const __m512i start = _mm512_srli_epi32(entry, 16);
  const __m512i frequency = _mm512_sub_epi32(_mm512_set1_epi32(probability_one), complement);

  const __mmask16 full = _mm512_cmpge_epu32_mask(state, _mm512_slli_epi32(frequency, 20));
  const auto count = static_cast<unsigned>(__builtin_popcount(full));
  words -= count;
  _mm256_mask_storeu_epi16(words, static_cast<__mmask16>((1u << count) - 1),
                           _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(full, state)));
  state = _mm512_mask_srli_epi32(state, full, state, 16);

  // The quotient is below 2^20, so single precision misses it by one at most; the remainder tells.
  const __m512 ratio = _mm512_div_ps(_mm512_cvtepu32_ps(state), _mm512_cvtepu32_ps(frequency));
  __m512i quotient = _mm512_cvttps_epi32(ratio);
  const __m512i remainder = _mm512_sub_epi32(state, _mm512_mullo_epi32(quotient, frequency));
  const __m512i one = _mm512_set1_epi32(1);
  const __mmask16 below = _mm512_cmplt_epi32_mask(remainder, _mm512_setzero_si512());
  const __mmask16 above = _mm512_cmpge_epi32_mask(remainder, frequency);
  quotient = _mm512_mask_sub_epi32(quotient, below, quotient, one);
  quotient = _mm512_mask_add_epi32(quotient, above, quotient, one);
  return _mm512_add_epi32(_mm512_add_epi32(state, start), _mm512_mullo_epi32(quotient, complement));
}

/// One decode_step for sixteen lanes, with their words, of which sixteen are readable.
AXS_AVX512 inline __m512i decode_half(const DecodeTable& table, __m512i state,
                                      const std::uint8_t*& words, std::uint8_t* symbols) {
  const __m512i slot_mask = _mm512_set1_epi32(probability_one - 1);
  const __m512i entry = _mm512_i32gather_epi32(_mm512_and_si512(state, slot_mask), table.data(), 4);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(symbols), _mm512_cvtepi32_epi8(entry));
  const __m512i frequency = _mm512_and_si512(_mm512_srli_epi32(entry, 8), slot_mask);
  state =
      _mm512_add_epi32(_mm512_mullo_epi32(frequency, _mm512_srli_epi32(state, probability_bits)),
                       _mm512_srli_epi32(entry, 20));
  const __mmask16 wants = _mm512_cmplt_epu32_mask(state, _mm512_set1_epi32(least_state));
  const __m512i next =
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)));
  words += 2 * __builtin_popcount(wants);
  return _mm512_mask_or_epi32(state, wants, _mm512_slli_epi32(state, 16),
                              _mm512_maskz_expand_epi32(wants, next));
}

}  // namespace

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

AXS_AVX512 std::uint16_t* encode_rounds_avx512(std::span<const std::uint8_t> symbols,
                                               const EncodeTable& table, States<wide_lanes>& states,
                                               std::uint16_t* words) {
  __m512i low = _mm512_loadu_si512(&states[0]);
  __m512i high = _mm512_loadu_si512(&states[16]);
  for (const std::uint8_t* at = symbols.data() + symbols.size(); at != symbols.data();) {
    at -= wide_lanes;
    high = encode_half(at + 16, table, high, words);
    low = encode_half(at, table, low, words);
  }
  _mm512_storeu_si512(&states[0], low);
  _mm512_storeu_si512(&states[16], high);
  return words;
}

AXS_AVX512 std::size_t decode_rounds_avx512(const DecodeTable& table, States<wide_lanes>& states,
                                            ByteView& words, std::span<std::uint8_t> symbols) {
  __m512i low = _mm512_loadu_si512(&states[0]);
  __m512i high = _mm512_loadu_si512(&states[16]);
  std::size_t i = 0;
  const std::uint8_t* next = words.data();
  const std::uint8_t* const end = next + words.size();
  for (; symbols.size() - i >= wide_lanes && end - next >= std::ptrdiff_t{2 * wide_lanes};
       i += wide_lanes) {
    low = decode_half(table, low, next, symbols.data() + i);
    high = decode_half(table, high, next, symbols.data() + i + 16);
  }
  _mm512_storeu_si512(&states[0], low);
  _mm512_storeu_si512(&states[16], high);
  words = words.last(static_cast<std::size_t>(end - next));
  return i;
}

}  // namespace axs::codec::detail
#endif
