#pragma once

#include <cstddef>
#include <string_view>

/// Takes a file into the program at build time: `axs::taken_in(name_begin, name_end)` is its text.
/// `path` is a string literal. The build must say that the object depends on the file. Only in .cpp
/// files, outside of namespaces; `.incbin` does it without a compiler having to read a literal.
#define AXS_TAKE_IN(name, path)                                              \
  __asm__(".section .rodata\n" #name "_begin:\n.incbin \"" path "\"\n" #name \
          "_end:\n.byte 0\n.previous\n");                                    \
  extern "C" const char name##_begin[];                                      \
  extern "C" const char name##_end[]

namespace axs {

inline std::string_view taken_in(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace axs
