#include "axs/live/incarnation.h"

#include <charconv>

namespace axs::live {

Result<std::uint32_t> next_incarnation(const std::string& path, host::FileAccess access) {
  std::uint32_t number = 0;
  const auto text = host::read_file(path, 64);
  if (!text && text.error().code != Errc::not_found) return text.error();
  if (text) {
    const auto* first = reinterpret_cast<const char*>(text->data());
    if (std::from_chars(first, first + text->size(), number).ec != std::errc{})
      return Error{Errc::corrupt, path + ": no number, want one"};
  }
  const std::string next = std::to_string(++number);
  AXS_TRY(host::write_file_atomically(
      path, {reinterpret_cast<const std::uint8_t*>(next.data()), next.size()}, access));
  return number;
}

}  // namespace axs::live
