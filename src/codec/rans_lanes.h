#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "axs/core/wire.h"

/// The inner loops of rans.h and the tables that they read.
namespace axs::codec::detail {

inline constexpr unsigned probability_bits = 12;
inline constexpr std::uint32_t probability_one = 1u << probability_bits;
/// The least state between symbols; a lane begins encoding, and ends decoding, with it.
inline constexpr std::uint32_t least_state = 1u << 16;
inline constexpr std::size_t wide_lanes = 32;
template <std::size_t lanes>
using States = std::array<std::uint32_t, lanes>;

/// What the encoder needs of one symbol.
struct EncodeEntry {
  std::uint64_t reciprocal;  // ceil(2^44 / frequency): exact division for states below `bound`.
  std::uint32_t bound;       // States from here on give up a word first.
  std::uint16_t complement;  // 2^12 - frequency.
  std::uint16_t start;
};
using EncodeTable = std::array<EncodeEntry, 256>;

/// One entry per slot: the symbol in bits 0..7, its frequency in 8..19, the slot's place within the
/// symbol's range in 20..31.
using DecodeTable = std::array<std::uint32_t, probability_one>;

/// Decodes one symbol of a lane, which then may want a word.
inline std::uint8_t decode_step(const DecodeTable& table, std::uint32_t& state) {
  const std::uint32_t entry = table[state % probability_one];
  state = ((entry >> 8) % probability_one) * (state >> probability_bits) + (entry >> 20);
  return static_cast<std::uint8_t>(entry);
}

inline std::uint32_t load_word(const std::uint8_t* data) {
  std::uint16_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

/// Codes one symbol. Writes the word below `words` in any case and keeps it if the state was too
/// large: a branch here would be mispredicted at every fifth symbol.
/// The product fits 64 bits: reciprocal * state < 2^64 for frequencies below 2^12 (Lemire, Kaser,
/// Kurz 2019 for the exactness of the division).
inline std::uint32_t encode_step(const EncodeEntry& e, std::uint32_t state, std::uint16_t*& words) {
  words[-1] = static_cast<std::uint16_t>(state);
  const bool full = state >= e.bound;
  words -= full;
  state >>= full ? 16 : 0;
  const auto quotient = static_cast<std::uint32_t>((state * e.reciprocal) >> 44);
  return state + quotient * e.complement + e.start;
}

/// Encodes whole rounds of lanes, from the last symbol to the first; returns the first of the
/// words, which end at `words`. There is room for one word per symbol.
template <std::size_t lanes>
std::uint16_t* encode_rounds(std::span<const std::uint8_t> symbols, const EncodeTable& table,
                             States<lanes>& states, std::uint16_t* words) {
  for (std::size_t i = symbols.size(); i != 0;) {
    i -= lanes;
    for (std::size_t lane = lanes; lane-- > 0;)
      states[lane] = encode_step(table[symbols[i + lane]], states[lane], words);
  }
  return words;
}

/// Decodes as many whole rounds of lanes as are certain not to run out of words; the rest is for
/// the careful loop. Returns the number of symbols.
template <std::size_t lanes>
std::size_t decode_rounds(const DecodeTable& table, States<lanes>& states, ByteView& words,
                          std::span<std::uint8_t> symbols) {
  std::size_t i = 0;
  const std::uint8_t* next = words.data();
  const std::uint8_t* const end = next + words.size();
  for (; symbols.size() - i >= lanes && end - next >= std::ptrdiff_t{2 * lanes}; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::uint32_t state = states[lane];
      symbols[i + lane] = decode_step(table, state);
      const bool wants = state < least_state;
      const std::uint32_t filled = (state << 16) | load_word(next);
      states[lane] = wants ? filled : state;
      next += wants ? 2 : 0;
    }
  words = words.last(static_cast<std::size_t>(end - next));
  return i;
}

#ifdef __x86_64__
/// Whether this processor runs the two functions below.
bool has_avx512();
/// As encode_rounds and decode_rounds, bit by bit.
std::uint16_t* encode_rounds_avx512(std::span<const std::uint8_t> symbols, const EncodeTable& table,
                                    States<wide_lanes>& states, std::uint16_t* words);
std::size_t decode_rounds_avx512(const DecodeTable& table, States<wide_lanes>& states,
                                 ByteView& words, std::span<std::uint8_t> symbols);
#endif

}  // namespace axs::codec::detail
