#include "mutate.h"

#include <algorithm>
#include <array>

namespace axs::fuzz {

namespace {

/// Where counts and sizes go wrong.
constexpr std::array<std::uint64_t, 10> edges{
    0, 1, 0x7f, 0x80, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 63, ~0ull};

std::size_t position(const ByteVector& bytes, Rng& rng) {
  return bytes.empty() ? 0 : rng.below(bytes.size());
}

void overwrite_number(ByteVector& bytes, Rng& rng) {
  const std::size_t width = std::size_t{1} << rng.below(4);
  if (bytes.size() < width) return;
  std::uint8_t* at = bytes.data() + rng.below(bytes.size() - width + 1);
  std::uint64_t number = 0;
  std::memcpy(&number, at, width);
  number = rng.chance(0.5) ? edges[rng.below(edges.size())] : number + rng.below(9) - 4;
  std::memcpy(at, &number, width);
}

void cut_out(ByteVector& bytes, Rng& rng) {
  const std::size_t from = position(bytes, rng);
  const std::size_t count = std::min<std::size_t>(bytes.size() - from, 1 + rng.below(16));
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(from),
              bytes.begin() + static_cast<std::ptrdiff_t>(from + count));
}

/// Puts a piece of `source` somewhere into `bytes`.
void graft(ByteVector& bytes, const ByteVector& source, Rng& rng) {
  const std::size_t from = position(source, rng);
  const std::size_t count = std::min<std::size_t>(source.size() - from, 1 + rng.below(64));
  const ByteVector piece{source.begin() + static_cast<std::ptrdiff_t>(from),
                         source.begin() + static_cast<std::ptrdiff_t>(from + count)};
  const std::size_t at = bytes.empty() ? 0 : rng.below(bytes.size() + 1);
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
}

void change(ByteVector& bytes, const std::vector<ByteVector>& seeds, Rng& rng) {
  switch (rng.below(7)) {
    case 0:
      if (!bytes.empty())
        bytes[position(bytes, rng)] ^= static_cast<std::uint8_t>(1u << rng.below(8));
      return;
    case 1:
      if (!bytes.empty()) bytes[position(bytes, rng)] = static_cast<std::uint8_t>(rng.next());
      return;
    case 2:
    case 3:
      return overwrite_number(bytes, rng);
    case 4:
      return cut_out(bytes, rng);
    case 5:
      return graft(bytes, seeds[rng.below(seeds.size())], rng);
    default:
      return bytes.resize(rng.chance(0.9) ? position(bytes, rng) : bytes.size() + rng.below(100));
  }
}

}  // namespace

ByteVector mutated(const std::vector<ByteVector>& seeds, Rng& rng) {
  ByteVector bytes = seeds[rng.below(seeds.size())];
  for (std::uint64_t changes = 1 + rng.below(rng.chance(0.3) ? 20 : 3); changes > 0; --changes)
    change(bytes, seeds, rng);
  return bytes;
}

}  // namespace axs::fuzz
