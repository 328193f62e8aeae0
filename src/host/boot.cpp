#include "axs/host/boot.h"

#include "axs/host/file.h"

namespace axs::host {

std::array<std::uint8_t, 16> boot_id() {
  std::array<std::uint8_t, 16> id{};
  // It reads "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".
  const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  if (!text) return id;
  std::size_t digits = 0;
  for (const std::uint8_t c : *text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0 || digits == 32) continue;
    id[digits / 2] = static_cast<std::uint8_t>(id[digits / 2] * 16 + digit);
    ++digits;
  }
  return id;
}

}  // namespace axs::host
