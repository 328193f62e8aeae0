#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "axs/core/result.h"

/// Which versions of the messages between agents an agent speaks. The two of a session tell each
/// other their range inside the handshake, so that nobody on the way can lower it, and speak the
/// smaller one of their highest.
namespace axs::net {

/// Both ends included.
struct VersionRange {
  std::uint16_t lowest = 1;
  std::uint16_t highest = 1;
};

/// Of everything that is sealed: packets, hellos, messages between sites. A change that an older
/// agent would misread raises `highest`; `lowest` follows when the older form is dropped.
/// 2: an order says by which rule. 3: a receiver may want a transfer again.
inline constexpr VersionRange spoken_versions{3, 3};

inline std::string text_of(const VersionRange& range) {
  const std::string lowest = std::to_string(range.lowest);
  return range.lowest == range.highest ? lowest : lowest + " to " + std::to_string(range.highest);
}

/// What both speak; Errc::unavailable if there is none.
inline Result<std::uint16_t> agree(const VersionRange& own, const VersionRange& peer) {
  const std::uint16_t version = std::min(own.highest, peer.highest);
  if (version >= own.lowest && version >= peer.lowest) return version;
  return Error{Errc::unavailable, "it speaks version " + text_of(peer) +
                                      " of the messages, this agent version " + text_of(own)};
}

}  // namespace axs::net
