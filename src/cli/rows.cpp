#include "axs/cli/rows.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace axs::cli {
namespace {

/// What a cell is to a program; a number that is none is nothing.
std::string exact(const Cell& cell) {
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *whole);
  if (const auto* number = std::get_if<Decimal>(&cell))
    return std::isfinite(number->value) ? fmt::format("{}", number->value) : "";
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return "";
}

/// RFC 4180.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string{c};
  return quoted + "\"";
}

std::string as_csv(const Rows& rows) {
  std::string text;
  for (std::size_t i = 0; i < rows.columns.size(); ++i)
    text += (i == 0 ? "" : ",") + rows.columns[i].key;
  text += "\n";
  for (const auto& row : rows.rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      text += (i == 0 ? "" : ",") + csv_cell(exact(row[i]));
    text += "\n";
  }
  return text;
}

nlohmann::ordered_json json_cell(const Cell& cell) {
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return *whole;
  if (const auto* number = std::get_if<Decimal>(&cell); number && std::isfinite(number->value))
    return number->value;
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return nullptr;
}

std::string as_json(const Rows& rows, const std::string& name) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows.rows) {
    nlohmann::ordered_json object;
    for (std::size_t i = 0; i < row.size(); ++i) object[rows.columns[i].key] = json_cell(row[i]);
    list.push_back(std::move(object));
  }
  nlohmann::ordered_json document{{"version", 1}};
  document[name] = std::move(list);
  return document.dump(2) + "\n";
}

/// Texts to the left, numbers to the right, each column as wide as its widest cell.
std::string as_table(const Rows& rows) {
  std::vector<std::vector<std::string>> lines(1);
  std::vector<bool> is_text(rows.columns.size());
  for (const Rows::Column& column : rows.columns) lines[0].push_back(column.title);
  for (const auto& row : rows.rows) {
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.push_back(for_people(row[i]));
      is_text[i] = is_text[i] || std::holds_alternative<std::string>(row[i]);
    }
  }
  std::vector<std::size_t> widths(rows.columns.size());
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (const auto& line : lines) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i)
      out += (i == 0 ? "" : "  ") + (is_text[i] ? fmt::format("{:<{}}", line[i], widths[i])
                                                : fmt::format("{:>{}}", line[i], widths[i]));
    text += out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

std::string for_people(const Cell& cell) {
  const auto* number = std::get_if<Decimal>(&cell);
  if (number == nullptr) return std::holds_alternative<std::monostate>(cell) ? "-" : exact(cell);
  return std::isfinite(number->value) ? fmt::format("{:.{}f}", number->value, number->decimals)
                                      : "-";
}

void RowsFormat::declare(CLI::App& app) {
  CLI::Option* as_object = app.add_flag("--json", json, "Print one JSON object");
  app.add_flag("--csv", csv, "Print comma-separated values")->excludes(as_object);
}

std::string RowsFormat::text(const Rows& rows, const std::string& name) const {
  if (json) return as_json(rows, name);
  return csv ? as_csv(rows) : as_table(rows);
}

}  // namespace axs::cli
