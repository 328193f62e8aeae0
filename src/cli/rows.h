#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace CLI {
class App;
}

namespace axs::cli {

/// A whole number, a number and how many decimals of it people are shown, a text, or nothing.
struct Decimal {
  double value;
  int decimals;
};
using Cell = std::variant<std::monostate, std::int64_t, Decimal, std::string>;

/// As a table shows it: "-" for nothing.
std::string for_people(const Cell& cell);

/// What a command found out, once for people, programs and spreadsheets.
struct Rows {
  struct Column {
    std::string key;    ///< In CSV and JSON, with the unit: "rtt_ms".
    std::string title;  ///< Above the table: "RTT [ms]".
  };
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

/// --json, --csv, or the table.
struct RowsFormat {
  bool json = false;
  bool csv = false;

  void declare(CLI::App& app);
  /// `name` is the key of the list in the JSON object. Numbers in CSV and JSON have all their
  /// digits.
  std::string text(const Rows& rows, const std::string& name) const;
};

}  // namespace axs::cli
