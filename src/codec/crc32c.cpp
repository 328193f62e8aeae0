#include "axs/codec/crc32c.h"

namespace axs::codec {

namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // 0x1EDC6F41, bits reversed.

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

/// table[k][byte]: what `byte` contributes once k more bytes have followed it.
constexpr Table make_table() {
  Table table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    table[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = table[k - 1][byte];
      table[k][byte] = (before >> 8) ^ table[0][before & 255];
    }
  return table;
}

constexpr Table table = make_table();

std::uint64_t load64(const std::uint8_t* data) {
  std::uint64_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(ByteView data) {
  std::uint64_t crc = 0xffffffff;
  for (; data.size() >= 8; data = data.subspan(8))
    crc = __builtin_ia32_crc32di(crc, load64(data.data()));
  auto crc32 = static_cast<std::uint32_t>(crc);
  for (const std::uint8_t byte : data) crc32 = __builtin_ia32_crc32qi(crc32, byte);
  return ~crc32;
}
#endif

}  // namespace

namespace detail {

/// Eight bytes per step through eight tables (Kounavis and Berry 2005, "slicing by 8").
std::uint32_t crc32c_portable(ByteView data) {
  std::uint32_t crc = 0xffffffff;
  for (; data.size() >= 8; data = data.subspan(8)) {
    const std::uint64_t word = load64(data.data()) ^ crc;
    crc = 0;
    for (std::size_t k = 0; k < 8; ++k) crc ^= table[7 - k][(word >> (8 * k)) & 255];
  }
  for (const std::uint8_t byte : data) crc = (crc >> 8) ^ table[0][(crc ^ byte) & 255];
  return ~crc;
}

}  // namespace detail

std::uint32_t crc32c(ByteView data) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(data);
#endif
  return detail::crc32c_portable(data);
}

}  // namespace axs::codec
