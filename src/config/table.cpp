#include "axs/config/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "axs/config/quantity.h"

namespace axs::config {

namespace {

std::string describe(const toml::node& node) {
  if (const auto* text = node.as_string()) return "\"" + text->get() + "\"";
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (node.is_array()) return "a list";
  return node.is_table() ? "a table" : "a date";
}

/// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

Result<toml::table> parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return Error{Errc::invalid,
                 fmt::format("{}:{}: {}", file, error.source().begin.line, error.description())};
  }
}

std::string Table::place(std::string_view key) const {
  const std::string name = path_.empty() ? std::string{key} : path_ + "." + std::string{key};
  const toml::node* node = table_.get(key);
  const auto line = (node != nullptr ? node->source() : table_.source()).begin.line;
  return line == 0 ? fmt::format("{}: {}", problem_.file, name)
                   : fmt::format("{}:{}: {}", problem_.file, line, name);
}

void Table::fail(std::string_view key, const std::string& what) {
  if (!problem_.first) problem_.first = Error{Errc::invalid, place(key) + ": " + what};
}

const toml::node* Table::find(std::string_view key) {
  asked_.insert(std::string{key});
  return table_.get(key);
}

template <class T>
std::optional<T> Table::get(std::string_view key, std::string_view want) {
  const toml::node* node = find(key);
  if (node == nullptr) {
    fail(key, fmt::format("missing, want {}", want));
    return std::nullopt;
  }
  if (auto value = node->value<T>()) return value;
  fail(key, fmt::format("{}, want {}", describe(*node), want));
  return std::nullopt;
}

std::string Table::text(std::string_view key) {
  // A bare number where a count is wanted is fine: tokens = 12000.
  const toml::node* node = find(key);
  if (node != nullptr && node->is_number()) return describe(*node);
  return get<std::string>(key, "text in quotes").value_or("");
}

double Table::number(std::string_view key, double least, double most) {
  const auto value = get<double>(key, "a number");
  // Written so that NaN is refused too.
  if (value && !(*value >= least && *value <= most))
    fail(key, fmt::format("{}, want {} to {}", *value, least, most));
  return value.value_or(least);
}

std::uint64_t Table::whole(std::string_view key, std::uint64_t least, std::uint64_t most) {
  const auto value = get<std::int64_t>(key, "a whole number");
  if (!value) return least;
  if (*value >= 0 && static_cast<std::uint64_t>(*value) >= least &&
      static_cast<std::uint64_t>(*value) <= most)
    return static_cast<std::uint64_t>(*value);
  fail(key, fmt::format("{}, want {} to {}", *value, least, most));
  return least;
}

Duration Table::duration(std::string_view key, Duration most) {
  const Duration value = quantity(key, parse_duration);
  if (value > most)
    fail(key,
         fmt::format("duration \"{}\", want at most {} s", text(key), most.ns / 1'000'000'000));
  return std::min(value, most);
}

Duration Table::time_ahead(std::string_view key, Duration most) {
  const toml::node* node = find(key);
  if (is_text(key)) {
    const auto span = parse_duration(text(key));
    if (span && *span > Duration{} && *span <= most) return *span;
  }
  fail(key, fmt::format("{}, want how long from now the job may take, no date, more than 0 and at "
                        "most {:.0f} years, like \"30 d\"",
                        node == nullptr ? "nothing" : describe(*node),
                        most.seconds() / (365.25 * 86'400)));
  return {};
}

bool Table::flag(std::string_view key) {
  return get<bool>(key, "true or false").value_or(false);
}

void Table::table(std::string_view key, const std::function<void(Table&)>& read) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (!node->is_table()) return fail(key, describe(*node) + ", want a table");
  Table inner{*node->as_table(), path_.empty() ? std::string{key} : path_ + "." + std::string{key},
              problem_};
  read(inner);
  inner.finish();
}

void Table::tables(std::string_view key, const std::function<void(Table&)>& read) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) return fail(key, describe(*node) + ", want a list of tables");
  int index = 0;
  for (const toml::node& element : *array) {
    ++index;
    if (!element.is_table()) return fail(key, describe(element) + ", want a table");
    const std::string name = fmt::format("{}[{}]", key, index);
    Table inner{*element.as_table(), path_.empty() ? name : path_ + "." + name, problem_};
    read(inner);
    inner.finish();
  }
}

std::pair<double, double> Table::two_numbers(std::string_view key) {
  const toml::node* node = find(key);
  const toml::array* array = node == nullptr ? nullptr : node->as_array();
  if (array != nullptr && array->size() == 2) {
    const auto first = (*array)[0].value<double>(), second = (*array)[1].value<double>();
    if (first && second) return {*first, *second};
  }
  fail(key, node == nullptr ? "missing, want two numbers" : describe(*node) + ", want two numbers");
  return {};
}

std::pair<std::string, std::string> Table::two_texts(std::string_view key) {
  const toml::node* node = find(key);
  const toml::array* array = node == nullptr ? nullptr : node->as_array();
  if (array != nullptr && array->size() == 2) {
    const auto first = (*array)[0].value<std::string>(), second = (*array)[1].value<std::string>();
    if (first && second) return {*first, *second};
  }
  fail(key, node == nullptr ? "missing, want two names" : describe(*node) + ", want two names");
  return {};
}

std::vector<std::string> Table::texts(std::string_view key) {
  const toml::node* node = find(key);
  const toml::array* array = node == nullptr ? nullptr : node->as_array();
  std::vector<std::string> found;
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i)
    if (const auto text = (*array)[i].value_exact<std::string>()) found.push_back(*text);
  if (array != nullptr && array->empty()) fail(key, "an empty list, want a text at least");
  if (array == nullptr || found.size() != array->size())
    fail(key, (node == nullptr ? "missing" : describe(*node)) + ", want a list of texts");
  return found;
}

void Table::finish() {
  for (const auto& [key, node] : table_) {
    if (asked_.contains(key.str())) continue;
    std::string nearest;
    for (const std::string& known : asked_)
      if (nearest.empty() || distance(known, key.str()) < distance(nearest, key.str()))
        nearest = known;
    const bool close = !nearest.empty() && distance(nearest, key.str()) <= 2;
    fail(key.str(), close ? "unknown key; did you mean " + nearest + "?" : "unknown key");
  }
}

}  // namespace axs::config
