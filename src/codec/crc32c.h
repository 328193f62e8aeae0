#pragma once

#include <cstdint>

#include "axs/core/wire.h"

namespace axs::codec {

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4): any one burst of at most 32 wrong bits changes it,
/// any other damage does with probability 1 - 2^-32. Against accidents, not against an adversary.
std::uint32_t crc32c(ByteView data);

namespace detail {

/// The same number without the processor's instruction for it.
std::uint32_t crc32c_portable(ByteView data);

}  // namespace detail

}  // namespace axs::codec
