#pragma once

#include <cstdint>

#include "axs/core/wire.h"

namespace axs {

/// CRC-32C (Castagnoli; RFC 3720 section 12.1, test vectors in B.4) of `data` after what `crc`
/// covers already: crc32c(b, crc32c(a)) is that of a followed by b.
std::uint32_t crc32c(ByteView data, std::uint32_t crc = 0);

/// The same without special instructions; the reference for tests.
std::uint32_t crc32c_portable(ByteView data, std::uint32_t crc = 0);

}  // namespace axs
