#include "axs/codec/crc32c.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace axs;
using namespace axs::codec;

namespace {

/// One bit at a time, as the definition has it.
std::uint32_t reference(ByteView data) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

}  // namespace

TEST_CASE("crc32c: the examples of RFC 3720 appendix B.4") {
  ByteVector rising(32);
  for (std::size_t i = 0; i < 32; ++i) rising[i] = static_cast<std::uint8_t>(i);
  for (const auto crc : {crc32c, detail::crc32c_portable}) {
    CHECK(crc(ByteVector(32, 0x00)) == 0x8a9136aa);
    CHECK(crc(ByteVector(32, 0xff)) == 0x62a8ab43);
    CHECK(crc(rising) == 0x46dd794e);
  }
}

TEST_CASE("crc32c: every variant agrees with the definition") {
  CHECK(rc::check([](const ByteVector& data) {
    RC_ASSERT(crc32c(data) == reference(data));
    RC_ASSERT(detail::crc32c_portable(data) == reference(data));
  }));
}
