#include "axs/codec/gradient_codec.h"

#include <algorithm>
#include <bit>

#include "axs/codec/float_planes.h"
#include "axs/codec/quant4.h"
#include "axs/codec/rans.h"
#include "axs/core/crc32c.h"

namespace axs::codec {

namespace {

constexpr std::uint32_t magic = 0x4d475841;  // "AXGM" in memory.
constexpr std::uint8_t version = 1;
constexpr std::size_t checksum_size = 4;
constexpr std::uint32_t infinity_bits = 0x7f800000;

Error corrupt(const std::string& what) {
  return {Errc::corrupt, "gradient message: " + what};
}

std::uint32_t magnitude_bits(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7fffffff;
}

/// ok if at(i) is finite for all i below n. Takes the largest first and asks who it was only then.
template <class At>
Result<> require_finite(std::size_t n, At at) {
  std::int32_t largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    largest = std::max(largest, static_cast<std::int32_t>(magnitude_bits(at(i))));
  if (largest < static_cast<std::int32_t>(infinity_bits)) return Ok{};
  std::size_t i = 0;
  while (magnitude_bits(at(i)) < infinity_bits) ++i;
  return Error{Errc::invalid, "gradient value " + std::to_string(i) + ": " + std::to_string(at(i)) +
                                  ", want a finite number"};
}

void put_header(GradientHeader header, ByteVector& out) {
  WireWriter writer{out};
  writer.put(magic);
  writer.put(version);
  writer.put(header.kind);
  writer.put(header.count);
}

/// Seals the message that began at `start`.
void put_checksum(std::size_t start, ByteVector& out) {
  WireWriter{out}.put(crc32c(ByteView{out}.subspan(start)));
}

Result<GradientHeader> get_header(WireReader& reader) {
  std::uint32_t seen_magic = 0;
  std::uint8_t seen_version = 0;
  GradientHeader header{};
  reader.get(seen_magic);
  reader.get(seen_version);
  if (reader.ok() && seen_magic != magic) return corrupt("does not start with AXGM");
  if (reader.ok() && seen_version != version)
    return corrupt("version " + std::to_string(seen_version) + ", want 1");
  reader.get(header.kind);
  reader.get(header.count);
  if (!reader.ok()) return corrupt("too short or of unknown kind");
  return header;
}

/// The buffers of one chunk, used again for the next.
class Quant4Chunk {
 public:
  void encode(std::span<const float> value, std::span<float> residual, ByteVector& out) {
    resize(value.size());
    quantise4(value, residual, gradient_coarseness, scales_, codes_);
    for (const int shift : {8, 0}) {
      std::transform(scales_.begin(), scales_.end(), scale_bytes_.begin(),
                     [=](std::uint16_t s) { return static_cast<std::uint8_t>(s >> shift); });
      encode_symbols(scale_bytes_, out);
    }
    encode_symbols(codes_, out);
  }

  bool decode(WireReader& in, std::size_t n) {
    resize(n);
    std::fill(scales_.begin(), scales_.end(), std::uint16_t{0});
    for (const int shift : {8, 0}) {
      if (!decode_symbols(in, 256, scale_bytes_)) return false;
      for (std::size_t b = 0; b < scales_.size(); ++b)
        scales_[b] = static_cast<std::uint16_t>(scales_[b] | (scale_bytes_[b] << shift));
    }
    return decode_symbols(in, quant4_levels, codes_) &&
           std::all_of(scales_.begin(), scales_.end(), is_quant4_scale);
  }

  void replace(std::span<float> out) const { dequantise4(scales_, codes_, out); }
  void add(float weight, std::span<float> sum) const { accumulate4(scales_, codes_, weight, sum); }

 private:
  void resize(std::size_t n) {
    codes_.resize(n);
    scales_.resize(quant4_blocks(n));
    scale_bytes_.resize(quant4_blocks(n));
  }

  ByteVector codes_, scale_bytes_;
  std::vector<std::uint16_t> scales_;
};

class Fp32Chunk {
 public:
  void encode(std::span<const float> value, ByteVector& out) {
    resize_planes(value.size());
    split_planes(value, planes());
    for (const ByteVector& plane : plane_) encode_symbols(plane, out);
  }

  bool decode(WireReader& in, std::size_t n) {
    resize_planes(n);
    value_.resize(n);
    for (ByteVector& plane : plane_)
      if (!decode_symbols(in, 256, plane)) return false;
    join_planes(planes(), value_);
    return require_finite(n, [this](std::size_t i) { return value_[i]; }).has_value();
  }

  void replace(std::span<float> out) const { std::copy(value_.begin(), value_.end(), out.begin()); }
  void add(float weight, std::span<float> sum) const {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * value_[i];
  }

 private:
  BytePlanes planes() { return {plane_[0], plane_[1], plane_[2], plane_[3]}; }
  void resize_planes(std::size_t n) {
    for (ByteVector& plane : plane_) plane.resize(n);
  }

  std::array<ByteVector, 4> plane_;
  std::vector<float> value_;
};

/// Calls each(at, n) for every chunk of `count` values.
template <class Each>
void for_each_chunk(std::size_t count, Each each) {
  for (std::size_t at = 0; at < count; at += gradient_chunk)
    each(at, std::min(gradient_chunk, count - at));
}

template <class Chunk, class Merge>
bool merge_chunks(WireReader& in, std::span<float> target, Merge merge) {
  Chunk chunk;
  bool good = true;
  for_each_chunk(target.size(), [&](std::size_t at, std::size_t n) {
    good = good && chunk.decode(in, n);
    if (good) merge(std::as_const(chunk), target.subspan(at, n));
  });
  return good && in.remaining() == 0;
}

/// Checks the message, then calls merge(chunk, its part of target) for every chunk.
template <class Merge>
Result<> merge_message(ByteView message, std::span<float> target, Merge merge) {
  WireReader reader{message};
  const GradientHeader header = AXS_TRY(get_header(reader));
  if (header.count != target.size())
    return corrupt(std::to_string(header.count) + " values, want " + std::to_string(target.size()));
  if (reader.remaining() < checksum_size) return corrupt("ends before its checksum");
  const std::size_t body_size = reader.remaining() - checksum_size;
  WireReader body{reader.bytes(body_size)};
  std::uint32_t checksum = 0;
  reader.get(checksum);
  if (checksum != crc32c(message.first(message.size() - checksum_size)))
    return corrupt("checksum does not match");
  const bool good = header.kind == GradientKind::quant4
                        ? merge_chunks<Quant4Chunk>(body, target, merge)
                        : merge_chunks<Fp32Chunk>(body, target, merge);
  if (!good) return corrupt("malformed body under a right checksum");
  return Ok{};
}

}  // namespace

Result<> encode_quant4(std::span<const float> value, std::span<float> residual, ByteVector& out) {
  AXS_ASSERT(residual.size() == value.size());
  AXS_TRY(require_finite(value.size(), [&](std::size_t i) { return value[i] + residual[i]; }));
  const std::size_t start = out.size();
  put_header({.kind = GradientKind::quant4, .count = value.size()}, out);
  Quant4Chunk chunk;
  for_each_chunk(value.size(), [&](std::size_t at, std::size_t n) {
    chunk.encode(value.subspan(at, n), residual.subspan(at, n), out);
  });
  put_checksum(start, out);
  return Ok{};
}

Result<> encode_fp32(std::span<const float> value, ByteVector& out) {
  AXS_TRY(require_finite(value.size(), [&](std::size_t i) { return value[i]; }));
  const std::size_t start = out.size();
  put_header({.kind = GradientKind::fp32, .count = value.size()}, out);
  Fp32Chunk chunk;
  for_each_chunk(value.size(),
                 [&](std::size_t at, std::size_t n) { chunk.encode(value.subspan(at, n), out); });
  put_checksum(start, out);
  return Ok{};
}

Result<GradientHeader> read_gradient_header(ByteView message) {
  WireReader reader{message};
  return get_header(reader);
}

Result<> decode_gradient(ByteView message, std::span<float> out) {
  return merge_message(message, out,
                       [](const auto& chunk, std::span<float> part) { chunk.replace(part); });
}

Result<> accumulate_gradient(ByteView message, float weight, std::span<float> sum) {
  return merge_message(message, sum, [weight](const auto& chunk, std::span<float> part) {
    chunk.add(weight, part);
  });
}

}  // namespace axs::codec
