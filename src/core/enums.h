#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include "axs/core/fields.h"

namespace axs {

/// Our enums number their values 0, 1, 2 ... without a gap, at most 32 of them; so a value from the
/// wire can be checked and a value in a log has a name.
template <class E>
  requires std::is_enum_v<E>
consteval std::string_view enum_name_at(auto index) {
  // GCC says "... Pointer = Colour::red; ..." for a named value and "(Colour)7" for another, Clang
  // alike.
  std::string_view text = fields_detail::signature<static_cast<E>(index())>();
  text.remove_prefix(text.find('=') + 2);
  text = text.substr(0, text.find_first_of(";]"));
  const std::string_view name = text.substr(text.find_last_of(":)") + 1);
  const bool named = !name.empty() && (name[0] < '0' || name[0] > '9') && name[0] != '-';
  return named ? name : std::string_view{};
}

template <class E>
consteval auto enum_names_padded() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<std::string_view, sizeof...(I)>{
        enum_name_at<E>(std::integral_constant<std::underlying_type_t<E>,
                                               static_cast<std::underlying_type_t<E>>(I)>{})...};
  }(std::make_index_sequence<32>{});
}

/// How many values E has.
template <class E>
inline constexpr std::size_t enum_count = [] {
  std::size_t n = 0;
  for (const auto name : enum_names_padded<E>()) {
    if (name.empty()) break;
    ++n;
  }
  return n;
}();

/// The name of `value` as written in the source, or "?" if E has no such value.
template <class E>
constexpr std::string_view enum_name(E value) {
  constexpr auto names = enum_names_padded<E>();
  const auto index = static_cast<std::size_t>(value);
  return index < enum_count<E> ? names[index] : std::string_view{"?"};
}

}  // namespace axs
