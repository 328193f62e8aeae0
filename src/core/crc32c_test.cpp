#include "axs/core/crc32c.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <numeric>

using namespace axs;

TEST_CASE("crc32c: the vectors of RFC 3720 B.4") {
  ByteVector ascending(32);
  std::iota(ascending.begin(), ascending.end(), std::uint8_t{0});
  for (const auto crc : {crc32c, crc32c_portable}) {
    CHECK(crc(ByteVector(32, 0), 0) == 0x8a9136aa);
    CHECK(crc(ByteVector(32, 0xff), 0) == 0x62a8ab43);
    CHECK(crc(ascending, 0) == 0x46dd794e);
  }
}

TEST_CASE("crc32c: both ways agree, in one piece and in two") {
  CHECK(rc::check([](const ByteVector& data, std::size_t cut) {
    cut %= data.size() + 1;
    const std::uint32_t whole = crc32c_portable(data);
    const ByteView view{data};
    RC_ASSERT(crc32c(view) == whole);
    RC_ASSERT(crc32c(view.subspan(cut), crc32c(view.first(cut))) == whole);
  }));
}
