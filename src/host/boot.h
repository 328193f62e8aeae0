#pragma once

#include <array>
#include <cstdint>

namespace axs::host {

/// The kernel's id of this boot, another after each; all zero where the kernel hides it.
std::array<std::uint8_t, 16> boot_id();

}  // namespace axs::host
