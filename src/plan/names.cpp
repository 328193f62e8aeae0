#include "axs/plan/names.h"

#include <algorithm>

namespace axs::plan {

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') plain += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) plain += c;
  }
  return plain;
}

std::size_t likeness(const std::vector<std::string>& plain_names, std::string_view text) {
  const std::string plain = plain_name(text);
  std::size_t most = 0;
  for (const std::string& name : plain_names) {
    if (name == plain) return plain.size() + 1;
    if (plain.find(name) != std::string::npos) most = std::max(most, name.size());
  }
  return most;
}

}  // namespace axs::plan
