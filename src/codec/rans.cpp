#include "axs/codec/rans.h"

#include <algorithm>
#include <numeric>

#include "axs/codec/rans_lanes.h"

namespace axs::codec {

using namespace detail;

namespace {

/// How the symbols of a stream are written; its first byte.
enum class StreamKind : std::uint8_t {
  stored,    // The symbols themselves.
  constant,  // One symbol, which is all of them.
  single,    // Frequencies, 1 state, words.
  wide,      // Frequencies, 32 states, words.
};

/// Below, 31 more states cost more than they speed up.
constexpr std::size_t wide_minimum = 8192;

EncodeTable make_encode_table(const Frequencies& frequencies) {
  EncodeTable table{};
  std::uint32_t start = 0;
  for (std::size_t s = 0; s < table.size(); ++s) {
    const std::uint32_t f = frequencies[s];
    if (f == 0) continue;
    table[s] = {.reciprocal = ((std::uint64_t{1} << 44) + f - 1) / f,
                .bound = f << 20,
                .complement = static_cast<std::uint16_t>(probability_one - f),
                .start = static_cast<std::uint16_t>(start)};
    start += f;
  }
  return table;
}

/// Encodes backwards; as encode_rounds, for any number of symbols.
template <std::size_t lanes>
std::uint16_t* encode_lanes(std::span<const std::uint8_t> symbols, const EncodeTable& table,
                            States<lanes>& states, std::uint16_t* words, Simd simd) {
  const std::size_t whole = symbols.size() / lanes * lanes;
  for (std::size_t i = symbols.size(); i-- > whole;)
    states[i % lanes] = encode_step(table[symbols[i]], states[i % lanes], words);
#ifdef __x86_64__
  if constexpr (lanes == wide_lanes)
    if (simd == Simd::avx512)
      return encode_rounds_avx512(symbols.first(whole), table, states, words);
#endif
  return encode_rounds(symbols.first(whole), table, states, words);
}

void put_frequencies(const Frequencies& frequencies, WireWriter& out) {
  const auto occurs = [](std::uint16_t f) { return f != 0; };
  const auto first = std::find_if(frequencies.begin(), frequencies.end(), occurs);
  const auto end = std::find_if(frequencies.rbegin(), frequencies.rend(), occurs).base();
  out.put(static_cast<std::uint8_t>(first - frequencies.begin()));
  out.put(static_cast<std::uint8_t>(end - frequencies.begin() - 1));
  for (auto f = first; f != end; ++f) {
    if (*f < 128) {
      out.put(static_cast<std::uint8_t>(*f));
    } else {
      out.put(static_cast<std::uint8_t>(0x80 | (*f >> 8)));
      out.put(static_cast<std::uint8_t>(*f));
    }
  }
}

/// False unless the frequencies are of symbols below `alphabet` and add up to one.
bool get_frequencies(WireReader& in, unsigned alphabet, Frequencies& frequencies) {
  frequencies = {};
  std::uint8_t first = 0, last = 0, byte = 0;
  in.get(first);
  in.get(last);
  if (last >= alphabet || first > last) return false;
  std::uint32_t sum = 0;
  for (unsigned s = first; s <= last; ++s) {
    in.get(byte);
    std::uint32_t f = byte;
    if (byte >= 128) {
      in.get(byte);
      f = ((f & 127) << 8) | byte;
    }
    if (f >= probability_one) return false;
    frequencies[s] = static_cast<std::uint16_t>(f);
    sum += f;
  }
  return in.ok() && sum == probability_one;
}

template <std::size_t lanes>
void put_coded(std::span<const std::uint8_t> symbols, const Frequencies& frequencies,
               ByteVector& out, Simd simd) {
  std::vector<std::uint16_t> buffer(symbols.size() + 1);
  States<lanes> states;
  states.fill(least_state);
  std::uint16_t* const end = buffer.data() + buffer.size();
  std::uint16_t* const begin =
      encode_lanes<lanes>(symbols, make_encode_table(frequencies), states, end, simd);
  WireWriter writer{out};
  writer.put(lanes == 1 ? StreamKind::single : StreamKind::wide);
  put_frequencies(frequencies, writer);
  writer.put(states);
  const auto count = static_cast<std::size_t>(end - begin);
  writer.put(static_cast<std::uint32_t>(count));
  writer.bytes({reinterpret_cast<const std::uint8_t*>(begin), 2 * count});
}

void put_stored(std::span<const std::uint8_t> symbols, ByteVector& out) {
  WireWriter writer{out};
  writer.put(StreamKind::stored);
  writer.bytes(symbols);
}

/// 64 of every 512 symbols; all of them if they are few.
ByteVector sample_of(std::span<const std::uint8_t> symbols) {
  constexpr std::size_t run = 64, stride = 512;
  if (symbols.size() < wide_minimum) return {symbols.begin(), symbols.end()};
  ByteVector sample;
  sample.reserve(run * (symbols.size() / stride));
  for (; symbols.size() >= stride; symbols = symbols.subspan(stride))
    sample.insert(sample.end(), symbols.begin(), symbols.begin() + run);
  return sample;
}

/// Whether a sample of the symbols is so evenly spread over all 256 that coding would save about
/// one per cent or less: by its collision entropy, which is never above Shannon's and needs no
/// logarithm.
bool looks_incompressible(std::span<const std::uint8_t> symbols) {
  const ByteVector sample = sample_of(symbols);
  const std::uint64_t n = sample.size();
  std::uint64_t squares = 0;
  for (const std::uint64_t count : count_symbols(sample)) squares += count * count;
  return squares <= n * n / 256 + n * n / 2048;
}

void fill_decode_table(const Frequencies& frequencies, DecodeTable& table) {
  std::size_t slot = 0;
  for (std::uint32_t s = 0; s < frequencies.size(); ++s)
    for (std::uint32_t i = 0; i < frequencies[s]; ++i)
      table[slot++] = s | (std::uint32_t{frequencies[s]} << 8) | (i << 20);
}

template <std::size_t lanes>
std::size_t decode_rounds_by(Simd simd, const DecodeTable& table, States<lanes>& states,
                             ByteView& words, std::span<std::uint8_t> symbols) {
#ifdef __x86_64__
  if constexpr (lanes == wide_lanes)
    if (simd == Simd::avx512) return decode_rounds_avx512(table, states, words, symbols);
#endif
  return decode_rounds(table, states, words, symbols);
}

/// True if the words were just enough and every lane ended as the encoder began it.
template <std::size_t lanes>
bool decode_lanes(const DecodeTable& table, States<lanes>& states, ByteView words,
                  std::span<std::uint8_t> symbols, Simd simd) {
  for (std::size_t i = decode_rounds_by(simd, table, states, words, symbols); i < symbols.size();
       ++i) {
    std::uint32_t& state = states[i % lanes];
    symbols[i] = decode_step(table, state);
    if (state >= least_state) continue;
    if (words.empty()) return false;
    state = (state << 16) | load_word(words.data());
    words = words.subspan(2);
  }
  return words.empty() && std::all_of(states.begin(), states.end(),
                                      [](std::uint32_t state) { return state == least_state; });
}

template <std::size_t lanes>
bool get_coded(WireReader& in, unsigned alphabet, std::span<std::uint8_t> symbols, Simd simd) {
  Frequencies frequencies;
  if (!get_frequencies(in, alphabet, frequencies)) return false;
  States<lanes> states;
  std::uint32_t count = 0;
  in.get(states);
  in.get(count);
  const ByteView words = in.bytes(2 * std::size_t{count});
  if (!in.ok()) return false;
  DecodeTable table;
  fill_decode_table(frequencies, table);
  return decode_lanes(table, states, words, symbols, simd);
}

bool get_stored(WireReader& in, unsigned alphabet, std::span<std::uint8_t> symbols) {
  const ByteView bytes = in.bytes(symbols.size());
  if (!in.ok()) return false;
  std::copy(bytes.begin(), bytes.end(), symbols.begin());
  return std::all_of(bytes.begin(), bytes.end(), [=](unsigned s) { return s < alphabet; });
}

bool get_constant(WireReader& in, unsigned alphabet, std::span<std::uint8_t> symbols) {
  std::uint8_t symbol = 0;
  in.get(symbol);
  std::fill(symbols.begin(), symbols.end(), symbol);
  return in.ok() && symbol < alphabet;
}

}  // namespace

namespace detail {

Histogram count_symbols(std::span<const std::uint8_t> symbols) {
  // Four tables, because equal neighbours would wait for each other's increment.
  std::array<Histogram, 4> part{};
  std::size_t i = 0;
  for (; i + 4 <= symbols.size(); i += 4)
    for (std::size_t k = 0; k < 4; ++k) ++part[k][symbols[i + k]];
  for (; i < symbols.size(); ++i) ++part[0][symbols[i]];
  for (std::size_t s = 0; s < part[0].size(); ++s)
    part[0][s] += part[1][s] + part[2][s] + part[3][s];
  return part[0];
}

Frequencies normalise(const Histogram& histogram) {
  const auto total = std::accumulate(histogram.begin(), histogram.end(), std::uint64_t{0});
  AXS_ASSERT(total > 0);
  Frequencies frequencies{};
  std::int64_t left = probability_one;
  for (std::size_t s = 0; s < frequencies.size(); ++s) {
    if (histogram[s] == 0) continue;
    const std::uint64_t share = (histogram[s] * std::uint64_t{probability_one} + total / 2) / total;
    frequencies[s] = static_cast<std::uint16_t>(std::max(share, std::uint64_t{1}));
    left -= frequencies[s];
  }
  // A unit more or less matters least to whoever has most; the first of them, so that it is
  // definite.
  for (; left != 0; left -= left > 0 ? 1 : -1) {
    const auto most = std::max_element(frequencies.begin(), frequencies.end());
    *most = static_cast<std::uint16_t>(*most + (left > 0 ? 1 : -1));
  }
  return frequencies;
}

}  // namespace detail

Simd best_simd() {
#ifdef __x86_64__
  if (has_avx512()) return Simd::avx512;
#endif
  return Simd::none;
}

void encode_symbols(std::span<const std::uint8_t> symbols, ByteVector& out, Simd simd) {
  if (symbols.empty() || looks_incompressible(symbols)) return put_stored(symbols, out);
  const Histogram histogram = count_symbols(symbols);
  if (histogram[symbols[0]] == symbols.size()) {
    out.push_back(static_cast<std::uint8_t>(StreamKind::constant));
    return out.push_back(symbols[0]);
  }
  const std::size_t start = out.size();
  const Frequencies frequencies = normalise(histogram);
  if (symbols.size() < wide_minimum)
    put_coded<1>(symbols, frequencies, out, simd);
  else
    put_coded<wide_lanes>(symbols, frequencies, out, simd);
  if (out.size() - start <= symbols.size()) return;
  out.resize(start);
  put_stored(symbols, out);
}

bool decode_symbols(WireReader& in, unsigned alphabet, std::span<std::uint8_t> symbols, Simd simd) {
  std::uint8_t kind = 0;
  in.get(kind);
  if (!in.ok()) return false;
  switch (static_cast<StreamKind>(kind)) {
    case StreamKind::stored:
      return get_stored(in, alphabet, symbols);
    case StreamKind::constant:
      return get_constant(in, alphabet, symbols);
    case StreamKind::single:
      return get_coded<1>(in, alphabet, symbols, simd);
    case StreamKind::wide:
      return get_coded<wide_lanes>(in, alphabet, symbols, simd);
  }
  return false;
}

}  // namespace axs::codec
