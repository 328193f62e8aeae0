#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

/// The fields of a plain struct, with their names, without writing them down twice. The wire
/// format, the event log and the digest of a twin run are all derived from the struct itself
/// through for_each_field().
namespace axs {

namespace fields_detail {

/// Converts to whatever the next field of an aggregate is.
struct Anything {
  template <class T>
  operator T() const;
};

template <class T, class... Given>
consteval std::size_t count() {
  if constexpr (requires { T{Given{}..., Anything{}}; })
    return count<T, Given..., Anything>();
  else
    return sizeof...(Given);
}

}  // namespace fields_detail

/// How many fields the aggregate has. A struct of 12 fields is the largest that we take; split
/// beyond.
template <class T>
inline constexpr std::size_t field_count = fields_detail::count<std::remove_cv_t<T>>();

/// A tuple of references to the fields of `object`, in the order of their declaration.
template <class T>
constexpr auto tie_fields(T& object) {
  constexpr std::size_t n = field_count<T>;
  static_assert(n <= 12, "a record with more than 12 fields: group them into structs");
  // clang-format off
  if constexpr (n == 0) { return std::tuple<>{}; }
  else if constexpr (n == 1) { auto& [a] = object; return std::tie(a); }
  else if constexpr (n == 2) { auto& [a, b] = object; return std::tie(a, b); }
  else if constexpr (n == 3) { auto& [a, b, c] = object; return std::tie(a, b, c); }
  else if constexpr (n == 4) { auto& [a, b, c, d] = object; return std::tie(a, b, c, d); }
  else if constexpr (n == 5) { auto& [a, b, c, d, e] = object; return std::tie(a, b, c, d, e); }
  else if constexpr (n == 6) { auto& [a, b, c, d, e, f] = object; return std::tie(a, b, c, d, e, f); }
  else if constexpr (n == 7) { auto& [a, b, c, d, e, f, g] = object; return std::tie(a, b, c, d, e, f, g); }
  else if constexpr (n == 8) { auto& [a, b, c, d, e, f, g, h] = object; return std::tie(a, b, c, d, e, f, g, h); }
  else if constexpr (n == 9) { auto& [a, b, c, d, e, f, g, h, i] = object; return std::tie(a, b, c, d, e, f, g, h, i); }
  else if constexpr (n == 10) { auto& [a, b, c, d, e, f, g, h, i, j] = object; return std::tie(a, b, c, d, e, f, g, h, i, j); }
  else if constexpr (n == 11) { auto& [a, b, c, d, e, f, g, h, i, j, k] = object; return std::tie(a, b, c, d, e, f, g, h, i, j, k); }
  else { auto& [a, b, c, d, e, f, g, h, i, j, k, l] = object; return std::tie(a, b, c, d, e, f, g, h, i, j, k, l); }
  // clang-format on
}

namespace fields_detail {

template <class T>
struct Holder {
  T value;
};
#pragma GCC diagnostic push
#if defined(__clang__)
#pragma GCC diagnostic ignored "-Wundefined-var-template"
#pragma GCC diagnostic ignored "-Wundefined-internal"
#endif
/// Never defined: only the addresses of its fields are taken, at compile time, for their names.
template <class T>
extern const Holder<T> nowhere;

template <class T>
struct Address {
  const T* pointer;
};
template <class T>
Address(const T*) -> Address<T>;

template <auto Pointer>
consteval std::string_view signature() {
  return __PRETTY_FUNCTION__;
}

template <class T, std::size_t I>
consteval std::string_view field_name() {
  // GCC ends in "...Record::name)}; std::string_view = ...]", Clang in "...value.name}]".
  std::string_view text = signature<Address{&std::get<I>(tie_fields(nowhere<T>.value))}>();
  text = text.substr(0, text.rfind('}'));
  if (text.ends_with(')')) text.remove_suffix(1);
  return text.substr(text.find_last_of(":.") + 1);
}
#pragma GCC diagnostic pop

}  // namespace fields_detail

/// The names of the fields of T, in the order of their declaration.
template <class T>
constexpr auto field_names() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<std::string_view, sizeof...(I)>{fields_detail::field_name<T, I>()...};
  }(std::make_index_sequence<field_count<T>>{});
}

/// Calls visit(name, field) for each field of the struct, in the order of their declaration.
template <class T, class Visit>
constexpr void for_each_field(T& object, Visit&& visit) {
  constexpr auto names = field_names<std::remove_const_t<T>>();
  auto fields = tie_fields(object);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit(names[I], std::get<I>(fields)), ...);
  }(std::make_index_sequence<names.size()>{});
}

}  // namespace axs
