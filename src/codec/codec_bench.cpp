// Speed is per core, in bytes of fp32. AXS_GRADIENT=<file of raw fp32> puts real data beside the
// synthetic.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include "axs/codec/float_planes.h"
#include "axs/codec/gradient_codec.h"
#include "axs/codec/quant4.h"
#include "axs/codec/rans.h"
#include "axs/codec/synthetic_gradient.h"

namespace {

using namespace axs;
using namespace axs::codec;

constexpr std::size_t n = 1 << 20;

const char* real_data() {
  return std::getenv("AXS_GRADIENT");
}

std::vector<float> read_floats(const char* path) {
  std::ifstream file{path, std::ios::binary | std::ios::ate};
  std::vector<float> values(static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)) /
                            4);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(4 * values.size()));
  return values;
}

struct Data {
  std::string name;
  std::vector<float> values;
};

const std::vector<Data>& data_sets() {
  static const std::vector<Data> sets = [] {
    std::vector<Data> made{{"gaussian", synthetic_gradient(GradientShape::gaussian, n, 1)},
                           {"laplace", synthetic_gradient(GradientShape::laplace, n, 1)},
                           {"mixture", synthetic_gradient(GradientShape::mixture, n, 1)}};
    if (real_data() != nullptr) made.push_back({"real", read_floats(real_data())});
    return made;
  }();
  return sets;
}

double entropy_bits(std::span<const std::uint8_t> symbols) {
  double bits = 0;
  for (const double count : detail::count_symbols(symbols))
    if (count > 0) bits += count * std::log2(static_cast<double>(symbols.size()) / count);
  return bits / static_cast<double>(symbols.size());
}

double relative_error(std::span<const float> want, std::span<const float> got) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += std::pow(static_cast<double>(want[i]) - got[i], 2);
    norm += std::pow(static_cast<double>(want[i]), 2);
  }
  return std::sqrt(error / norm);
}

void count_bytes(benchmark::State& state, const std::vector<float>& values) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(4 * values.size()));
}

/// Order-0 entropy per value of what the message holds: the bound of every code without context.
double floor_bits(GradientKind kind, const std::vector<float>& values) {
  const std::size_t size = values.size();
  if (kind == GradientKind::fp32) {
    std::array<ByteVector, 4> plane;
    for (auto& p : plane) p.resize(size);
    split_planes(values, {plane[0], plane[1], plane[2], plane[3]});
    return std::accumulate(plane.begin(), plane.end(), 0.0,
                           [](double sum, const auto& p) { return sum + entropy_bits(p); });
  }
  std::vector<float> residual(size, 0);
  std::vector<std::uint16_t> scales(quant4_blocks(size));
  ByteVector codes(size), scale_bytes(2 * scales.size());
  quantise4(values, residual, gradient_coarseness, scales, codes);
  std::memcpy(scale_bytes.data(), scales.data(), scale_bytes.size());
  return entropy_bits(codes) + entropy_bits(scale_bytes) * static_cast<double>(scale_bytes.size()) /
                                   static_cast<double>(size);
}

void encode(GradientKind kind, const std::vector<float>& values, ByteVector& out) {
  static std::vector<float> residual;
  out.clear();
  if (kind == GradientKind::quant4) residual.assign(values.size(), 0);
  const auto done = kind == GradientKind::quant4 ? encode_quant4(values, residual, out)
                                                 : encode_fp32(values, out);
  AXS_ASSERT(done.has_value());
}

void encode_message(benchmark::State& state, GradientKind kind, const std::vector<float>& values) {
  ByteVector message;
  for (auto _ : state) {
    encode(kind, values, message);
    benchmark::DoNotOptimize(message.data());
  }
  std::vector<float> decoded(values.size());
  AXS_ASSERT(decode_gradient(message, decoded).has_value());
  const double bits =
      8.0 * static_cast<double>(message.size()) / static_cast<double>(values.size());
  count_bytes(state, values);
  state.counters["bits"] = bits;
  state.counters["floor_bits"] = floor_bits(kind, values);
  state.counters["above_floor_pct"] = 100 * (bits / floor_bits(kind, values) - 1);
  state.counters["error"] = relative_error(values, decoded);
}

void accumulate_message(benchmark::State& state, GradientKind kind,
                        const std::vector<float>& values) {
  ByteVector message;
  encode(kind, values, message);
  std::vector<float> out(values.size(), 0);
  for (auto _ : state) AXS_ASSERT(accumulate_gradient(message, 0.5f, out).has_value());
  count_bytes(state, values);
}

// The quantisers that were weighed against each other. Each maps a block to levels and their
// values.

float bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
}

struct Block {
  std::span<const float> x;
  std::span<float> decoded;
  std::span<std::uint8_t> codes;

  float largest() const {
    float most = 0;
    for (const float v : x) most = std::max(most, std::fabs(v));
    return most;
  }
};

/// Uniform levels -7..7 of the given step, clipped; returns the squared error.
double uniform_block(const Block& b, float step) {
  const float s = bfloat16(std::max(step, 1e-30f));
  double error = 0;
  for (std::size_t i = 0; i < b.x.size(); ++i) {
    const float level = std::clamp(std::nearbyint(b.x[i] / s), -7.0f, 7.0f);
    b.codes[i] = static_cast<std::uint8_t>(level + 7);
    b.decoded[i] = level * s;
    error += std::pow(static_cast<double>(b.x[i]) - b.decoded[i], 2);
  }
  return error;
}

void absmax(const Block& b) {
  uniform_block(b, b.largest() / 7);
}

void rms(const Block& b) {
  double sum = 0;
  for (const float v : b.x) sum += static_cast<double>(v) * v;
  uniform_block(b, static_cast<float>(0.5 * std::sqrt(sum / static_cast<double>(b.x.size()))));
}

void least_error(const Block& b) {
  float best = 1;
  double least = INFINITY;
  for (const float ratio : {1.0f, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f, 0.3f}) {
    const double error = uniform_block(b, ratio * b.largest() / 7);
    if (error < least) least = error, best = ratio;
  }
  uniform_block(b, best * b.largest() / 7);
}

/// One sign and three bits of exponent, as Streaming DiLoCo sends (arXiv 2501.18512).
void e3m0(const Block& b) {
  const float s = bfloat16(std::max(b.largest(), 1e-30f));
  for (std::size_t i = 0; i < b.x.size(); ++i) {
    const float magnitude = std::max(std::fabs(b.x[i]) / s, 1e-30f);
    const float exponent = std::clamp(std::nearbyint(std::log2(magnitude)), -7.0f, 0.0f);
    b.codes[i] = static_cast<std::uint8_t>(2 * (exponent + 7) + (b.x[i] < 0 ? 1 : 0));
    b.decoded[i] = std::copysign(s * std::exp2(exponent), b.x[i]);
  }
}

/// The codebook of QLoRA (arXiv 2305.14314 appendix E): equally likely levels of a normal variable.
void nf4(const Block& b) {
  static constexpr std::array<float, 16> levels{-1.0f,       -0.6961928f, -0.5250731f, -0.3949175f,
                                                -0.2844414f, -0.1847734f, -0.0910500f, 0.0f,
                                                0.0795803f,  0.1609302f,  0.2461123f,  0.3379152f,
                                                0.4407098f,  0.5626170f,  0.7229568f,  1.0f};
  const float s = bfloat16(std::max(b.largest(), 1e-30f));
  for (std::size_t i = 0; i < b.x.size(); ++i) {
    const float x = b.x[i] / s;
    const auto nearest = std::min_element(levels.begin(), levels.end(), [x](float l, float r) {
      return std::fabs(l - x) < std::fabs(r - x);
    });
    b.codes[i] = static_cast<std::uint8_t>(nearest - levels.begin());
    b.decoded[i] = s * *nearest;
  }
}

struct Quantiser {
  const char* name;
  void (*block)(const Block&);
};
constexpr std::array<Quantiser, 5> quantisers{
    {{"absmax", absmax}, {"rms", rms}, {"least_error", least_error}, {"e3m0", e3m0}, {"nf4", nf4}}};

/// bits: entropy of the codes (each gradient_chunk has its own probabilities) plus 16 per scale.
/// merit: bits + log2(error), the bits that unit error would cost at 6 dB a bit; less is better.
void compare_quantiser(benchmark::State& state, const Quantiser& quantiser, const Data& data) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::size_t count = data.values.size() / size * size;
  std::vector<float> decoded(count);
  ByteVector codes(count);
  for (auto _ : state)
    for (std::size_t at = 0; at < count; at += size)
      quantiser.block({std::span{data.values}.subspan(at, size),
                       std::span{decoded}.subspan(at, size), std::span{codes}.subspan(at, size)});
  double bits = 16.0 / static_cast<double>(size);
  for (std::size_t at = 0; at < count; at += gradient_chunk) {
    const auto chunk = std::span{codes}.subspan(at, std::min(gradient_chunk, count - at));
    bits += entropy_bits(chunk) * static_cast<double>(chunk.size()) / static_cast<double>(count);
  }
  const double error = relative_error(std::span{data.values}.first(count), decoded);
  state.counters["bits"] = bits;
  state.counters["error"] = error;
  state.counters["merit"] = bits + std::log2(error);
}

/// The entropy coder alone, on the codes of a Gaussian; bytes are symbols.
void code_symbols(benchmark::State& state, Simd simd) {
  std::vector<float> residual(gradient_chunk, 0);
  std::vector<std::uint16_t> scales(quant4_blocks(gradient_chunk));
  ByteVector codes(gradient_chunk), stream;
  quantise4(std::span{data_sets()[0].values}.first(gradient_chunk), residual, gradient_coarseness,
            scales, codes);
  encode_symbols(codes, stream, simd);
  for (auto _ : state) {
    if (state.range(0) == 0) {
      stream.clear();
      encode_symbols(codes, stream, simd);
    } else {
      WireReader in{stream};
      AXS_ASSERT(decode_symbols(in, quant4_levels, codes, simd));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(codes.size()));
}
BENCHMARK_CAPTURE(code_symbols, entropy_portable, Simd::none)->Arg(0)->Arg(1)->ArgName("decode");
BENCHMARK_CAPTURE(code_symbols, entropy_best, best_simd())->Arg(0)->Arg(1)->ArgName("decode");

void register_messages(GradientKind kind, const std::string& kind_name, const Data& data) {
  const std::string suffix = kind_name + "/" + data.name;
  benchmark::RegisterBenchmark(("encode/" + suffix).c_str(), [=, &data](auto& state) {
    encode_message(state, kind, data.values);
  });
  benchmark::RegisterBenchmark(("accumulate/" + suffix).c_str(), [=, &data](auto& state) {
    accumulate_message(state, kind, data.values);
  });
}

void register_quantisers(const Data& data) {
  for (const Quantiser& quantiser : quantisers)
    benchmark::RegisterBenchmark(
        ("quantiser/" + std::string{quantiser.name} + "/" + data.name).c_str(),
        [&](auto& state) { compare_quantiser(state, quantiser, data); })
        ->Arg(128)
        ->Arg(256)
        ->Arg(512)
        ->Iterations(1);
}

const bool registered = [] {
  for (const Data& data : data_sets()) {
    register_messages(GradientKind::quant4, "quant4", data);
    register_messages(GradientKind::fp32, "fp32", data);
    register_quantisers(data);
  }
  return true;
}();

}  // namespace
