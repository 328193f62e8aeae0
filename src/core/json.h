#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "axs/core/crypto.h"
#include "axs/core/id.h"
#include "axs/core/time.h"
#include "axs/core/wire.h"

/// Plain structs as JSON text, derived from the structs themselves, for the event log and for
/// --json.
namespace axs {

namespace json_detail {

inline void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (byte < 0x20) {
      (out += "\\u00") += to_hex({&byte, 1});
    } else {
      out += c;
    }
  }
  out += '"';
}

template <class T>
void append_number(std::string& out, T value) {
  if constexpr (std::floating_point<T>) {
    // JSON has no infinity and no NaN.
    if (!std::isfinite(value)) {
      out += "null";
      return;
    }
  }
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

template <class T>
void append(std::string& out, const T& value);

template <class T>
void append_list(std::string& out, const T& list) {
  out += '[';
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ',';
    first = false;
    append<typename T::value_type>(out, element);
  }
  out += ']';
}

/// `"a":1,"b":2`, without the braces.
template <class T>
void append_fields(std::string& out, const T& record) {
  bool first = true;
  for_each_field(record, [&](std::string_view name, const auto& field) {
    if (!first) out += ',';
    first = false;
    append_string(out, name);
    out += ':';
    append(out, field);
  });
}

template <class T>
void append(std::string& out, const T& value) {
  using namespace wire_detail;
  if constexpr (std::same_as<T, bool>)
    out += value ? "true" : "false";
  else if constexpr (Scalar<T>)
    append_number(out, value);
  else if constexpr (is_quantity<T>)
    append_number(out, value.value());
  else if constexpr (std::is_enum_v<T>)
    append_string(out, enum_name(value));
  else if constexpr (std::convertible_to<T, std::string_view>)
    append_string(out, value);
  else if constexpr (std::same_as<T, Hash256>)
    append_string(out, to_hex(value));
  else if constexpr (std::same_as<T, Duration> || std::same_as<T, Instant>)
    append(out, value.ns);
  else if constexpr (std::same_as<T, SiteId> || std::same_as<T, LinkId>)
    append(out, value.value);
  else if constexpr (is_vector<T> || is_array<T>)
    append_list(out, value);
  else if constexpr (is_optional<T>)
    value ? append(out, *value) : void(out += "null");
  else if constexpr (is_pair<T>) {
    out += '[';
    append(out, value.first);
    out += ',';
    append(out, value.second);
    out += ']';
  } else {
    out += '{';
    append_fields(out, value);
    out += '}';
  }
}

}  // namespace json_detail

/// The name of a record type as written in its declaration.
template <class T>
constexpr std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text = text.substr(text.find("T = ") + 4);
  text = text.substr(0, text.find_first_of(";]"));
  return text.substr(text.rfind(':') + 1);
}

/// One JSON value: structs become objects, times nanoseconds, hashes hexadecimal, enums their
/// names.
template <class T>
std::string to_json(const T& value) {
  std::string out;
  json_detail::append(out, value);
  return out;
}

/// `"name":value` pairs of a record, without braces, to be put into an object that has more.
template <class T>
std::string to_json_fields(const T& record) {
  std::string out;
  json_detail::append_fields(out, record);
  return out;
}

}  // namespace axs
