#pragma once

#include <cstdint>
#include <string>

#include "axs/host/file.h"

namespace axs::live {

/// The number of this start of a process, from 1: one more than the file says, which holds it
/// before this returns, so that it is on the disk before anyone hears of it.
Result<std::uint32_t> next_incarnation(const std::string& path, host::FileAccess access);

}  // namespace axs::live
