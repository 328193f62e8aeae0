#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "axs/core/assert.h"

namespace axs {

/// invalid: the input is wrong (exit code 2); the others: the job failed (exit code 1).
enum class Errc { invalid, not_found, unavailable, timeout, corrupt, exhausted };

/// `what` names the thing, what was seen and what was wanted: "link ams-lon: rate -3 Gb/s, want >
/// 0".
struct [[nodiscard]] Error {
  Errc code;
  std::string what;
};

struct Ok {};

/// A value or an Error. Same names as std::expected, but [[nodiscard]], so an error cannot be
/// dropped.
template <class T = Ok>
class [[nodiscard]] Result {
  static_assert(!std::is_reference_v<T>);

 public:
  Result(T value) : state_{std::in_place_index<0>, std::move(value)} {}
  Result(Error error) : state_{std::in_place_index<1>, std::move(error)} {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return const_cast<T&>(value()); }
  /// By value: `for (x : *list())` must not walk through what is gone.
  T operator*() && { return std::move(const_cast<T&>(value())); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &const_cast<T&>(value()); }
  const Error& error() const& {
    AXS_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && { return std::move(const_cast<Error&>(std::as_const(*this).error())); }

 private:
  const T& value() const {
    AXS_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

}  // namespace axs

/// The value of a Result, or return its error (the `?` that C++ lacks; GCC and Clang). Not where
/// the same expression or braced list has made something before: GCC would not destroy that.
#define AXS_TRY(expression)                                \
  (__extension__({                                         \
    auto axs_result = (expression);                        \
    if (!axs_result) return std::move(axs_result).error(); \
    *std::move(axs_result);                                \
  }))
