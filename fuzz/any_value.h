#pragma once

#include "axs/core/rng.h"
#include "axs/core/wire.h"

namespace axs::fuzz {

/// Fills records with values that are mostly small and sometimes extreme, field by field, as
/// core/wire.h walks through them. Any type that has a wire form will do.
class AnyValue {
 public:
  explicit AnyValue(Rng& rng) : rng_{rng} {}

  template <class T>
  void fill(T& value) {
    using namespace wire_detail;
    if constexpr (std::same_as<T, bool>)
      value = rng_.chance(0.5);
    else if constexpr (std::integral<T>)
      value = static_cast<T>(number());
    else if constexpr (std::floating_point<T>)
      value = static_cast<T>(static_cast<std::int64_t>(number())) / 7;
    else if constexpr (is_quantity<T>)
      value = T{static_cast<double>(number())};
    else if constexpr (std::is_enum_v<T>)
      value = static_cast<T>(rng_.below(enum_count<T>));
    else if constexpr (std::same_as<T, std::string>)
      value.assign(rng_.below(12), static_cast<char>('a' + rng_.below(26)));
    else if constexpr (is_vector<T>)
      fill_vector(value);
    else if constexpr (is_array<T>)
      for (auto& element : value) fill(element);
    else if constexpr (is_optional<T>)
      rng_.chance(0.5) ? fill(value.emplace()) : value.reset();
    else if constexpr (is_variant<T>)
      fill_variant(value);
    else if constexpr (is_pair<T>)
      fill(value.first), fill(value.second);
    else
      std::apply([this](auto&... field) { (this->fill(field), ...); }, tie_fields(value));
  }

 private:
  std::uint64_t number() {
    const std::uint64_t kind = rng_.below(8);
    if (kind == 0) return rng_.next();
    if (kind == 1) return ~rng_.below(4);
    return rng_.below(kind == 2 ? 100'000 : 4);
  }
  template <class T>
  void fill_vector(T& list) {
    list.resize(rng_.below(4));
    for (auto& element : list) fill(element);
  }
  template <class T>
  void fill_variant(T& value) {
    const std::uint64_t index = rng_.below(std::variant_size_v<T>);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((index == I ? fill(value.template emplace<I>()) : void(0)), ...);
    }(std::make_index_sequence<std::variant_size_v<T>>{});
  }

  Rng& rng_;
};

template <class T>
T any_value(Rng& rng) {
  T value{};
  AnyValue{rng}.fill(value);
  return value;
}

}  // namespace axs::fuzz
