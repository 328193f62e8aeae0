#pragma once

#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace axs::cli {

/// Reads events.jsonl while somebody writes it: each call gives the lines that have become whole.
class EventTail {
 public:
  explicit EventTail(std::string path) : path_{std::move(path)} {}

  /// Lines that are no JSON are passed over.
  std::vector<nlohmann::json> next();

 private:
  std::string path_;
  std::ifstream file_;
  std::string partial_;
};

/// One line for people about an event, or nothing if it is not worth one.
std::optional<std::string> describe(const nlohmann::json& event);

}  // namespace axs::cli
