#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "axs/core/enums.h"
#include "axs/core/fields.h"
#include "axs/core/result.h"
#include "axs/core/units.h"

/// One binary form for plain structs: fields in order, little-endian, no padding, counts as 32
/// bits. It carries messages between our processes, records in our logs, and what the digest of a
/// twin run covers.
namespace axs {

using ByteVector = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

namespace wire_detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

template <class T>
inline constexpr bool is_quantity = false;
template <int T, int L, int D, int W, int E, int M>
inline constexpr bool is_quantity<Quantity<T, L, D, W, E, M>> = true;

template <class T>
concept Scalar = std::integral<T> || std::floating_point<T>;

}  // namespace wire_detail

/// Appends the binary form of values to a buffer that it borrows.
class WireWriter {
 public:
  explicit WireWriter(ByteVector& out) : out_{out} {}

  void bytes(ByteView data) { out_.insert(out_.end(), data.begin(), data.end()); }

  template <class T>
  void put(const T& value) {
    using namespace wire_detail;
    if constexpr (Scalar<T>)
      put_scalar(value);
    else if constexpr (is_quantity<T>)
      put_scalar(value.value());
    else if constexpr (std::is_enum_v<T>)
      put_scalar(static_cast<std::uint8_t>(value));
    else if constexpr (std::same_as<T, std::string> || is_vector<T>)
      put_sequence(value);
    else if constexpr (is_array<T>)
      put_elements(value);
    else if constexpr (is_optional<T>)
      put_optional(value);
    else if constexpr (is_variant<T>)
      put_variant(value);
    else if constexpr (is_pair<T>)
      put(value.first), put(value.second);
    else
      std::apply([this](const auto&... field) { (this->put(field), ...); }, tie_fields(value));
  }

 private:
  template <class T>
  void put_scalar(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::array<std::uint8_t, sizeof(T)> raw;
    std::memcpy(raw.data(), &value, sizeof(T));
    bytes(raw);
  }
  template <class T>
  void put_sequence(const T& value) {
    put_scalar(static_cast<std::uint32_t>(value.size()));
    put_elements(value);
  }
  template <class T>
  void put_elements(const T& value) {
    using Element = typename T::value_type;
    if constexpr (sizeof(Element) == 1 && wire_detail::Scalar<Element>)
      bytes({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});
    else
      for (const auto& element : value) put<Element>(element);
  }
  template <class T>
  void put_optional(const T& value) {
    put_scalar(static_cast<std::uint8_t>(value.has_value()));
    if (value) put(*value);
  }
  template <class T>
  void put_variant(const T& value) {
    static_assert(std::variant_size_v<T> <= 255);
    put_scalar(static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& held) { this->put(held); }, value);
  }

  ByteVector& out_;
};

/// Reads what WireWriter wrote. Any input is safe: once something does not fit, ok() is false for
/// good and every further value is empty. A count is believed only as far as bytes follow: each
/// element of a sequence takes at least one, so memory is bounded by the size of the input times
/// that of the largest element (twice that while a vector grows).
class WireReader {
 public:
  explicit WireReader(ByteView data) : data_{data} {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return data_.size(); }

  /// The next n bytes, or an empty view and ok() false.
  ByteView bytes(std::size_t n) {
    if (n > data_.size()) {
      fail();
      return {};
    }
    const ByteView head = data_.first(n);
    data_ = data_.subspan(n);
    return head;
  }

  template <class T>
  void get(T& value) {
    using namespace wire_detail;
    if constexpr (std::same_as<T, bool>)
      value = get_byte_below(2) == 1;
    else if constexpr (Scalar<T>)
      get_scalar(value);
    else if constexpr (is_quantity<T>)
      get_quantity(value);
    else if constexpr (std::is_enum_v<T>)
      value = static_cast<T>(get_byte_below(enum_count<T>));
    else if constexpr (std::same_as<T, std::string> || is_vector<T>)
      get_sequence(value);
    else if constexpr (is_array<T>)
      get_elements(value);
    else if constexpr (is_optional<T>)
      get_optional(value);
    else if constexpr (is_variant<T>)
      get_variant(value);
    else if constexpr (is_pair<T>)
      get(value.first), get(value.second);
    else
      std::apply([this](auto&... field) { (this->get(field), ...); }, tie_fields(value));
  }

 private:
  void fail() {
    ok_ = false;
    data_ = {};
  }
  template <class T>
  void get_scalar(T& value) {
    value = T{};
    const ByteView raw = bytes(sizeof(T));
    if (ok_) std::memcpy(&value, raw.data(), sizeof(T));
  }
  template <class T>
  void get_quantity(T& value) {
    double number;
    get_scalar(number);
    value = T{number};
  }
  std::uint8_t get_byte_below(std::size_t bound) {
    std::uint8_t byte;
    get_scalar(byte);
    if (byte >= bound) fail();
    return byte < bound ? byte : std::uint8_t{0};
  }
  template <class T>
  void get_sequence(T& value) {
    using Element = typename T::value_type;
    static_assert(!std::is_empty_v<Element>,
                  "a count of empty elements is not bounded by the input");
    std::uint32_t size;
    get_scalar(size);
    if (size > data_.size()) return fail();
    if constexpr (sizeof(Element) == 1 && wire_detail::Scalar<Element>) {
      const ByteView raw = bytes(size);
      value.assign(raw.begin(), raw.end());
    } else {
      value.clear();
      for (std::uint32_t i = 0; i < size && ok_; ++i) get(value.emplace_back());
    }
  }
  template <class T>
  void get_elements(T& value) {
    for (auto& element : value) get(element);
  }
  template <class T>
  void get_optional(T& value) {
    value.reset();
    if (get_byte_below(2) == 1) get(value.emplace());
  }
  template <class T>
  void get_variant(T& value) {
    const std::uint8_t index = get_byte_below(std::variant_size_v<T>);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((index == I ? get(value.template emplace<I>()) : void(0)), ...);
    }(std::make_index_sequence<std::variant_size_v<T>>{});
  }

  ByteView data_;
  bool ok_ = true;
};

template <class T>
ByteVector to_wire(const T& value) {
  ByteVector out;
  WireWriter{out}.put(value);
  return out;
}

/// The value that `data` holds, all of it: bytes left over are an error too.
template <class T>
Result<T> from_wire(ByteView data, std::string_view what) {
  WireReader reader{data};
  T value{};
  reader.get(value);
  if (reader.ok() && reader.remaining() == 0) return value;
  return Error{Errc::corrupt, std::string{what} + ": malformed record of " +
                                  std::to_string(data.size()) + " bytes"};
}

}  // namespace axs
