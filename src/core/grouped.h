#pragma once

#include <cstdint>
#include <string>

namespace axs {

/// 1500160 as "1,500,160".
std::string grouped(std::uint64_t number);

}  // namespace axs
