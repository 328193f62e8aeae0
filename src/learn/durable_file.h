#pragma once

#include <span>
#include <string>

#include "axs/core/result.h"
#include "axs/core/wire.h"

namespace axs::learn {

/// Replaces the file by the parts, one after the other: written beside it, synced, renamed, and the
/// folder synced. After Ok the new content survives a power cut; after an Error the old file is as
/// it was.
Result<> write_file_durably(const std::string& path, std::span<const ByteView> parts);

/// Everything in the file.
Result<ByteVector> read_whole_file(const std::string& path);

}  // namespace axs::learn
