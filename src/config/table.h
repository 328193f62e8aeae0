#pragma once

#include <toml++/toml.h>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/time.h"

namespace axs::config {

/// The text of a TOML file, or an error with its line.
Result<toml::table> parse_toml(std::string_view text, const std::string& file);

/// One table of a TOML file, read key by key. The first thing that is wrong is remembered, with
/// file, line, key, what was seen and what was wanted; reading goes on with empty values, so that
/// code that reads stays straight. Keys that nobody asked for are an error too: a misspelt option
/// must not be ignored.
class Table {
 public:
  struct Problem {
    std::string file;
    std::optional<Error> first;
  };

  Table(const toml::table& table, std::string path, Problem& problem)
      : table_{table}, path_{std::move(path)}, problem_{problem} {}

  bool has(std::string_view key) { return find(key) != nullptr; }
  bool is_text(std::string_view key) { return has(key) && find(key)->is_string(); }

  /// The value of a key that must be there.
  std::string text(std::string_view key);
  double number(std::string_view key, double least, double most);
  std::uint64_t whole(std::string_view key, std::uint64_t least, std::uint64_t most);
  bool flag(std::string_view key);

  /// A quantity: text that `parse` understands.
  template <class T>
  T quantity(std::string_view key, Result<T> (*parse)(std::string_view)) {
    const auto value = parse(text(key));
    if (value) return *value;
    fail(key, value.error().what);
    return T{};
  }
  /// A span of time of at most `most`.
  Duration duration(std::string_view key, Duration most);
  /// The same from now on: above 0, and no date, for nobody here knows what time it is.
  Duration time_ahead(std::string_view key, Duration most);
  /// One of several words.
  template <class T>
  T choice(std::string_view key, std::initializer_list<std::pair<std::string_view, T>> words) {
    const std::string seen = text(key);
    std::string want;
    for (const auto& [word, value] : words) {
      if (word == seen) return value;
      want += (want.empty() ? "\"" : ", \"") + std::string{word} + "\"";
    }
    fail(key, "\"" + seen + "\", want one of " + want);
    return words.begin()->second;
  }

  /// A table in this one; read() is called if it is there.
  void table(std::string_view key, const std::function<void(Table&)>& read);
  /// An array of tables: [[key]] or key = [{...}].
  void tables(std::string_view key, const std::function<void(Table&)>& read);
  /// An array of exactly two numbers or two texts.
  std::pair<double, double> two_numbers(std::string_view key);
  std::pair<std::string, std::string> two_texts(std::string_view key);
  /// An array of texts, one at least.
  std::vector<std::string> texts(std::string_view key);

  /// Records what is wrong with a key.
  void fail(std::string_view key, const std::string& what);
  /// Records a key that nobody has asked for, if there is one.
  void finish();

 private:
  const toml::node* find(std::string_view key);
  template <class T>
  std::optional<T> get(std::string_view key, std::string_view want);
  std::string place(std::string_view key) const;

  const toml::table& table_;
  std::string path_;
  Problem& problem_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace axs::config
